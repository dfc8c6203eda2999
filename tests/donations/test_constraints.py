"""Constraints and triggers: the database refuses invalid rows."""

import functools
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import DatabaseError

from donations.appeals.models import Appeal
from donations.disputes.models import Dispute
from donations.donors.models import Donor
from donations.fraud_warnings.models import FraudWarning
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.portal.models import SignInRequest
from donations.receipts.models import Receipt, ReceiptDelivery
from donations.refunds.models import Refund
from donations.stripe_events.models import StripeEvent
from logistics.charity.models import Charity
from logistics.pictures.models import Picture
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving, receipts_of
from tests.donations.offline import send
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
from tests.makers.people import make_user
from tests.makers.pictures import make_picture
from tests.rights import as_superuser

NOON = datetime(2026, 3, 1, 4, tzinfo=UTC)


def refused(match: str, change: Any) -> None:
    """A constraint or trigger refuses a change even to a superuser."""
    with pytest.raises(DatabaseError, match=match), as_superuser():
        change()


@pytest.mark.django_db
def test_the_database_refuses_inconsistent_appeals() -> None:
    make_appeal()
    refused("an_appeal_has_an_address_of_its_own", make_appeal)
    refused("an_appeal_asks_for_more_than_nothing", lambda: Appeal.objects.update(target_minor=0))
    refused("an_appeal_closes_after_it_opens", lambda: Appeal.objects.update(closes_on=date(2019, 1, 1)))
    refused("the_currency_of_an_appeal_is_a_code", lambda: Appeal.objects.update(currency="hk"))
    picture = make_picture()
    refused(
        "a_picture_is_described_in_both_languages",
        lambda: Appeal.objects.update(picture=picture, picture_alt_en="A bed.", picture_alt_fr=""),
    )


@pytest.mark.django_db
def test_the_database_refuses_pictures_and_colours_that_no_page_can_show() -> None:
    picture = make_picture()
    refused("a_picture_is_stored_once", make_picture)
    refused("a_picture_is_a_jpeg_or_png", lambda: make_picture(sha256="1" * 64, media_type="image/svg+xml"))
    refused("Cannot update", lambda: Picture.objects.filter(pk=picture.pk).update(width=1))
    make_charity()
    for colours in ({"colour": "red"}, {"accent": "#FFF"}):
        refused("the_colours_of_the_charity_are_colours", functools.partial(Charity.objects.update, **colours))


@pytest.mark.django_db
def test_the_database_refuses_inconsistent_donors() -> None:
    Donor.objects.create(email="a@example.org", name="A")
    refused("a_donor_is_known_once", lambda: Donor.objects.create(email="a@example.org", name="A"))
    refused("an_email_of_a_donor_is_in_lower_case", lambda: Donor.objects.update(email="A@example.org"))


def test_the_database_refuses_inconsistent_donations(giving: Giving) -> None:
    paid, pending = giving.gift_paid(), giving.give()
    rows = Donation.objects.filter(pk=paid.pk)
    waiting = Donation.objects.filter(reference=pending["reference"])
    refused("a_donation_has_a_day_exactly_when_it_was_received", lambda: rows.update(received_on=None))
    refused("a_donation_has_a_day_exactly_when_it_was_received", lambda: waiting.update(status="received"))
    refused("no_more_goes_back_than_was_given", lambda: rows.update(refunded_minor=50051))
    refused("no_more_goes_back_than_was_given", lambda: rows.update(charged_back_minor=50051))
    refused("only_received_money_goes_back", lambda: waiting.update(refunded_minor=1))
    refused("what_a_donor_agreed_to_is_frozen", lambda: rows.update(consent_text="Anything"))
    refused("what_was_given_is_frozen", lambda: waiting.update(form_key="x"))
    refused("what_was_given_is_frozen", lambda: waiting.update(reference="GFT-0000-0000"))
    refused("what_was_given_is_frozen", lambda: rows.update(reference="GFT-0000-0000"))
    for change in ({"amount_minor": 1}, {"currency": "USD"}, {"channel": "cash"}):
        refused("what_was_paid_online_is_frozen", lambda change=change: rows.update(**change))
    refused("only_offline_gifts_are_voided", lambda: rows.update(status="voided"))
    refused("received_gifts_are_not_deleted", lambda: rows._raw_delete("default"))
    values = {"donor": paid.donor, "created_at": NOON}
    refused(
        "a_donation_is_more_than_nothing", lambda: Donation.objects.create(amount_minor=0, currency="HKD", **values)
    )
    refused("the_currency_of_a_donation", lambda: Donation.objects.create(amount_minor=1, currency="hk$", **values))
    refused(
        "a_donation_has_a_reference_of_its_own",
        lambda: Donation.objects.create(reference=paid.reference, amount_minor=1, currency="HKD", **values),
    )


