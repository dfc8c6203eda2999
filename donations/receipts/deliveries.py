"""Receipt deliveries by mail: always the exact bytes that were issued."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
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
from logistics.jobs.lanes import Lane, in_lane
from logistics.jobs.models import Job
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.mail.services import Attachment
from logistics.people.models import User
from logistics.transactions import lock

log = logging.getLogger(__name__)

# A delivery waits for the end of its paper (`paper_ended`). This is only in case that is ever forgotten.
PRINTED_AT_MOST: Final = timedelta(hours=1)


def deliver_once_printed(receipt: Receipt, *, lane: Lane | None = None, by: User | None = None) -> ReceiptDelivery:
    """Have a receipt mailed as soon as it is printed. The caller has just requested its paper, or locked it."""
    delivery = ReceiptDelivery(receipt=receipt, asked_by=by)
    if receipt.document.state in (Job.State.DONE, Job.State.DEAD):
        return jobs.enqueue(delivery, lane=lane)
    return jobs.enqueue_waiting(delivery, at_most=PRINTED_AT_MOST, lane=lane)


def paper_ended(document: Job) -> None:
    """Queue the mails with a receipt that is printed, in the transaction that records its paper.

    What cannot be queued so is due as a job of its own: it says why if the receipt is not to be mailed, and is retried
    if something fails, without printing again.
    """
    if not (isinstance(document, Document) and document.kind == "receipt"):
        return
    waiting = ReceiptDelivery.objects.filter(receipt__document=document, state=Job.State.PENDING)
    # Others lock the gift, its receipt and then its paper, which is ours already: so we must not wait for these.
    free = (
        _with_all(waiting)
        .order_by("pk")
        .select_for_update(of=("self", "receipt", "receipt__donation"), skip_locked=True)
    )
    if not all([_is_queued(delivery) for delivery in free] or [False]):
        jobs.wake(waiting)


def _with_all(deliveries: QuerySet[ReceiptDelivery]) -> QuerySet[ReceiptDelivery]:
    """Load what the mail needs with each delivery; not the contents of the paper, which may be long."""
    related = ("receipt__document", "receipt__donation__donor", "receipt__donation__appeal")
    return deliveries.select_related(*related).defer("receipt__document__context")


def _is_queued(delivery: ReceiptDelivery) -> bool:
    if _refusal_to_mail(delivery.receipt):
        return False
    try:
        with in_lane(Lane(delivery.lane)), transaction.atomic():
            queued = _queue_mail(delivery)
            jobs.mark_done(ReceiptDelivery.objects.filter(pk=delivery.pk), **queued)
    except Exception:  # any error: the paper is printed all the same
        log.warning("the mail with a printed receipt was not queued; its delivery is retried", exc_info=True)
        return False
    return True


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
    return jobs.run(ReceiptDelivery, delivery_id, lambda _: None, lambda delivery, _: _deliver(delivery))


def _deliver(delivery: ReceiptDelivery) -> dict[str, object]:
    locked = ReceiptDelivery.objects.select_for_update(of=("receipt",))
    delivery = _with_all(locked).get(pk=delivery.pk)
    if code := _refusal_to_mail(delivery.receipt):
        raise jobs.GiveUp(code)
    if delivery.receipt.document.state != Job.State.DONE:
        raise jobs.NotYet(PRINTED_AT_MOST)
    return _queue_mail(delivery)


def _refusal_to_mail(receipt: Receipt) -> str | None:
    """Return the code of the reason why a receipt will never be mailed, or None."""
    if receipt.document.state == Job.State.DEAD:
        return "receipt_not_printed"
    return f"receipt_{receipt.state}" if receipt.state != ReceiptState.ISSUED else None


def _queue_mail(delivery: ReceiptDelivery) -> dict[str, object]:
    receipt = delivery.receipt
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
