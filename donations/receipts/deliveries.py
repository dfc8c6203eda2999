"""Receipt deliveries by mail: always the exact bytes that were issued."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.documents import services as documents
from logistics.errors import DomainError, WrongState
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.mail.services import Attachment
from logistics.people.models import User
from logistics.transactions import lock


@transaction.atomic
def resend(receipt: Receipt, *, by: User | None, at: datetime) -> ReceiptDelivery:
    """Mail the same receipt, byte for byte, to the donor again. Raises WrongState unless it is valid."""
    # Lock the gift first, in the same order as booking.book: otherwise the two could deadlock.
    lock(receipt.donation)
    receipt = lock(receipt)
    if refusal := refusal_to_resend(receipt):
        raise refusal
    delivery = jobs.enqueue(ReceiptDelivery(receipt=receipt, asked_by=by))
    audit.record("receipt resent", receipt.donation, by=by, at=at, receipt=receipt.number)
    return delivery


def refusal_to_resend(receipt: Receipt) -> DomainError | None:
    """Return why `resend` is refused now, or None."""
    if receipt.state == ReceiptState.ISSUED:
        return None
    return WrongState(
        _("Receipt %(number)s is %(state)s and cannot be sent again.")
        % {"number": receipt.number, "state": receipt.get_state_display().lower()},
        state=receipt.state,
    )


def deliver(delivery_id: str) -> bool:
    """Queue the mail with the printed receipt; waits until it is printed, gives up if it is no longer valid."""
    return jobs.run(ReceiptDelivery, delivery_id, _printed, _queue_mail)


def _printed(delivery: ReceiptDelivery) -> None:
    document = delivery.receipt.document
    if document.state == Job.State.DEAD:
        raise jobs.GiveUp("receipt_not_printed")
    if document.state != Job.State.DONE:
        raise jobs.NotYet(timedelta(seconds=1))


def _queue_mail(delivery: ReceiptDelivery, _: None) -> dict[str, object]:
    receipt = lock(delivery.receipt)
    if receipt.state != ReceiptState.ISSUED:
        raise jobs.GiveUp(f"receipt_{receipt.state}")
    attachment = documents.as_attachment(receipt.document)
    return {"email_id": _queue(receipt, "receipt", "donations/mail/receipt.txt", [attachment]).pk}


def notify_cancelled(receipt: Receipt) -> None:
    """Queue the mail that a receipt is no longer valid, if the receipt was sent to the donor."""
    if receipt.deliveries.filter(state=Job.State.DONE).exists():
        _queue(receipt, "receipt-cancelled", "donations/mail/receipt_cancelled.txt")


def _queue(receipt: Receipt, kind: str, template: str, attachments: Sequence[Attachment] = ()) -> Email:
    donation = receipt.donation
    charity = charities.the_charity()
    tokens.renew(Donation.objects.filter(pk=donation.pk))
    return mail.request(
        kind,
        to=donation.donor.email,
        template=template,
        context={
            "charity": charity,
            "donor": donation.donor.addressee,
            "donation": donation,
            "appeal": donation.appeal.title(donation.language) if donation.appeal else "",
            "receipt": receipt,
            "follow_url": tokens.url_of(donation),
        },
        language=donation.language,
        attachments=attachments,
    )
