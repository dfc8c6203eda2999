"""Receipts: issued with the money, cancelled or replaced when it goes back, mailed as the bytes that were issued."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.receipts import shapes
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.errors import DomainError, WrongState
from logistics.jobs import services as jobs
from logistics.jobs.models import Job
from logistics.mail import services as mail
from logistics.mail.models import Email
from logistics.transactions import lock

TEMPLATE = "donations/receipt.html"
PAYMENT_MODES: dict[str, Any] = {
    Donation.Channel.ONLINE: "card",
    Donation.Channel.BANK: "bank_transfer",
    Donation.Channel.CASH: "cash",
    Donation.Channel.CHEQUE: "cheque",
}


# What may be missing, in words for staff.
MISSING = {
    "charity_name_missing": gettext_lazy("the charity’s name"),
    "charity_address_missing": gettext_lazy("the charity’s address"),
    "charity_registration_missing": gettext_lazy("the charity’s registration"),
    "charity_signatory_missing": gettext_lazy("the charity’s signatory"),
    "donor_name_missing": gettext_lazy("the donor’s name"),
    "charity_not_printable": gettext_lazy("texts of the charity that papers can show"),
    "donor_not_printable": gettext_lazy("a name and an address of the donor that papers can show"),
    "appeal_not_printable": gettext_lazy("a title of the appeal that papers can show"),
}


class ReceiptBlocked(DomainError):
    """Something that must stand on the receipt is missing; `missing` names it."""

    code = "receipt_blocked"


def missing_for(charity: Charity, donation: Donation) -> list[str]:
    """Return what a receipt must carry and does not have, or cannot show, by the rules of the charity's jurisdiction.

    Hong Kong (Inland Revenue Ordinance, section 88): donor, amount, date, charity.
    """
    donor, appeal = donation.donor, donation.appeal
    needed = {
        "charity_name": charity.name,
        "charity_address": charity.address,
        "charity_registration": charity.registration,
        "charity_signatory": charity.signatory,
        "donor_name": donor.addressee,
    }
    said = {
        "charity": [getattr(charity, name) for name in charities.ON_PAPER],
        "donor": [donor.addressee, donor.address],
        "appeal": [appeal.title(donation.language) if appeal else ""],
    }
    missing = [f"{name}_missing" for name, value in needed.items() if not value.strip()]
    return missing + [f"{name}_not_printable" for name, texts in said.items() if fonts.unprintable("".join(texts))]


def follow(donation: Donation, *, at: datetime, by: Any = None) -> Receipt | None:
    """Let the receipt say what of the gift is still ours, and return the valid one; the caller holds the lock.

    Issued with the money; cancelled when all of it went back (full refund, lost dispute); replaced by one that
    names its number when a part did, or when it could never be printed. While a bank disputes the payment nothing
    is issued. What is missing for a receipt is noted on the donation instead. Numbers are taken last, for others
    wait for them. `by`: who asks; None: Stripe said so.
    """
    valid = donation.receipts.select_related("document").filter(state=ReceiptState.ISSUED).first()
    kept_minor = donation.kept_minor
    is_dead = valid is not None and valid.document.state == Job.State.DEAD
    if valid is not None and valid.amount_minor == kept_minor and not is_dead:
        return valid
    if valid is not None and kept_minor == 0:
        _end(valid, ReceiptState.CANCELLED, reason=donation.status, at=at, by=by)
        return None
    if kept_minor == 0 or ((valid is None or is_dead) and donation.status == Donation.Status.DISPUTED):
        return None
    charity = charities.the_charity()
    missing = missing_for(charity, donation)
    if missing != donation.receipt_blocked_by:
        donation.receipt_blocked_by = missing
        donation.save(update_fields=["receipt_blocked_by"])
    reason = "not_printed" if is_dead else donation.status
    if missing:
        if valid is not None:
            _end(valid, ReceiptState.CANCELLED, reason=reason, at=at, by=by)
        return None
    if valid is not None:
        _end(valid, ReceiptState.REPLACED, reason=reason, at=at, by=by)
    replaced = valid or donation.receipts.order_by("-id").first()
    return _issue(donation, charity, kept_minor, replaces=replaced, at=at, by=by)


def _end(receipt: Receipt, state: ReceiptState, *, reason: str, at: datetime, by: Any) -> None:
    receipt = lock(receipt)
    receipt.become(state)
    receipt.ended_at = at
    receipt.end_reason = reason[:40]
    receipt.save(update_fields=["state", "ended_at", "end_reason"])
    documents.supersede(receipt.document, on=charities.day_of(at), at=at)
    audit.record(f"receipt {state}", receipt.donation, by=by, at=at, receipt=receipt.number, reason=reason)
    if state == ReceiptState.CANCELLED and receipt.deliveries.filter(state=Job.State.DONE).exists():
        _mail(receipt, "receipt-cancelled", "donations/mail/receipt_cancelled.txt", ())


def _issue(
    donation: Donation, charity: Charity, amount_minor: int, *, replaces: Receipt | None, at: datetime, by: Any
) -> Receipt:
    issued_on = charities.day_of(at, charity)
    series = charity.jurisdiction
    # From here to the commit everybody else who wants a number waits.
    sequence = documents.next_number(f"{series} receipts", issued_on.year)
    number = f"{series}-{issued_on.year}-{sequence:06}"
    document = documents.request(
        "receipt",
        number=number,
        template=TEMPLATE,
        context=dict(
            _says(donation, charity, number=number, amount_minor=amount_minor, issued_on=issued_on, replaces=replaces)
        ),
        at=at,
        languages=[donation.language],
        replaces=replaces.document if replaces else None,
    )
    receipt = Receipt.objects.create(
        donation=donation,
        document=document,
        kind=Receipt.Kind.REPLACEMENT if replaces else Receipt.Kind.SINGLE,
        jurisdiction=charity.jurisdiction,
        series=series,
        year=issued_on.year,
        sequence=sequence,
        number=number,
        amount_minor=amount_minor,
        currency=donation.currency,
        issued_at=at,
        issued_on=issued_on,
        replaces=replaces,
    )
    jobs.enqueue(ReceiptDelivery(receipt=receipt))
    audit.record("receipt issued", donation, by=by, at=at, receipt=number, amount_minor=amount_minor)
    return receipt


def _says(
    donation: Donation,
    charity: Charity,
    *,
    number: str,
    amount_minor: int,
    issued_on: date,
    replaces: Receipt | None,
) -> shapes.Receipt:
    donor, appeal = donation.donor, donation.appeal
    assert donation.received_on is not None
    return shapes.Receipt(
        number=number,
        issued_on=issued_on.isoformat(),
        jurisdiction="HK",
        charity=shapes.Charity(
            name=charity.name,
            name_local=charity.name_local,
            address_lines=_lines(charity.address),
            registration=charity.registration,
            email=charity.email,
            phone=charity.phone,
        ),
        donor=shapes.Donor(name=donor.addressee, address_lines=_lines(donor.address)),
        donation=donation.reference,
        amount_minor=amount_minor,
        currency=donation.currency,
        received_on=donation.received_on.isoformat(),
        appeal=appeal.title(donation.language) if appeal else "",
        payment_mode=PAYMENT_MODES[donation.channel],
        replaces=replaces.number if replaces else "",
        signatory=charity.signatory,
        signatory_role=charity.signatory_title,
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]


@transaction.atomic
def issue(donation: Donation, *, by: Any, at: datetime) -> Receipt:
    """Issue the receipt of a received gift that lacked something before; twice is the same receipt.

    One whose printing failed for good is replaced by a new one, made of what donor and charity say now.
    Raises ReceiptBlocked while something is still missing, WrongState when there is nothing to receipt.
    """
    donation = lock(donation)
    if refusal := refusal_to_issue(donation):
        raise refusal
    receipt = follow(donation, at=at, by=by)
    if receipt is None:
        raise RuntimeError("a receipt that may be issued was not")
    return receipt


def refusal_to_issue(donation: Donation, charity: Callable[[], Charity] = charities.the_charity) -> DomainError | None:
    """Return why `issue` is refused now, or None. Reads the gift's receipts, donor and appeal.

    `charity`: how to ask who we are; a list asks once for all of its rows.
    """
    valid = next((receipt for receipt in donation.receipts.all() if receipt.state == ReceiptState.ISSUED), None)
    is_dead = valid is not None and valid.document.state == Job.State.DEAD
    if valid is not None and valid.amount_minor == donation.kept_minor and not is_dead:
        return None  # it is answered once more
    is_frozen = donation.status == Donation.Status.DISPUTED and (valid is None or is_dead)
    if donation.kept_minor == 0 or is_frozen:
        return WrongState(
            _("No receipt can be issued for a gift that is %(status)s.")
            % {"status": donation.get_status_display().lower()},
            state=donation.status,
        )
    try:
        missing = missing_for(charity(), donation)
    except charities.CharityNotSetUp as refusal:
        return refusal
    if missing:
        return ReceiptBlocked(
            _("No receipt can be issued: %(missing)s. Complete the charity or the donor first.")
            % {"missing": ", ".join(str(MISSING[code]) for code in missing)},
            missing=missing,
        )
    return None


@transaction.atomic
def resend(receipt: Receipt, *, by: Any, at: datetime) -> ReceiptDelivery:
    """Owe the donor the same receipt once more: the same bytes. Raises WrongState unless it is valid."""
    # The gift first, as whoever books its payment does: else each could wait for the other.
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
    """Owe the donor the mail with the printed receipt; waits for the printing, gives up on a void receipt."""
    return jobs.run(ReceiptDelivery, delivery_id, _printed, _queue_mail)


def _printed(delivery: ReceiptDelivery) -> None:
    document = delivery.receipt.document
    if document.state == Job.State.DEAD:
        raise jobs.GiveUp("receipt_not_printed")
    if document.state != Job.State.DONE:
        raise jobs.NotYet(timedelta(seconds=1))


def _queue_mail(delivery: ReceiptDelivery, _: None) -> dict[str, Any]:
    receipt = lock(delivery.receipt)
    if receipt.state != ReceiptState.ISSUED:
        raise jobs.GiveUp(f"receipt_{receipt.state}")
    attachment = documents.as_attachment(receipt.document)
    return {"email_id": _mail(receipt, "receipt", "donations/mail/receipt.txt", [attachment]).pk}


def _mail(receipt: Receipt, kind: str, template: str, attachments: Any) -> Email:
    donation = receipt.donation
    charity = charities.the_charity()
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
            "follow_url": tokens.follow_url(donation),
        },
        language=donation.language,
        attachments=attachments,
    )


def pdf(receipt: Receipt) -> bytes:
    """Return the issued bytes. Raises NotReady while they are being printed."""
    return documents.read(receipt.document)


class NoReceipt(DomainError):
    """The gift has no valid receipt: it is not received, or the money went back."""

    code = "no_receipt"
    status = 404


def valid_of(donation: Donation) -> Receipt:
    """Return the valid receipt of a gift. Raises NoReceipt."""
    receipt = donation.receipts.select_related("document").filter(state=ReceiptState.ISSUED).first()
    if receipt is None:
        raise NoReceipt(_("This gift has no valid receipt."))
    return receipt
