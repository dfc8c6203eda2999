"""Refunds and disputes made at Stripe, and their effect on the gift and its receipt."""

from typing import Any

import pytest

from donations.disputes.models import Dispute, DisputeState
from donations.gifts.models import Donation
from donations.receipts.models import ReceiptState
from donations.refunds.models import Refund, RefundState
from tests.donations.giving import Giving, donation_of, intent_of, mails, receipts_of, received


def refund(giving: Giving, gift: dict[str, Any], amount: int | None = None) -> dict[str, Any]:
    wanted = {"payment_intent": intent_of(gift)} | ({"amount": amount} if amount else {})
    made = giving.stand_in.control.refund(**wanted)
    giving.deliver()
    giving.work()
    return made


def test_a_full_refund_in_the_dashboard_cancels_the_receipt(giving: Giving) -> None:
    gift = received(giving)
    refund(giving, gift)

    donation = donation_of(gift)
    assert (donation.status, donation.refunded_minor, donation.kept_minor) == (Donation.Status.REFUNDED, 50050, 0)
    [receipt] = receipts_of(donation)
    assert (receipt.state, receipt.end_reason) == (ReceiptState.CANCELLED, "refunded")
    assert receipt.document.superseded_at is not None
    assert [one.subject.split()[-1] for one in mails()][-1] == "cancelled"
    assert giving.client.get(f"/api/v1/gifts/{gift['token']}/receipt/").status_code == 404


def test_a_partial_refund_replaces_the_receipt_with_one_that_names_the_old_one(giving: Giving) -> None:
    gift = received(giving)
    refund(giving, gift, 10050)

    donation = donation_of(gift)
    assert donation.status == Donation.Status.PARTIALLY_REFUNDED
    old, new = receipts_of(donation)
    assert (old.state, new.state) == (ReceiptState.REPLACED, ReceiptState.ISSUED)
    assert (new.amount_minor, new.replaces, new.document.context["replaces"]) == (40000, old, old.number)
    assert len(mails()) == 2


def test_three_partial_refunds_can_add_up_to_a_full_one(giving: Giving) -> None:
    gift = received(giving)
    for amount in (10000, 20000, 20050):
        refund(giving, gift, amount)

    donation = donation_of(gift)
    assert donation.status == Donation.Status.REFUNDED
    assert [receipt.state for receipt in receipts_of(donation)] == ["replaced", "replaced", "cancelled"]


def test_a_refund_that_fails_late_leads_to_a_new_receipt(giving: Giving) -> None:
    gift = received(giving)
    made = refund(giving, gift)
    giving.stand_in.control.fail_refund(made["id"])
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, Refund.objects.get().state) == (Donation.Status.RECEIVED, RefundState.FAILED)
    cancelled, new = receipts_of(donation)
    assert (cancelled.state, new.state, new.replaces) == ("cancelled", "issued", cancelled)


def test_a_pending_refund_leaves_the_receipt_until_it_succeeds(giving: Giving) -> None:
    gift = received(giving, "4000000000007726")
    made = refund(giving, gift)
    assert donation_of(gift).status == Donation.Status.RECEIVED

    giving.stand_in.control.settle_refund(made["id"])
    giving.deliver()
    giving.work()

    assert donation_of(gift).status == Donation.Status.REFUNDED


@pytest.mark.parametrize(
    ("end", "status", "receipt"),
    [
        ("lost", Donation.Status.CHARGED_BACK, ReceiptState.CANCELLED),
        ("won", Donation.Status.RECEIVED, ReceiptState.ISSUED),
    ],
)
def test_the_outcome_of_a_dispute_keeps_or_cancels_the_receipt(
    giving: Giving, end: str, status: str, receipt: str
) -> None:
    gift = received(giving)
    dispute = giving.stand_in.control.dispute(intent_of(gift))
    giving.deliver()
    giving.work()
    assert donation_of(gift).status == Donation.Status.DISPUTED
    assert receipts_of(donation_of(gift))[0].state == ReceiptState.ISSUED

    giving.stand_in.control.close_dispute(dispute["id"], status=end)
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, receipts_of(donation)[0].state) == (status, receipt)
    assert Dispute.objects.get().state == end


def test_an_inquiry_changes_nothing(giving: Giving) -> None:
    gift = received(giving, "4000000000001976")
    donation = donation_of(gift)
    assert (donation.status, receipts_of(donation)[0].state) == (Donation.Status.RECEIVED, ReceiptState.ISSUED)
    assert Dispute.objects.get().state == DisputeState.WARNING_NEEDS_RESPONSE


def test_a_lost_partial_dispute_leaves_a_receipt_for_the_rest(giving: Giving) -> None:
    gift = received(giving)
    intent = intent_of(gift)
    dispute = giving.stand_in.control.dispute(intent, amount=20050)
    giving.stand_in.control.close_dispute(dispute["id"], status="lost")
    giving.deliver()
    giving.work()

    donation = donation_of(gift)
    assert (donation.status, donation.charged_back_minor) == (Donation.Status.CHARGED_BACK, 20050)
    assert [(one.state, one.amount_minor) for one in receipts_of(donation)] == [("replaced", 50050), ("issued", 30000)]


def test_the_fee_comes_from_stripes_balance_transaction(giving: Giving) -> None:
    attempt = donation_of(received(giving)).attempts.get()
    assert attempt.fee_currency == "HKD"
    assert attempt.fee_minor and attempt.balance_transaction_id.startswith("txn_")
    assert (attempt.card_brand, attempt.card_last4) == ("visa", "4242")
