"""Receipts: numbered without gaps, dated in the charity's time zone, frozen, blocked while information is missing."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import connection, transaction
from django.test import Client

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts import deliveries
from donations.receipts import services as receipts
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from donations.stripe_events import services as stripe_events
from logistics.audit.models import AuditEntry
from logistics.charity.models import Charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.errors import WrongState
from logistics.jobs.models import Job
from logistics.mail.models import Email
from logistics.roles import Role
from logistics.transactions import lock
from tests.clients import signed_in
from tests.donations.giving import Giving, donation_of, mails, pdf_text, receipts_of
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.processes import eventually
from tests.rights import as_superuser


def finance(giving: Giving) -> Giving:
    return Giving(giving.stand_in, signed_in(Role.FINANCE))


# --- What it says ------------------------------------------------------------------------------------------


def test_a_receipt_in_xof_shows_xof(giving: Giving) -> None:
    donor = {"name": "Aïssata Traoré", "email": "aissata@example.org", "language": "fr"}
    donation = giving.gift_paid(amount="65500", currency="XOF", donor=donor)

    [mail] = mails()
    text = pdf_text(mail.attachments[0][1])
    assert re.search(r"65\s500\sXOF", text)
    assert "655.00" not in text and "655,00" not in text
    assert "Aïssata Traoré" in text
    assert "Reçu" in text or "reçu" in text
    assert receipts_of(donation)[0].document.languages == ["fr"]


def test_an_issued_receipt_never_changes(giving: Giving) -> None:
    donation = giving.gift_paid()
    [receipt] = receipts_of(donation)
    before = receipts.pdf(receipt)
    Charity.objects.update(name="Another name")
    Donor.objects.update(name="Another donor")

    assert receipts.pdf(Receipt.objects.get()) == before
    assert receipt.document.context["donor"]["name"] == "Chan Tai Man"


def test_a_receipt_is_made_out_to_the_organisation_that_gave(giving: Giving) -> None:
    donor = {"name": "Chan Tai Man", "organisation": "Chan & Co.", "email": "office@chan.example"}
    assert receipts_of(giving.gift_paid(donor=donor))[0].document.context["donor"]["name"] == "Chan & Co."


@pytest.mark.parametrize(
    ("zone", "year", "day"),
    [
        ("Asia/Hong_Kong", 2027, "2027-01-01"),
        ("Africa/Bamako", 2026, "2026-12-31"),
        ("America/New_York", 2026, "2026-12-31"),
    ],
)
@pytest.mark.django_db
def test_the_year_is_in_the_charitys_time_zone(zone: str, year: int, day: str) -> None:
    make_charity(time_zone=zone)
    late = datetime(2026, 12, 31, 23, 30, tzinfo=UTC)
    donation = received_donation(late)

    receipt = receipts.issue(donation, by=None, at=late)

    assert (receipt.year, receipt.number) == (year, f"HK-{year}-000001")
    assert (receipt.issued_on.isoformat(), donation.received_on.isoformat()) == (day, day)  # type: ignore[union-attr]


# --- Numbers -------------------------------------------------------------------------------------------------


class Rollback(Exception):
    """A writer that fails after taking its number."""


@pytest.mark.django_db(transaction=True)
def test_eight_concurrent_writers_with_failures_leave_no_gap() -> None:
    make_charity()
    noon = datetime(2026, 3, 1, 4, tzinfo=UTC)
    donations = [received_donation(noon) for _ in range(80)]

    def write(job: tuple[int, Donation]) -> None:
        number, donation = job
        try:
            with transaction.atomic():
                receipts.issue(donation, by=None, at=noon)
                if number % 3 == 0:
                    raise Rollback
        except Rollback:
            pass
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, enumerate(donations)))

    issued = sorted(Receipt.objects.values_list("sequence", flat=True))
    assert issued == list(range(1, len(issued) + 1))
    assert len(issued) == 53
    assert NumberSeries.objects.get(name="HK receipts").last == 53


# --- What is missing --------------------------------------------------------------------------------------------


def test_a_gift_without_a_name_is_received_but_its_receipt_is_blocked(giving: Giving) -> None:
    donation = giving.gift_paid(anonymous=True, donor={"email": "someone@example.org"})
    assert (donation.status, donation.receipt_blocked_by) == (Donation.Status.RECEIVED, ["donor_name_missing"])
    assert receipts_of(donation) == []
    staff = finance(giving)
    [listed] = staff.client.get("/api/v1/donations/?without_receipt=true").json()["results"]
    assert listed["receipt_blocked_by"] == ["donor_name_missing"]
    refused = staff.post(f"/api/v1/donations/{donation.pk}/issue-receipt/")
    assert (refused.status_code, refused.json()["code"]) == (409, "receipt_blocked")

    corrected = staff.client.patch(
        f"/api/v1/donors/{donation.donor_id}/",
        {"name": "Chan Tai Man"},
        content_type="application/json",
        headers={"If-Match": '"1"'},
    )
    assert (corrected.status_code, corrected["ETag"]) == (200, '"2"')
    issued = staff.post(f"/api/v1/donations/{donation.pk}/issue-receipt/")
    giving.work()

    assert (issued.status_code, issued.json()["number"][:3]) == (201, "HK-")
    donation.refresh_from_db()
    assert donation.receipt_blocked_by == []
    assert len(mails()) == 1
    again = staff.post(f"/api/v1/donations/{donation.pk}/issue-receipt/")
    assert again.json()["number"] == issued.json()["number"]


def test_a_charity_without_registration_issues_no_receipt(giving: Giving) -> None:
    Charity.objects.update(registration=" ", signatory="")
    donation = giving.gift_paid()
    assert donation.receipt_blocked_by == ["charity_registration_missing", "charity_signatory_missing"]


def test_a_gift_that_was_not_received_gets_no_receipt(giving: Giving) -> None:
    donation = donation_of(giving.give())
    answer = finance(giving).post(f"/api/v1/donations/{donation.pk}/issue-receipt/")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


# --- Delivery ------------------------------------------------------------------------------------------------------


def lanes() -> list[str]:
    """The lanes of all jobs but Stripe's events."""
    return [row.lane for model in (Document, ReceiptDelivery, Email) for row in model.objects.order_by("created_at")]