def test_the_database_keeps_void_gifts_as_they_are(giving: Giving) -> None:
    rows = Donation.objects.filter(pk=send(signed_in(Role.FINANCE)).json()["id"])
    rows.update(amount_minor=400_000, channel="cash")  # as a correction does
    rows.update(status="voided")
    for change in ({"status": "received"}, {"amount_minor": 1}, {"currency": "USD"}, {"received_on": date(2026, 1, 1)}):
        refused("voided_gifts_stay_voided", lambda change=change: rows.update(**change))


def test_the_database_refuses_inconsistent_payment_attempts(giving: Giving) -> None:
    donation = giving.gift_paid()
    rows = PaymentAttempt.objects.filter(donation=donation)
    attempt = rows.get()

    def another(**changes: Any) -> PaymentAttempt:
        values = {"donation": donation, "number": 2, "amount_minor": 1, "currency": "HKD", "created_at": NOON}
        return PaymentAttempt.objects.create(**values | {"expires_at": NOON} | changes)

    refused("attempts_of_a_donation_are_numbered", lambda: another(number=1))
    refused("a_checkout_session_belongs_to_one_attempt", lambda: another(session_id=attempt.session_id))
    refused("a_payment_intent_belongs_to_one_attempt", lambda: another(payment_intent_id=attempt.payment_intent_id))
    refused("a_donation_has_one_living_attempt", lambda: (another(), another(number=3)))
    refused("an_open_checkout_has_a_session", lambda: another(state="session_open"))
    refused("a_payment_is_dated_exactly_when_it_succeeded", lambda: another(state="succeeded"))
    refused("a_payment_is_dated_exactly_when_it_succeeded", lambda: rows.update(succeeded_at=None))
    refused("only_a_payment_that_succeeded_counts", lambda: another(counts=True))
    succeeded = {"state": "succeeded", "succeeded_at": NOON, "payment_intent_id": "pi_2", "counts": True}
    refused("a_donation_is_received_by_one_attempt", lambda: another(**succeeded))
    refused("an_attempt_is_of_more_than_nothing", lambda: another(amount_minor=0))
    refused("what_an_attempt_asks_is_frozen", lambda: rows.update(amount_minor=1))
    refused("successful_payments_are_final", lambda: rows.update(state="expired", succeeded_at=None, counts=False))


