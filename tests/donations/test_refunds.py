"""Refunds that finance makes over the API: one person or two, in parts, whatever Stripe and the network do."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from rest_framework.test import APIClient

from donations.alarms import desk
from donations.gifts.models import Donation
from donations.refunds import sending
from donations.refunds.models import Refund, RefundSending, RefundState
from donations.stripe import gateway
from logistics.audit.models import AuditEntry
from logistics.jobs.models import Job
from logistics.mail.models import Email
from logistics.roles import Role
from tests.clients import just_signed_in, signed_in
from tests.donations.broken import broken
from tests.donations.giving import Giving, donation_of, paid_twice, receipts_of, received
from tests.donations.refunding import ask, at_stripe, post, shown, someone, told
from tests.threads import in_threads


@pytest.fixture
def gift(giving: Giving) -> Donation:
    return donation_of(received(giving))


def test_a_full_refund_goes_to_stripe_once_and_cancels_the_receipt(giving: Giving, gift: Donation) -> None:
    finance = someone()
    answer = ask(finance, gift)

    assert (answer.status_code, answer.json()["state"], answer.json()["amount"]) == (201, "requested", "500.50")
    assert at_stripe(giving) == []  # nothing is sent before the row is committed
    told(giving)

    [made] = at_stripe(giving)
    now = shown(finance, answer.json())
    assert (now["state"], now["stripe_id"], now["payment"]) == ("succeeded", made["id"], 1)
    assert (made["amount"], made["reason"], made["metadata"]) == (
        50050, "requested_by_customer", {"refund": now["id"]}
    )  # fmt: skip
    heard = giving.stand_in.control.requests()
    [asked] = [one for one in heard if (one["method"], one["path"]) == ("POST", "/v1/refunds")]
    assert asked["idempotency_key"] == f"refund:{now['id']}"
    gift.refresh_from_db()
    assert (gift.status, gift.kept_minor) == (Donation.Status.REFUNDED, 0)
    assert [(one.state, one.end_reason) for one in receipts_of(gift)] == [("cancelled", "refunded")]
    told_so = AuditEntry.objects.get(subject_id=gift.pk, verb="refund requested")
    assert (told_so.reason, told_so.by is not None) == ("The donor telephoned.", True)
    assert broken() == []


def test_parts_replace_the_receipt_until_nothing_is_left(giving: Giving, gift: Donation) -> None:
    finance = someone()
    for amount in ("100.00", "200.50"):
        assert ask(finance, gift, amount).status_code == 201
        told(giving)
    too_much = ask(finance, gift, "200.01")
    assert (too_much.status_code, too_much.json()["left"]) == (400, "200.00")
    [error] = too_much.json()["errors"]
    assert (error["field"], error["code"]) == ("amount", "more_than_left")
    assert "HK$200.00" in error["detail"]

    ask(finance, gift)
    told(giving)

    assert [one["amount"] for one in at_stripe(giving)] == [10000, 20050, 20000]
    states = [(one.state, one.amount_minor) for one in receipts_of(gift)]
    assert states == [("replaced", 50050), ("replaced", 40050), ("cancelled", 20000)]
    first, second, third = receipts_of(gift)
    assert (second.replaces, third.document.context["replaces"]) == (first, second.number)
    nothing = ask(finance, gift, "1.00")
    assert (nothing.status_code, nothing.json()["code"]) == (409, "nothing_to_refund")


def test_what_needs_somebody_stands_on_the_desk(giving: Giving, settings: Any) -> None:
    settings.REFUND_ALONE_UP_TO = {}
    suspected = donation_of(received(giving, "4000000000005423"))
    assert ask(someone(), suspected, "1.00").status_code == 201

    stands = {str(one.title): (one.count, one.path) for one in desk.waiting(at=timezone.now())}

    finance = signed_in(Role.FINANCE)
    for title in ("refunds to approve", "fraud warnings to act on"):
        count, path = stands[title]
        assert (count, finance.get(path).context["cl"].result_count) == (1, 1)


class TestTwoPersons:
    @pytest.fixture(autouse=True)
    def _limit(self, settings: Any) -> None:
        settings.REFUND_ALONE_UP_TO = {"HKD": "300"}

    def test_above_the_limit_another_person_approves(self, giving: Giving, gift: Donation) -> None:
        asker, other = someone(), someone()
        asked = ask(asker, gift, "300.01").json()
        told(giving)
        assert (asked["state"], at_stripe(giving)) == ("awaiting_approval", [])
        assert Email.objects.filter(kind="refund-to-approve").count() == 1  # the other person

        alone = post(asker, f"refunds/{asked['id']}/approve/")
        assert (alone.status_code, alone.json()["code"]) == (409, "second_person_needed")
        [act] = [one for one in shown(asker, asked)["allowed_actions"] if one["action"] == "approve"]
        assert (act["allowed"], act["code"]) == (False, "second_person_needed")

        approved = post(other, f"refunds/{asked['id']}/approve/")
        told(giving)

        assert (approved.status_code, approved.json()["state"]) == (200, "requested")
        now = shown(asker, asked)
        assert (now["state"], [one["amount"] for one in at_stripe(giving)]) == ("succeeded", [30001])
        assert now["decided_by"] is not None and now["decided_at"]
        assert post(other, f"refunds/{asked['id']}/approve/").json()["code"] == "wrong_state"

    def test_small_parts_of_one_gift_are_counted_together(self, giving: Giving, gift: Donation) -> None:
        asker = someone()

        states = [ask(asker, gift, amount).json()["state"] for amount in ("200.00", "100.00", "0.01")]

        assert states == ["requested", "requested", "awaiting_approval"]

    def test_in_a_currency_without_a_limit_two_are_always_needed(
        self, giving: Giving, gift: Donation, settings: Any
    ) -> None:
        settings.REFUND_ALONE_UP_TO = {"XOF": "300"}

        assert ask(someone(), gift, "0.01").json()["state"] == "awaiting_approval"

    @pytest.mark.parametrize("by_asker", [True, False], ids=["withdrawn", "rejected"])
    def test_a_rejected_refund_frees_the_money(self, giving: Giving, gift: Donation, by_asker: bool) -> None:
        asker = someone()
        asked = ask(asker, gift).json()
        assert ask(asker, gift, "1.00").json()["code"] == "nothing_to_refund"  # all of it is reserved

        answer = post(asker if by_asker else someone(), f"refunds/{asked['id']}/reject/", {"note": "A mistake."})
        told(giving)

        assert (answer.json()["state"], at_stripe(giving)) == ("rejected", [])
        assert ask(asker, gift, "1.00").status_code == 201

    def test_a_payment_disputed_meanwhile_is_not_refunded(self, giving: Giving, gift: Donation) -> None:
        asked = ask(someone(), gift).json()
        giving.stand_in.control.dispute(str(gift.attempts.get().payment_intent_id))
        told(giving)

        assert post(someone(), f"refunds/{asked['id']}/approve/").json()["code"] == "payment_disputed"


# --- Stripe and the network -------------------------------------------------------------------------------------


def test_while_stripe_is_down_the_refund_is_shown_and_repeated(giving: Giving, gift: Donation) -> None:
    finance = someone()
    giving.stand_in.control.switch(fault="500", fault_when="before", fault_path="/v1/", fault_method="GET", faults=9)
    asked = ask(finance, gift).json()
    [row] = RefundSending.objects.all()
    for _ in range(3):  # Stripe's library tries three times each
        RefundSending.objects.update(run_after=timezone.now() - timedelta(seconds=1))
        sending.send(str(row.pk), at=timezone.now())
        now = shown(finance, asked)
        assert (now["state"], now["problem"]) == ("requested", "payment_provider_unavailable")
    row.refresh_from_db()
    assert (row.state, row.attempts) == (Job.State.PENDING, 0)  # it never gives up

    told(giving)

    assert (shown(finance, asked)["state"], len(at_stripe(giving))) == ("succeeded", 1)


@pytest.mark.parametrize("days", [0, 3], ids=["at once", "after Stripe forgot the key"])
def test_a_lost_answer_makes_no_second_refund(giving: Giving, gift: Donation, days: int) -> None:
    giving.stand_in.control.switch(fault="hang_up", fault_when="after", fault_path="/v1/refunds", faults=3)
    asked = ask(someone(), gift, "100.00").json()
    [row] = RefundSending.objects.all()
    sending.send(str(row.pk), at=timezone.now())
    assert (len(at_stripe(giving)), Refund.objects.get().state) == (1, RefundState.REQUESTED)

    giving.stand_in.control.advance(days * 86_400)
    RefundSending.objects.update(run_after=timezone.now() - timedelta(seconds=1))
    sending.send(str(row.pk), at=timezone.now())

    [made] = at_stripe(giving)
    refund = Refund.objects.get()
    assert (refund.state, refund.stripe_id, str(refund.pk)) == (RefundState.SUCCEEDED, made["id"], asked["id"])
    gift.refresh_from_db()
    assert gift.kept_minor == 40050


@pytest.mark.parametrize("asked_stripe", [False, True], ids=["before the request", "after it"])
def test_a_worker_that_is_killed_leaves_one_refund(
    giving: Giving, gift: Donation, monkeypatch: pytest.MonkeyPatch, asked_stripe: bool
) -> None:
    real = gateway.create_refund

    def killed(**wanted: Any) -> Any:
        if asked_stripe:
            real(**wanted)
        raise KeyboardInterrupt

    ask(someone(), gift, "100.00")
    [row] = RefundSending.objects.all()
    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(gateway, "create_refund", killed)
        sending.send(str(row.pk), at=timezone.now())
    row.refresh_from_db()
    assert row.state == Job.State.LEASED

    RefundSending.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    told(giving)

    assert (len(at_stripe(giving)), Refund.objects.get().state) == (1, RefundState.SUCCEEDED)


def test_the_webhook_may_be_faster_than_our_own_answer(
    giving: Giving, gift: Donation, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = gateway.create_refund

    def slow(**wanted: Any) -> Any:
        made = real(**wanted)
        RefundSending.objects.update(lease_until=timezone.now() + timedelta(minutes=1))
        giving.deliver()
        giving.work()
        assert Refund.objects.get().state == RefundState.SUCCEEDED
        return made

    ask(someone(), gift, "100.00")
    monkeypatch.setattr(gateway, "create_refund", slow)
    told(giving)

    assert (len(at_stripe(giving)), Refund.objects.get().state) == (1, RefundState.SUCCEEDED)
    assert RefundSending.objects.get().state == Job.State.DONE


def test_a_refund_that_fails_later_can_be_made_again(giving: Giving) -> None:
    gift, finance = donation_of(received(giving, "4000000000005126")), someone()
    asked = ask(finance, gift).json()
    told(giving)
    giving.stand_in.control.fail_refund(at_stripe(giving)[0]["id"], reason="expired_or_canceled_card")
    told(giving)

    now = shown(finance, asked)
    assert (now["state"], now["failure_reason"]) == ("failed", "expired_or_canceled_card")
    gift.refresh_from_db()
    assert (gift.status, gift.kept_minor) == (Donation.Status.RECEIVED, 50050)
    assert [one.state for one in receipts_of(gift)] == ["cancelled", "issued"]
    assert Email.objects.filter(kind="refund-failed").exists()
    assert ask(finance, gift).status_code == 201
    told(giving)
    assert [one["status"] for one in at_stripe(giving)] == ["failed", "succeeded"]


def test_a_pending_refund_reserves_its_money_and_leaves_the_receipt(giving: Giving) -> None:
    gift, finance = donation_of(received(giving, "4000000000007726")), someone()
    asked = ask(finance, gift, "400.00").json()
    told(giving)

    assert shown(finance, asked)["state"] == "pending"
    assert ask(finance, gift, "100.51").json()["left"] == "100.50"
    assert [one.state for one in receipts_of(gift)] == ["issued"]


def test_what_stripe_refuses_is_told_and_can_be_corrected(giving: Giving, gift: Donation) -> None:
    """A refund in the dashboard that no webhook told us of."""
    finance = someone()
    giving.stand_in.control.refund(payment_intent=str(gift.attempts.get().payment_intent_id), amount=50000)
    asked = ask(finance, gift, "100.00").json()
    giving.work()

    now = shown(finance, asked)
    assert (now["state"], now["stripe_id"]) == ("failed", None)
    assert now["failure_reason"]
    assert Email.objects.filter(kind="refund-failed").count() == 1
    told(giving)
    assert ask(finance, gift, "100.00").json()["left"] == "0.50"


def test_a_wrong_key_stops_the_sending_which_finance_repeats(giving: Giving, gift: Donation, settings: Any) -> None:
    finance, key = someone(), settings.STRIPE_SECRET_KEY
    asked = ask(finance, gift).json()
    settings.STRIPE_SECRET_KEY = ""
    giving.work()

    now = shown(finance, asked)
    assert (now["state"], now["problem"]) == ("requested", "payment_provider_misconfigured")
    settings.STRIPE_SECRET_KEY = key
    assert post(finance, f"refunds/{asked['id']}/send-again/").status_code == 202
    told(giving)
    assert (shown(finance, asked)["state"], len(at_stripe(giving))) == ("succeeded", 1)
    assert post(finance, f"refunds/{asked['id']}/send-again/").json()["code"] == "wrong_state"


# --- Paid twice, fraud ------------------------------------------------------------------------------------------


def test_the_surplus_of_a_gift_paid_twice_goes_back_in_one_step(giving: Giving) -> None:
    gift, finance = donation_of(paid_twice(giving)), someone()
    counting = gift.attempts.get(counts=True)
    answer = post(finance, f"donations/{gift.pk}/refund-surplus/")
    told(giving)

    [refund] = answer.json()["refunds"]
    assert (answer.status_code, refund["amount"], refund["reason"]) == (201, "500.50", "duplicate")
    assert at_stripe(giving)[0]["payment_intent"] != counting.payment_intent_id
    gift.refresh_from_db()
    assert (gift.status, [one.state for one in receipts_of(gift)]) == (Donation.Status.RECEIVED, ["issued"])
    again = post(finance, f"donations/{gift.pk}/refund-surplus/")
    assert (again.status_code, again.json()["code"]) == (409, "no_surplus")


def test_a_payment_is_chosen_by_its_number(giving: Giving) -> None:
    gift, finance = donation_of(paid_twice(giving)), someone()

    assert ask(finance, gift, payment=2).json()["payment"] == 2
    [error] = ask(finance, gift, payment=2).json()["errors"]
    assert (error["field"], error["code"]) == ("payment", "nothing_left")
    [error] = ask(finance, gift, payment=9).json()["errors"]
    assert (error["field"], error["code"]) == ("payment", "unknown_payment")


def test_a_fraud_warning_is_stored_and_ends_with_a_full_refund(giving: Giving) -> None:
    gift = donation_of(received(giving, "4000000000005423"))
    warning = gift.attempts.get().fraud_warnings.get()
    assert (warning.fraud_type, warning.actionable) == ("made_with_stolen_card", True)

    assert ask(someone(), gift, reason="fraudulent").status_code == 201
    told(giving)
    for event in giving.happened():  # an old event again
        giving.deliver_one(event)
    giving.work()

    warning.refresh_from_db()
    assert (warning.actionable, at_stripe(giving)[0]["reason"]) == (False, "fraudulent")


def test_fraud_warnings_that_no_webhook_told_are_found_by_the_sweep(giving: Giving, gift: Donation) -> None:
    from donations.stripe_events import services as stripe_events

    giving.stand_in.control.warn_of_fraud(str(gift.attempts.get().payment_intent_id))
    stripe_events.catch_up(at=timezone.now())
    giving.work()

    assert gift.attempts.get().fraud_warnings.count() == 1


# --- Who, and at once ---------------------------------------------------------------------------------------------


def test_only_finance_refunds_and_only_shortly_after_signing_in(giving: Giving, gift: Donation) -> None:
    auditor = someone(Role.AUDITOR)
    assert ask(auditor, gift).json()["code"] == "permission_denied"
    assert auditor.get("/api/v1/refunds/").status_code == 200
    finance = someone()
    just_signed_in(finance, minutes_ago=6)
    assert ask(finance, gift).json()["code"] == "sign_in_again"
    assert Refund.objects.count() == 0


def test_a_gift_by_bank_is_not_refunded_to_a_card(giving: Giving) -> None:
    from tests.donations.offline import send

    finance = someone()
    gift = Donation.objects.get(pk=send(signed_in(Role.FINANCE)).json()["id"])

    assert ask(finance, gift).json()["code"] == "nothing_to_refund"


def test_refunds_at_once_never_exceed_what_was_paid(committed_giving: Giving) -> None:
    giving = committed_giving
    gift = donation_of(received(giving))
    clients: list[APIClient] = [someone() for _ in range(6)]

    answers = in_threads(lambda number: ask(clients[number], gift, "200.00").json(), 6)
    told(giving)

    assert sorted(answer.get("code", "asked") for answer in answers) == ["asked"] * 2 + ["invalid_input"] * 4
    assert {answer["left"] for answer in answers if "code" in answer} == {"100.50"}
    assert sum(one["amount"] for one in at_stripe(giving)) == 40000
    gift.refresh_from_db()
    assert (gift.kept_minor, broken()) == (10050, [])


def test_two_approvals_at_once_send_one_refund(committed_giving: Giving, settings: Any) -> None:
    settings.REFUND_ALONE_UP_TO = {}
    giving = committed_giving
    gift = donation_of(received(giving))
    asked = ask(someone(), gift).json()
    clients = [someone() for _ in range(4)]

    answers = in_threads(lambda number: post(clients[number], f"refunds/{asked['id']}/approve/").status_code, 4)
    told(giving)

    assert (sorted(answers), len(at_stripe(giving))) == ([200, 409, 409, 409], 1)