def test_a_receipt_is_mailed_when_it_is_printed_without_looking_for_it_before(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    for event in stripe_events.StripeEvent.objects.all():
        stripe_events.apply_event(str(event.pk), at=datetime.now(UTC))
    assert not ReceiptDelivery.objects.due().exists()

    assert documents.render(str(Document.objects.get().pk))

    delivery = ReceiptDelivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.email) == (Job.State.DONE, 0, Email.objects.get())
    assert Email.objects.due().get().kind == "receipt"
    assert lanes() == ["now", "now", "now"]


def test_a_receipt_resent_before_it_is_printed_waits_for_its_paper_too(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    for event in stripe_events.StripeEvent.objects.all():
        stripe_events.apply_event(str(event.pk), at=datetime.now(UTC))
    deliveries.resend(Receipt.objects.get(), by=None, at=datetime.now(UTC))
    assert not ReceiptDelivery.objects.due().exists()

    documents.render(str(Document.objects.get().pk))

    assert {row.state for row in ReceiptDelivery.objects.all()} == {Job.State.DONE}
    assert Email.objects.due().count() == 2
    assert sorted(row.lane for row in Email.objects.all()) == ["now", "soon"]


def test_receipts_resent_together_are_bulk_work_and_one_is_not(giving: Giving) -> None:
    giving.gift_paid()
    [receipt] = receipts_of(giving.gift_paid())
    admin = signed_in(Role.FINANCE)

    for chosen in ([receipt.pk], list(Receipt.objects.values_list("pk", flat=True))):
        answer = admin.post(
            "/admin/donations/receipt/", {"action": "send_again", "_selected_action": [str(pk) for pk in chosen]}
        )
        assert answer.status_code == 302
    giving.work()

    resent = [row.lane for row in ReceiptDelivery.objects.exclude(asked_by=None).order_by("created_at")]
    assert resent == ["soon", "bulk", "bulk"]
    assert [row.lane for row in Email.objects.order_by("created_at")] == ["now", "now", "soon", "bulk", "bulk"]


def test_resending_sends_the_same_bytes(giving: Giving) -> None:
    donation = giving.gift_paid()
    [receipt] = receipts_of(donation)
    answer = finance(giving).post(f"/api/v1/receipts/{receipt.pk}/resend/")
    assert (answer.status_code, answer.json()["state"]) == (202, "pending")
    giving.work()

    first, second = mails()
    assert first.attachments[0][1] == second.attachments[0][1]
    assert [delivery.shown_state for delivery in receipt.deliveries.select_related("email")] == ["sent", "sent"]


def test_a_cancelled_receipt_is_not_resent(giving: Giving) -> None:
    donation = giving.gift_paid()
    intent = donation.attempts.get().payment_intent_id
    giving.stand_in.control.refund(payment_intent=intent)
    giving.deliver()
    giving.work()
    [receipt] = receipts_of(donation)

    answer = finance(giving).post(f"/api/v1/receipts/{receipt.pk}/resend/")

    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_state")


def test_a_receipt_that_was_cancelled_before_it_was_mailed_is_never_mailed(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    for event in stripe_events.StripeEvent.objects.all():
        stripe_events.apply_event(str(event.pk), at=datetime.now(UTC))
    intent = donation_of(gift).attempts.get().payment_intent_id
    giving.stand_in.control.refund(payment_intent=intent)
    giving.deliver()
    for event in stripe_events.StripeEvent.objects.due():
        stripe_events.apply_event(str(event.pk), at=datetime.now(UTC))
    giving.work()

    assert mails() == []
    assert ReceiptDelivery.objects.get().last_error_code == "receipt_cancelled"


def gift_with_dead_receipt(giving: Giving) -> Donation:
    """A gift whose receipt the printer refused: a font has fewer characters than the list says."""
    with pytest.MonkeyPatch.context() as before:
        before.setattr(fonts, "unprintable", lambda text: [])
        return giving.gift_paid(donor={"name": "Kim 🎁", "email": "kim@example.org"})


def test_a_receipt_that_cannot_be_printed_is_not_mailed_and_its_delivery_is_dead(giving: Giving) -> None:
    donation = gift_with_dead_receipt(giving)

    delivery = ReceiptDelivery.objects.get(receipt__donation=donation)
    assert (delivery.state, delivery.last_error_code) == (Job.State.DEAD, "receipt_not_printed")
    assert mails() == []


def test_the_donor_and_staff_download_the_same_bytes(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()
    [receipt] = receipts_of(donation_of(gift))

    by_donor = giving.client.get(f"/api/v1/gifts/{gift['token']}/receipt/")
    by_staff = finance(giving).client.get(f"/api/v1/receipts/{receipt.pk}/pdf/")

    assert by_donor.content == by_staff.content == documents.read(receipt.document)
    assert by_donor["Content-Type"] == "application/pdf"
    assert receipt.number in by_donor["Content-Disposition"]
    assert "no-store" in by_donor["Cache-Control"]
    for role in (Role.WAREHOUSE, Role.COORDINATOR, Role.PARTNER):
        assert signed_in(role).get(f"/api/v1/receipts/{receipt.pk}/pdf/").status_code == 403
    assert Client().get(f"/api/v1/receipts/{receipt.pk}/pdf/").status_code in (401, 403)


def test_a_receipt_that_is_being_printed_answers_not_ready(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    for event in stripe_events.StripeEvent.objects.all():
        stripe_events.apply_event(str(event.pk), at=datetime.now(UTC))

    answer = giving.client.get(f"/api/v1/gifts/{gift['token']}/receipt/")

    assert (answer.status_code, answer.json()["code"]) == (409, "document_not_ready")
    assert giving.client.get(gift["url"]).json()["receipt"]["state"] == "pending"


def test_allowed_receipt_state_changes(giving: Giving) -> None:
    [receipt] = receipts_of(giving.gift_paid())
    receipt.become(ReceiptState.REPLACED)
    with pytest.raises(WrongState, match="cannot become"):
        receipt.become(ReceiptState.CANCELLED)


# --- A receipt that cannot be printed --------------------------------------------------------------------------


def test_a_receipt_that_could_not_be_printed_is_replaced(giving: Giving) -> None:
    donation = gift_with_dead_receipt(giving)
    staff, path = finance(giving), f"/api/v1/donations/{donation.pk}/issue-receipt/"

    corrected = staff.client.patch(
        f"/api/v1/donors/{donation.donor_id}/",
        {"name": "Kim Cheol-su"},
        content_type="application/json",
        headers={"If-Match": '"1"'},
    )
    assert corrected.status_code == 200
    again = staff.post(path)
    assert (again.status_code, again.json()["state"]) == (201, "issued")
    assert staff.post(path).json()["number"] == again.json()["number"]
    giving.work()

    old, new = receipts_of(donation)
    assert (old.document.state, old.document.last_error_code) == (Job.State.DEAD, "missing_glyphs")
    assert (old.state, old.end_reason, new.replaces) == (ReceiptState.REPLACED, "not_printed", old)
    assert "Kim Cheol-su" in pdf_text(receipts.pdf(new)) and old.number in pdf_text(receipts.pdf(new))
    [mail] = mails()
    assert mail.attachments[0][1] == receipts.pdf(new)
    entries = AuditEntry.objects.filter(details__receipt=new.number)
    assert {entry.by and entry.by.roles[0] for entry in entries} == {Role.FINANCE}
    assert AuditEntry.objects.get(verb="receipt replaced").by is not None


def test_a_gift_for_an_appeal_with_an_unprintable_title_waits_for_finance(giving: Giving) -> None:
    gift = giving.give()
    Appeal.objects.update(title_en="Mali 🎁")  # written before titles were checked
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, donation.receipt_blocked_by) == ("received", ["appeal_not_printable"])
    assert not receipts_of(donation)
    blocked = finance(giving).post(f"/api/v1/donations/{donation.pk}/issue-receipt/")
    assert (blocked.status_code, blocked.json()["code"]) == (409, "receipt_blocked")
    assert blocked.json()["texts"] == [{"place": "appeal.title", "characters": ["🎁"]}]
    assert "Papers cannot print 🎁. Remove these characters." in blocked.json()["detail"]


def test_resending_waits_for_the_booking_of_the_payment_without_deadlock(
    committed_giving: Giving,
) -> None:
    """Booking locks the gift, then the receipt: locking the receipt first would deadlock."""
    donation = committed_giving.gift_paid()
    [receipt] = receipts_of(donation)
    with ThreadPoolExecutor(1) as other:
        with transaction.atomic():
            lock(donation)
            resent = other.submit(_resend, receipt)
            eventually(somebody_waits, what="the other to wait for the gift")
            lock(receipt)
        assert resent.result(timeout=60).receipt_id == receipt.pk


def _resend(receipt: Receipt) -> ReceiptDelivery:
    try:
        return deliveries.resend(receipt, by=None, at=datetime.now(UTC))
    finally:
        connection.close()


def somebody_waits() -> bool:
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with as_superuser() as cursor:  # who sees what others wait for
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute(waiting)
        return bool(cursor.fetchone()[0])