def test_the_database_refuses_inconsistent_or_changed_refunds_disputes_and_events(giving: Giving) -> None:
    attempt = giving.gift_paid().attempts.get()
    values = {"attempt": attempt, "amount_minor": 1, "currency": "HKD", "created_at": NOON}
    Refund.objects.create(stripe_id="re_1", state="pending", **values)
    Dispute.objects.create(stripe_id="du_1", state="needs_response", **values)
    warning = {"attempt": attempt, "stripe_id": "issfr_1", "fraud_type": "x", "actionable": True, "created_at": NOON}
    FraudWarning.objects.create(**warning)
    refused("a_fraud_warning_is_known_once", lambda: FraudWarning.objects.create(**warning))
    user = make_user(Role.FINANCE)
    asked = values | {"asked_by": user, "asked_at": NOON}
    for name, changes in (
        ("a_refund_is_at_stripe_or_was_requested_here", {"state": "pending"}),
        ("a_refund_that_was_not_sent_is_not_at_stripe", {"state": "requested", "stripe_id": "re_9"}),
        ("nobody_approves_a_refund_alone", {"state": "requested", "decided_by": user}),
        ("a_refund_is_of_more_than_nothing", {"state": "requested", "amount_minor": 0}),
    ):
        refused(name, lambda changes=changes: Refund.objects.create(**asked | changes))
    refused("a_refund_is_known_once", lambda: Refund.objects.create(stripe_id="re_1", state="pending", **values))
    refused("a_dispute_is_known_once", lambda: Dispute.objects.create(stripe_id="du_1", state="won", **values))
    refused("what_was_refunded_is_frozen", lambda: Refund.objects.update(amount_minor=2))
    refused("a_refund_keeps_its_id_at_stripe", lambda: Refund.objects.update(stripe_id="re_2"))
    refused("fraud_warnings_only_end", lambda: FraudWarning.objects.update(fraud_type="misc"))
    refused("Cannot delete rows", lambda: FraudWarning.objects.all()._raw_delete("default"))
    refused("Cannot delete rows", lambda: Refund.objects.all()._raw_delete("default"))
    refused("Cannot delete rows", lambda: Dispute.objects.all()._raw_delete("default"))
    refused("Cannot delete rows", lambda: StripeEvent.objects.all()._raw_delete("default"))
    refused("Cannot update rows", lambda: StripeEvent.objects.update(kind="x"))
    event = StripeEvent.objects.first()
    assert event is not None
    event.pk = None
    refused("an_event_of_stripe_is_stored_once", lambda: event.save(force_insert=True))


def test_the_database_refuses_inconsistent_or_changed_receipts(giving: Giving) -> None:
    first, second = receipts_of(giving.gift_paid())[0], receipts_of(giving.gift_paid())[0]
    rows = Receipt.objects.filter(pk=first.pk)
    for change in ({"number": "HK-2026-999999"}, {"amount_minor": 1}, {"issued_on": date(2020, 1, 1)}, {"sequence": 9}):
        refused("Cannot update rows", lambda change=change: rows.update(**change))
    refused("Cannot delete rows", lambda: rows._raw_delete("default"))
    refused("a_receipt_ended_exactly_when_it_says_so", lambda: rows.update(state="cancelled"))
    refused("a_receipt_ended_exactly_when_it_says_so", lambda: rows.update(ended_at=NOON))
    rows.update(state="cancelled", ended_at=NOON, end_reason="refunded")
    refused("Cannot update rows", lambda: rows.update(state="issued", ended_at=None, end_reason=""))

    def copy(**changes: Any) -> None:
        names = [field.attname for field in Receipt._meta.fields if field.name != "id"]
        values = {name: getattr(second, name) for name in names} | {"document_id": spare.pk} | changes
        Receipt.objects.create(**values)

    spare = first.document
    spare.pk = None
    spare.token = "another-token"
    spare.save(force_insert=True)
    free = {"state": "cancelled", "ended_at": NOON, "end_reason": "x"}
    refused("a_receipt_number_is_used_once", lambda: copy(sequence=77, **free))
    refused("receipts_of_a_series_are_in_sequence", lambda: copy(number="X", **free))
    refused("a_donation_has_one_valid_receipt", lambda: copy(number="X", sequence=77))
    refused("a_receipt_is_for_more_than_nothing", lambda: copy(number="X", sequence=77, amount_minor=0, **free))
    refused("a_replacement_names_what_it_replaces", lambda: copy(number="X", sequence=77, kind="replacement", **free))
    refused(
        "a_delivery_has_a_mail_exactly_when_done",
        lambda: ReceiptDelivery.objects.filter(receipt=second).update(email=None),
    )


@pytest.mark.django_db
def test_the_database_refuses_inconsistent_sign_in_requests() -> None:
    request = SignInRequest.objects.create(email="a@example.org")
    rows = SignInRequest.objects.filter(pk=request.pk)
    refused("only_a_link_that_was_sent_is_used", lambda: rows.update(used_at=NOON))
