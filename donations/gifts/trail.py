"""The audit trail of a gift in words: who did what, when, with amounts as people write them."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Final

from django.utils import formats, timezone
from django.utils.translation import gettext, gettext_lazy, gettext_noop

from donations.admin_parts import shown
from donations.gifts.corrections import CORRECTED
from donations.gifts.models import Donation
from donations.refunds.models import Refund, RefundReason
from logistics.audit import services as audit
from logistics.audit.models import AuditEntry

SENDING: Final = {
    "pending": gettext_lazy("waiting to be sent"),
    "sent": gettext_lazy("sent"),
    "failed": gettext_lazy("sending failed"),
}
# Verb -> its sentence. A verb without one is shown as it is, with its details left out.
SENTENCES: Final = {
    "received": gettext_noop("Received: %(kept)s held"),
    "partially refunded": gettext_noop("Refunded in part: %(kept)s held"),
    "refunded": gettext_noop("Refunded: nothing held"),
    "disputed": gettext_noop("Disputed by the donor’s bank"),
    "charged back": gettext_noop("Charged back by the donor’s bank: %(kept)s held"),
    CORRECTED: gettext_noop("Gift corrected: %(kept)s held"),
    "receipt issued": gettext_noop("Receipt %(receipt)s issued for %(amount)s"),
    "receipt cancelled": gettext_noop("Receipt %(receipt)s cancelled"),
    "receipt replaced": gettext_noop("Receipt %(receipt)s replaced"),
    "receipt resent": gettext_noop("Receipt %(receipt)s sent again"),
    "refund requested": gettext_noop("Refund of %(amount)s requested"),
    "refund approved": gettext_noop("Refund of %(amount)s approved"),
    "refund rejected": gettext_noop("Refund of %(amount)s rejected"),
    "refund sent again": gettext_noop("Refund of %(amount)s sent again"),
    "refund refused": gettext_noop("Stripe refused the refund of %(amount)s"),
    "link revoked": gettext_noop("Secret link revoked"),
}


def entries(donation: Donation) -> Iterator[tuple[datetime, str, str, str]]:
    """Yield time, sentence, person and reason of each entry."""
    trail = [*audit.trail(donation)]
    corrections = [entry.details for entry in trail if entry.verb == CORRECTED]

    def at_first(name: str, now: object) -> str:
        return str(next((one["was"][name] for one in corrections if name in one["was"]), now))

    amount_minor = at_first("amount_minor", donation.amount_minor)
    currency = at_first("currency", donation.currency)
    for entry in trail:
        changed = entry.details["now"] if entry.verb == CORRECTED else {}
        amount_minor = changed.get("amount_minor", amount_minor)
        currency = changed.get("currency", currency)
        yield entry.at, _sentence(entry, int(amount_minor), currency), entry.by.name if entry.by else "", _reason(entry)


def _reason(entry: AuditEntry) -> str:
    """Return the reason in words: a receipt ends because of what the gift has become, or of what a person typed."""
    if not entry.verb.startswith("receipt "):
        return entry.reason
    if entry.reason == "not_printed":
        return gettext("it could not be printed")
    return str(dict(Donation.Status.choices).get(entry.reason, entry.reason))


def _sentence(entry: AuditEntry, amount_minor: int, currency: str) -> str:
    """Return what happened; the amount and the currency are those recorded then."""
    said = SENTENCES.get(entry.verb)
    if said is None:
        words = gettext(entry.verb)
        return words[:1].upper() + words[1:]
    details = entry.details
    gone = int(details.get("refunded_minor", 0)) + int(details.get("charged_back_minor", 0))
    values = {
        "kept": shown(max(0, amount_minor - gone), currency),
        "amount": shown(details.get("amount_minor"), currency),
        "receipt": details.get("receipt", ""),
    }
    return gettext(said) % values


def refund_reason(refund: Refund) -> str:
    """Return why a refund was made, in words; Stripe's own reasons as they are."""
    return str(dict(RefundReason.choices).get(refund.reason, refund.reason.replace("_", " ")))


def moment(at: datetime) -> str:
    """Return a time in the current time zone, the charity's."""
    return formats.date_format(timezone.localtime(at), "DATETIME_FORMAT")


def day(on: date) -> str:
    return formats.date_format(on, "DATE_FORMAT")
