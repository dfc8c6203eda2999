"""Receipt deliveries by mail: always the exact bytes that were issued."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError, WrongState
from logistics.jobs import services as jobs
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.mail.services import Attachment
from logistics.people.models import User
from logistics.transactions import lock

# A delivery waits for its paper, which wakes it (`paper_ended`). This is only in case that is ever forgotten.
PRINTED_AT_MOST: Final = timedelta(hours=1)


def deliver_once_printed(receipt: Receipt, *, lane: Lane | None = None, by: User | None = None) -> ReceiptDelivery:
    """Have a receipt mailed as soon as it is printed. The caller has just requested its paper, or locked it."""
    delivery = ReceiptDelivery(receipt=receipt, asked_by=by)
    if receipt.document.state in (Job.State.DONE, Job.State.DEAD):
        return jobs.enqueue(delivery, lane=lane)
    return jobs.enqueue_waiting(delivery, at_most=PRINTED_AT_MOST, lane=lane)


def paper_ended(document: Job) -> None:
    """Deliver a receipt whose paper is printed, or give its deliveries up if it cannot be."""
    if isinstance(document, Document) and document.kind == "receipt":
        jobs.wake(ReceiptDelivery.objects.filter(receipt__document=document))


@transaction.atomic
def resend(receipt: Receipt, *, by: User | None, at: datetime) -> ReceiptDelivery:
    """Mail the same receipt, byte for byte, to the donor again. Raises WrongState unless it is valid."""
    # Lock the gift first, in the same order as booking.book: otherwise the two could deadlock.
    lock(receipt.donation)
    receipt = lock(receipt)
    if refusal := refusal_to_resend(receipt):
        raise refusal
    receipt.document = lock(receipt.document)  # it cannot be printed between our look at it and our commit
    delivery = deliver_once_printed(receipt, by=by)
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
    """Queue the mail with the printed receipt; gives up if it could not be printed or is no longer valid."""
    return jobs.run(ReceiptDelivery, delivery_id, _printed, _queue_mail)


def _printed(delivery: ReceiptDelivery) -> None:
    document = delivery.receipt.document
    if document.state == Job.State.DEAD:
        raise jobs.GiveUp("receipt_not_printed")
    if document.state != Job.State.DONE:
        raise jobs.NotYet(PRINTED_AT_MOST)


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
