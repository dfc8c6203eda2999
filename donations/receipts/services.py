"""Receipts: issued when the money is received, cancelled or replaced when it goes back."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from donations.gifts.models import Donation
from donations.receipts import deliveries, paper
from donations.receipts.models import Receipt, ReceiptState
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.errors import DomainError, WrongState
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from logistics.people.models import User
from logistics.rows import fast
from logistics.transactions import lock

TEMPLATE = "donations/receipt.html"
# What the audit trail calls the end of a receipt.
ENDED_VERBS: Final = {
    ReceiptState.CANCELLED: gettext_noop("receipt cancelled"),
    ReceiptState.REPLACED: gettext_noop("receipt replaced"),
}


class ReceiptBlocked(DomainError):
    """The receipt cannot be issued: `missing` names what it lacks, `texts` the characters that papers cannot print."""

    code = "receipt_blocked"


def update(donation: Donation, *, at: datetime, by: User | None = None) -> Receipt | None:
    """Make the receipt match the amount kept, and return the valid one; the caller holds the gift's lock.

    It is issued when the money is received; cancelled when all of it went back (full refund, lost dispute);
    replaced by one that names its number when part of it did, or when printing failed for good. Nothing is issued
    while the payment is disputed. Missing information is noted on the donation instead. Numbers are taken last,
    because others wait for them. `by`: the user; None: Stripe.
    """
    receipts = list(donation.receipts.select_related("document").defer("document__context").order_by("-id"))
    valid = next((receipt for receipt in receipts if receipt.state == ReceiptState.ISSUED), None)
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
    missing = paper.missing_for(charity, donation)
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
    replaced = valid or next(iter(receipts), None)
    return _issue(donation, charity, kept_minor, replaces=replaced, at=at, by=by)


def _end(receipt: Receipt, state: ReceiptState, *, reason: str, at: datetime, by: User | None) -> None:
    receipt = lock(receipt)
    receipt.become(state)
    receipt.ended_at = at
    receipt.end_reason = reason[:40]
    receipt.save(update_fields=["state", "ended_at", "end_reason"])
    documents.supersede(receipt.document, on=charities.day_of(at), at=at)
    audit.record(ENDED_VERBS[state], receipt.donation, by=by, at=at, receipt=receipt.number, reason=reason)
    if state == ReceiptState.CANCELLED:
        deliveries.notify_cancelled(receipt)


def _issue(
    donation: Donation, charity: Charity, amount_minor: int, *, replaces: Receipt | None, at: datetime, by: User | None
) -> Receipt:
    lane = None if replaces else Lane.NOW  # the donor of a new gift is watching
    issued_on = charities.day_of(at, charity)
    series = charity.jurisdiction
    # From here to the commit, everyone else who needs a number waits.
    sequence = documents.next_number(f"{series} receipts", issued_on.year)
    number = f"{series}-{issued_on.year}-{sequence:06}"
    document = documents.request(
        "receipt",
        number=number,
        template=TEMPLATE,
        context=dict(
            paper.contents(
                donation, charity, number=number, amount_minor=amount_minor, issued_on=issued_on, replaces=replaces
            )
        ),
        at=at,
        languages=[donation.language],
        replaces=replaces.document if replaces else None,
        lane=lane,
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
        not_printed=paper.not_printed(donation.donor),
    )
    deliveries.deliver_once_printed(receipt, lane=lane)
    audit.record("receipt issued", donation, by=by, at=at, receipt=number, amount_minor=amount_minor)
    return receipt


@transaction.atomic
def issue(donation: Donation, *, by: User | None, at: datetime) -> Receipt:
    """Issue the receipt of a received gift that was blocked before. Idempotent: a second call returns the same one.

    A receipt whose printing failed for good is replaced by a new one with the current donor and charity details.
    Raises ReceiptBlocked while information is still missing, WrongState if there is nothing to receipt.
    """
    donation = lock(donation)
    if refusal := refusal_to_issue(donation):
        raise refusal
    receipt = update(donation, at=at, by=by)
    if receipt is None:
        raise RuntimeError("a receipt that may be issued was not")
    return receipt


def valid_receipts() -> "Prefetch[str, QuerySet[Receipt], str]":
    """Load the valid receipt of many gifts at once, as the list `valid_receipts` of each: one receipt or none."""
    receipts = Receipt.objects.filter(state=ReceiptState.ISSUED).select_related("document")
    columns = ("donation_id", "number", "amount_minor", "currency", "document__state")
    return Prefetch("receipts", receipts.only(*columns), to_attr="valid_receipts")


def with_valid_receipt(gifts: QuerySet[Donation]) -> QuerySet[Donation]:
    """Load with each gift what `refusal_to_issue` reads of its valid receipt: one statement for all gifts."""
    # Documents that failed for good are few and in an index of their own: their ids are read once. Joined, a document
    # would be looked for each gift.
    is_dead = Q(document__in=Document.objects.filter(state=Job.State.DEAD))
    valid = Receipt.objects.filter(state=ReceiptState.ISSUED).annotate(is_dead=is_dead)
    return gifts.prefetch_related(
        Prefetch("receipts", fast(valid.only("donation_id", "amount_minor")), to_attr="amounts_of_valid_receipts")
    )


def _valid_amount(donation: Donation) -> tuple[int | None, bool]:
    """Return the amount of the valid receipt, None without one, and whether its printing failed for good."""
    loaded = vars(donation).get("amounts_of_valid_receipts")
    if loaded is not None:
        return (loaded[0].amount_minor, loaded[0].is_dead) if loaded else (None, False)
    valid = _valid(donation)
    return (valid.amount_minor, valid.document.state == Job.State.DEAD) if valid else (None, False)


def _valid(donation: Donation) -> Receipt | None:
    loaded: list[Receipt] | None = getattr(donation, "valid_receipts", None)
    if loaded is not None:
        return loaded[0] if loaded else None
    return donation.receipts.select_related("document").filter(state=ReceiptState.ISSUED).first()


def refusal_to_issue(donation: Donation, charity: Callable[[], Charity] = charities.the_charity) -> DomainError | None:
    """Return why `issue` is refused now, or None. Reads the gift's receipts, donor and appeal.

    `charity` loads the charity. A list passes a cached loader for all of its rows, which `with_valid_receipt` loads.
    """
    amount_minor, is_dead = _valid_amount(donation)
    if amount_minor is not None and amount_minor == donation.kept_minor and not is_dead:
        return None  # `issue` returns the same receipt
    is_frozen = donation.status == Donation.Status.DISPUTED and (amount_minor is None or is_dead)
    if donation.kept_minor == 0 or is_frozen:
        return WrongState(
            _("No receipt can be issued for a gift that is %(status)s.")
            % {"status": donation.get_status_display().lower()},
            state=donation.status,
        )
    try:
        issuer = charity()
    except charities.CharityNotSetUp as refusal:
        return refusal
    missing = paper.missing_for(issuer, donation)
    return _blocked(missing, paper.unprintable_in(issuer, donation)) if missing else None


def _blocked(missing: list[str], unprintable: list[fonts.Found]) -> ReceiptBlocked:
    message = _("No receipt can be issued: %(missing)s. Complete the charity or the donor first.")
    message %= {"missing": ", ".join(str(paper.MISSING[code]) for code in missing)}
    if unprintable:
        named = fonts.named([character for found in unprintable for character in found.characters])
        message += " " + _("Papers cannot print %(characters)s. Remove these characters.") % {"characters": named}
    texts = [{"place": found.path, "characters": found.characters} for found in unprintable]
    return ReceiptBlocked(message, missing=missing, texts=texts)


def with_squares(rows: QuerySet[Receipt]) -> QuerySet[Receipt]:
    """Return the valid receipts on which squares stand for characters of the donor's name or address."""
    return rows.filter(state=ReceiptState.ISSUED).exclude(not_printed=[])


def pdf(receipt: Receipt) -> bytes:
    """Return the issued PDF. Raises DocumentNotReady while it is being printed."""
    return documents.read(receipt.document)


class NoReceipt(DomainError):
    """The gift has no valid receipt: it was not received, or the money went back."""

    code = "no_receipt"
    status = 404


def valid_of(donation: Donation) -> Receipt:
    """Return the valid receipt of a gift. Raises NoReceipt."""
    receipt = _valid(donation)
    if receipt is None:
        raise NoReceipt(_("This gift has no valid receipt."))
    return receipt
