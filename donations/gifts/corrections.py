"""Corrections of offline gifts: what was typed wrong is corrected, what was recorded by mistake is voided.

Both keep the numbers of receipts without gaps: a wrong receipt stays, cancelled or replaced.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Final, TypedDict

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from donations import amounts
from donations.gifts import offline
from donations.gifts.models import Donation
from donations.receipts import services as receipts
from logistics.audit import services as audit
from logistics.errors import DomainError, Invalid, WrongState
from logistics.money import amounts as money
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import lock

CORRECTED: Final = gettext_noop("gift corrected")
VOIDED: Final = gettext_noop("gift voided")
# Columns that receipts do not show.
NOT_PRINTED: Final = frozenset({"payment_reference", "received_at"})


class OfflineChanges(TypedDict, total=False):
    """Corrections to an offline gift; omitted fields stay as they are."""

    amount: str  # "500.50"
    currency: str
    channel: str
    received_on: date
    appeal: str  # slug; "" = where most needed
    payment_reference: str


@transaction.atomic
def correct(donation: Donation, *, changes: OfflineChanges, reason: str, by: User | None, at: datetime) -> Donation:
    """Correct what was typed of an offline gift. A receipt that shows it is replaced by one that names its number.

    Raises WrongState for a gift by card and for one that is void; Invalid (field amount, received_on, reason ...).
    """
    _check_reason(reason, by=by, at=at)
    donation = lock(donation)
    if refusal := refusal_to_correct(donation):
        raise refusal
    values = _values(donation, changes, at=at)
    changed = {name: value for name, value in values.items() if getattr(donation, name) != value}
    if not changed:
        return donation
    was = _recorded(donation, changed)
    for name, value in changed.items():
        setattr(donation, name, value)
    donation.save(update_fields=[*changed])
    fields, now = sorted(changed), _recorded(donation, changed)
    audit.record(CORRECTED, donation, by=by, at=at, reason=reason.strip(), fields=fields, was=was, now=now)
    if not changed.keys() <= NOT_PRINTED:
        receipts.update(donation, at=at, by=by, corrected=receipts.GIFT_CORRECTED)
    return donation


def _values(donation: Donation, changes: OfflineChanges, *, at: datetime) -> Mapping[str, object]:
    """Return the new values of columns. Raises Invalid."""
    values: dict[str, object] = {}
    if "amount" in changes or "currency" in changes:
        currency = changes.get("currency", donation.currency)
        kept_as_is = money.decimal_string(donation.amount_minor, donation.currency)
        values |= {"currency": currency, "amount_minor": amounts.read(changes.get("amount", kept_as_is), currency)}
    if "channel" in changes:
        offline.check_channel(changes["channel"])
        values["channel"] = changes["channel"]
    if "received_on" in changes and changes["received_on"] != donation.received_on:
        offline.check_day(changes["received_on"], at=at)
        values["received_on"] = changes["received_on"]
        values["received_at"] = offline.received_at(changes["received_on"], at=at)
    if "appeal" in changes:
        appeal = offline.appeal_of(changes["appeal"])
        values["appeal_id"] = appeal.pk if appeal else None
    if "payment_reference" in changes:
        values["payment_reference"] = " ".join(changes["payment_reference"].split())
    return values


def _recorded(donation: Donation, changed: Mapping[str, object]) -> dict[str, str]:
    """Return the values of changed columns as the audit trail keeps them: no text that people typed."""
    return {
        name: str(getattr(donation, name) or "")
        for name in changed
        if name in ("amount_minor", "currency", "channel", "received_on", "appeal_id")
    }


@transaction.atomic
def void(donation: Donation, *, reason: str, by: User | None, at: datetime) -> Donation:
    """Void an offline gift that was recorded by mistake: it counts nowhere, and its receipt is cancelled.

    Raises WrongState for a gift by card and for one that is void already.
    """
    _check_reason(reason, by=by, at=at)
    donation = lock(donation)
    if refusal := refusal_to_correct(donation):
        raise refusal
    donation.become(Donation.Status.VOIDED)
    donation.receipt_blocked_by = []  # none is due any more
    donation.save(update_fields=["status", "receipt_blocked_by"])
    audit.record(VOIDED, donation, by=by, at=at, reason=reason.strip())
    receipts.update(donation, at=at, by=by)
    return donation


def _check_reason(reason: str, *, by: User | None, at: datetime) -> None:
    if not reason.strip():
        raise Invalid(_("Say why. The reason is kept in the audit trail."), field="reason", code="required")
    guard.check_texts("logistics.auditentry", {"reason": reason}, None, by=by, at=at)


def refusal_to_correct(donation: Donation) -> DomainError | None:
    """Return why neither `correct` nor `void` is possible now, or None."""
    if donation.channel == Donation.Channel.ONLINE:
        return WrongState(
            _("A gift by card has the amount and the day that Stripe reports. If it was a mistake, refund it."),
            status=donation.status,
        )
    if donation.status != Donation.Status.RECEIVED:
        return WrongState(
            _("A gift that is %(status)s cannot be corrected or voided.")
            % {"status": donation.get_status_display().lower()},
            status=donation.status,
        )
    return None
