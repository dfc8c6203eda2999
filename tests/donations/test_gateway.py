"""The Stripe gateway against the stand-in: its requests, its results, its errors."""

import socket
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from donations.stripe import client, gateway
from donations.stripe.amounts import AmountNotChargeable
from tests.stand_in import StandIn
from tests.stand_in.description import VERSION, find
from tests.stand_in.schemas import as_json_schema, components

EMAIL = "ada@example.org"


def open_session(running: StandIn, **changes: Any) -> gateway.CheckoutSession:
    wanted: dict[str, Any] = {
        "amount_minor": 50050,
        "currency": "HKD",
        "reference": "D-2026-00001",
        "description": "Mali: rescue and rehabilitation for survivors of trafficking",
        "email": EMAIL,
        "locale": "fr",
        "success_url": "https://charity.test/thanks?session={CHECKOUT_SESSION_ID}",
        "cancel_url": "https://charity.test/appeal",
        # Rounded to the hour, so that the same key always has the same arguments, as from a row.
        "expires_at": datetime.fromtimestamp(running.world.store.now() // 3600 * 3600, tz=UTC) + timedelta(hours=2),
        "metadata": {"attempt": "7"},
        "idempotency_key": "donation:7:session",
    }
    return gateway.create_checkout_session(**wanted | changes)


def pay(running: StandIn, session: gateway.CheckoutSession, card: str = "4242424242424242") -> str:
    intent_id: str = running.control.pay(session.id, card)["id"]
    return intent_id


class TestCheckout:
    def test_a_session_has_the_requested_values(self, stand_in: StandIn) -> None:
        session = open_session(stand_in)

        assert (session.status, session.payment_status) == ("open", "unpaid")
        assert (session.amount_minor, session.currency) == (50050, "HKD")
        assert (session.reference, session.metadata) == ("D-2026-00001", {"attempt": "7"})
        assert session.url == f"{stand_in.url}/c/pay/{session.id}"
        assert (session.payment_intent_id, session.livemode) == (None, False)
        assert timedelta(hours=1) <= session.expires_at - session.created_at <= timedelta(hours=2)

    def test_xof_amounts_have_no_decimals(self, stand_in: StandIn) -> None:
        session = open_session(stand_in, amount_minor=65500, currency="XOF")
        intent = gateway.fetch_payment_intent(pay(stand_in, session))

        assert stand_in.control.requests()[0]["params"]["line_items"][0]["price_data"]["unit_amount"] == 65500
        assert (intent.amount_received_minor, intent.currency) == (65500, "XOF")

    @pytest.mark.parametrize(("amount_minor", "currency", "stripes"), [(5000, "UGX", 500_000), (500_000, "MGA", 5000)])
    def test_stripes_special_currencies_round_trip(
        self, stand_in: StandIn, amount_minor: int, currency: str, stripes: int
    ) -> None:
        session = open_session(stand_in, amount_minor=amount_minor, currency=currency)

        assert stand_in.control.requests()[0]["params"]["line_items"][0]["price_data"]["unit_amount"] == stripes
        assert session.amount_minor == amount_minor

    def test_a_paid_session_and_its_payment_intent_refer_to_each_other(self, stand_in: StandIn) -> None:
        session = open_session(stand_in)
        intent_id = pay(stand_in, session)
        after = gateway.fetch_checkout_session(session.id)

        assert (after.status, after.payment_status, after.url) == ("complete", "paid", None)
        assert after.payment_intent_id == intent_id
        assert [one.id for one in gateway.find_checkout_sessions(intent_id)] == [session.id]

    def test_a_declined_session_can_still_be_paid(self, stand_in: StandIn) -> None:
        session = open_session(stand_in)
        intent_id = pay(stand_in, session, "4000000000000002")
        declined = gateway.fetch_payment_intent(intent_id)
        again = pay(stand_in, session)
        paid = gateway.fetch_payment_intent(intent_id)

        assert (declined.status, declined.error_code) == ("requires_payment_method", "card_declined")
        assert (declined.decline_code, declined.amount_received_minor) == ("generic_decline", 0)
        assert declined.charge is not None
        assert declined.charge.status == "failed"
        assert again == intent_id
        assert (paid.status, paid.error_code, paid.amount_received_minor) == ("succeeded", None, 50050)
        assert paid.metadata == {"attempt": "7"}

    def test_a_payment_intent_includes_the_fee(self, stand_in: StandIn) -> None:
        intent = gateway.fetch_payment_intent(pay(stand_in, open_session(stand_in)))

        assert intent.charge is not None
        assert (intent.charge.card_brand, intent.charge.card_last4) == ("visa", "4242")
        booked = intent.charge.balance_transaction
        assert booked is not None
        assert (booked.fee_minor, booked.net_minor, booked.currency, booked.kind) == (1937, 48113, "HKD", "charge")

    def test_a_session_that_we_expired_cannot_be_paid(self, stand_in: StandIn) -> None:
        session = open_session(stand_in)
        closed = gateway.expire_checkout_session(session.id, idempotency_key="donation:7:expire")

        assert closed.status == "expired"
        with pytest.raises(gateway.PaymentRefused):
            gateway.expire_checkout_session(session.id, idempotency_key="donation:7:expire-again")

    def test_an_amount_that_stripe_cannot_charge_is_refused_before_any_request(self, stand_in: StandIn) -> None:
        with pytest.raises(AmountNotChargeable):
            open_session(stand_in, amount_minor=5124, currency="KWD")
        assert stand_in.control.requests() == []


class TestAfterwards:
    def test_refunds_are_listed_oldest_first(self, stand_in: StandIn) -> None:
        intent_id = pay(stand_in, open_session(stand_in))
        ours = gateway.create_refund(
            payment_intent_id=intent_id,
            amount_minor=50,
            currency="HKD",
            reason="duplicate",
            metadata={"refund": "1"},
            idempotency_key="r1",
        )
        stand_in.control.advance(60)
        theirs = stand_in.control.refund(payment_intent=intent_id, amount=100)
        found = gateway.fetch_refunds(intent_id)

        assert [(one.id, one.amount_minor, one.status) for one in found] == [
            (ours.id, 50, "succeeded"),
            (theirs["id"], 100, "succeeded"),
        ]
        assert found[0] == ours

    def test_a_refund_that_is_too_large_is_refused_with_a_reason(self, stand_in: StandIn) -> None:
        intent_id = pay(stand_in, open_session(stand_in))

        with pytest.raises(gateway.PaymentRefused) as refusal:
            gateway.create_refund(
                payment_intent_id=intent_id,
                amount_minor=50051,
                currency="HKD",
                reason="duplicate",
                metadata={},
                idempotency_key="r1",
            )
        assert refusal.value.details["param"] == "amount"

    def test_a_failed_refund_has_a_failure_reason(self, stand_in: StandIn) -> None:
        intent_id = pay(stand_in, open_session(stand_in))
        stand_in.control.fail_refund(stand_in.control.refund(payment_intent=intent_id)["id"])
        [refund] = gateway.fetch_refunds(intent_id)

        assert (refund.status, refund.failure_reason) == ("failed", "lost_or_stolen_card")

    def test_a_dispute_includes_its_balance_transactions(self, stand_in: StandIn) -> None:
        intent_id = pay(stand_in, open_session(stand_in))
        stand_in.control.dispute(intent_id, amount=1000)
        [dispute] = gateway.fetch_disputes(intent_id)

        assert (dispute.status, dispute.amount_minor, dispute.payment_intent_id) == ("needs_response", 1000, intent_id)
        assert [one.net_minor for one in dispute.balance_transactions] == [-1000 - 8500]

    def test_events_are_found_without_webhooks(self, stand_in: StandIn) -> None:
        before = datetime.fromtimestamp(stand_in.world.store.now(), tz=UTC)
        for number in range(30):
            pay(stand_in, open_session(stand_in, idempotency_key=f"donation:{number}:session"))
        every = list(gateway.list_events(before))
        some = list(gateway.list_events(before, kinds=["checkout.session.completed"]))
        none = list(gateway.list_events(before + timedelta(hours=1)))

        assert len(every) == len({event.id for event in every}) == 150
        assert (len(some), none) == (30, [])
        assert some[0].object_type == "checkout.session"
        assert some[0].reference == "D-2026-00001"
        assert some[0].payment_intent_id is not None


class TestRequests:
    def test_all_requests_match_stripes_openapi_description(self, stand_in: StandIn) -> None:
        session = open_session(stand_in)
        intent_id = pay(stand_in, session)
        gateway.fetch_payment_intent(intent_id)
        gateway.find_checkout_sessions(intent_id)
        gateway.fetch_refunds(intent_id)
        gateway.create_refund(
            payment_intent_id=intent_id,
            amount_minor=50,
            currency="HKD",
            reason="duplicate",
            metadata={"a": "b"},
            idempotency_key="r1",
        )
        list(gateway.list_events(datetime(2026, 1, 1, tzinfo=UTC), kinds=["charge.refunded"]))

        heard = stand_in.control.requests()
        assert len(heard) >= 6
        for request in heard:
            operation = find(request["method"].lower(), request["path"])
            schema = {**as_json_schema(operation.parameters), "components": {"schemas": components()}}
            assert [error.message for error in Draft202012Validator(schema).iter_errors(request["params"])] == []
            assert request["stripe_version"] == VERSION == gateway.API_VERSION
            assert (request["idempotency_key"] is not None) == (request["method"] == "POST")

    def test_the_amount_is_charged_in_the_currency_of_the_gift(self, stand_in: StandIn) -> None:
        open_session(stand_in)
        asked = stand_in.control.requests()[0]["params"]

        assert asked["adaptive_pricing"] == {"enabled": False}
        assert asked["payment_intent_data"]["metadata"] == asked["metadata"] == {"attempt": "7"}


class TestFailures:
    @pytest.mark.parametrize("fault", ["500", "hang_up"])
    def test_a_response_lost_after_the_effect_does_not_create_a_second_session(
        self, stand_in: StandIn, fault: str
    ) -> None:
        stand_in.control.switch(fault=fault, faults=2)
        session = open_session(stand_in)
        heard = stand_in.control.requests()

        assert [request["idempotency_key"] for request in heard] == ["donation:7:session"] * 3
        assert [one["id"] for one in stand_in.world.store.newest_first("checkout.session")] == [session.id]

    @pytest.mark.parametrize("fault", ["500", "hang_up", "429"])
    def test_an_outage_raises_unavailable_and_a_retry_returns_the_first_session(
        self, stand_in: StandIn, fault: str
    ) -> None:
        stand_in.control.switch(fault=fault, faults=3)
        with pytest.raises(gateway.PaymentProviderUnavailable) as refusal:
            open_session(stand_in)
        stand_in.control.switch(faults=0)
        session = open_session(stand_in)

        assert (refusal.value.status, refusal.value.code) == (503, "payment_provider_unavailable")
        assert "same Idempotency-Key" in str(refusal.value)
        assert [one["id"] for one in stand_in.world.store.newest_first("checkout.session")] == [session.id]

    def test_a_call_without_response_times_out(self, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(client, "READ_TIMEOUT_S", 0.2)
        stand_in.control.switch(fault="hang", faults=3)

        with pytest.raises(gateway.PaymentProviderUnavailable):
            open_session(stand_in)

    def test_three_timeouts_fit_within_a_web_workers_timeout(self) -> None:
        pauses_s = 0.5 + 1.0
        assert (client.NETWORK_RETRIES + 1) * client.READ_TIMEOUT_S + pauses_s < 30

    def test_a_refused_connection_raises_unavailable(self, stand_in: StandIn, settings: Any) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            settings.STRIPE_API_BASE = f"http://127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(gateway.PaymentProviderUnavailable):
            gateway.fetch_refunds("pi_1")

    def test_an_idempotency_key_reused_for_another_request_is_refused(self, stand_in: StandIn) -> None:
        open_session(stand_in)

        with pytest.raises(gateway.PaymentRefused):
            open_session(stand_in, amount_minor=60000)

    def test_a_wrong_api_key_raises_misconfigured(self, stand_in: StandIn, settings: Any) -> None:
        settings.STRIPE_SECRET_KEY = "sk_test_another"

        with pytest.raises(gateway.PaymentProviderMisconfigured) as refusal:
            gateway.fetch_refunds("pi_1")
        assert "sk_test_another" not in str(refusal.value)

    def test_an_unknown_id_raises_object_missing(self, stand_in: StandIn) -> None:
        for fetch in (
            gateway.fetch_checkout_session,
            gateway.fetch_payment_intent,
        ):
            with pytest.raises(gateway.PaymentObjectMissing):
                fetch("xx_nothing")

    def test_errors_and_logs_never_contain_what_the_donor_typed(
        self, stand_in: StandIn, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level("DEBUG"), pytest.raises(gateway.PaymentRefused) as refusal:
            open_session(stand_in, email="not-an-address-of-ada")
        told = f"{refusal.value} {refusal.value.details}"

        assert refusal.value.details["provider_code"] == "email_invalid"
        assert refusal.value.details["param"] == "customer_email"
        assert "address-of-ada" not in told + "".join(
            record.getMessage() for record in caplog.records if record.name.startswith("stripe")
        )

    def test_a_stand_in_is_refused_when_debug_is_off(self, stand_in: StandIn, settings: Any) -> None:
        settings.DEVELOPMENT = False

        with pytest.raises(gateway.PaymentProviderMisconfigured):
            open_session(stand_in)
        assert stand_in.control.requests() == []
