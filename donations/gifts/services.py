from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import F, QuerySet
from django.utils.translation import gettext_noop

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.gifts.outcome import GiftOutcome, outcome_after
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.people.models import User
from logistics.transactions import lock

__all__ = ["OUTCOME_VERBS", "GiftOutcome", "gifts_under", "outcome_after", "revoke_link", "settle"]

# What the audit trail calls the change to each status.
OUTCOME_VERBS: Final = {
    Donation.Status.RECEIVED: gettext_noop("received"),
    Donation.Status.PARTIALLY_REFUNDED: gettext_noop("partially refunded"),
    Donation.Status.REFUNDED: gettext_noop("refunded"),
    Donation.Status.DISPUTED: gettext_noop("disputed"),
    Donation.Status.CHARGED_BACK: gettext_noop("charged back"),
}
# What it calls the details of these entries.
OUTCOME_DETAILS: Final = (gettext_noop("refunded minor"), gettext_noop("charged back minor"))


def settle(
    donation: Donation, outcome: GiftOutcome, *, received_at: datetime, at: datetime, by: User | None = None
) -> Donation:
    """Record the outcome of a received gift; the caller holds its lock.

    The date received is in the charity's time zone; it is that of the payment that counts.
    `by`: the user; None: Stripe.
    """
    was = donation.status
    if outcome.status != was:
        donation.become(outcome.status)
    donation.refunded_minor = outcome.refunded_minor
    donation.charged_back_minor = outcome.charged_back_minor
    if donation.received_at != received_at:
        donation.received_at = received_at
        donation.received_on = charities.day_of(received_at, charities.the_charity())
    donation.save(update_fields=["status", "refunded_minor", "charged_back_minor", "received_at", "received_on"])
    audit.record(
        OUTCOME_VERBS[outcome.status],
        donation,
        by=by,
        at=at,
        was=was,
        refunded_minor=outcome.refunded_minor,
        charged_back_minor=outcome.charged_back_minor,
    )
    return donation


def follow(donation: Donation, amount_minor: int, currency: str) -> None:
    """Let an unpaid gift be of the amount that was paid after all: its donor changed it meanwhile.

    The caller holds its lock, and settles it.
    """
    if donation.status != Donation.Status.PENDING or (donation.amount_minor, donation.currency) == (
        amount_minor,
        currency,
    ):
        return
    donation.amount_minor, donation.currency = amount_minor, currency
    donation.save(update_fields=["amount_minor", "currency"])


def gifts_under(email: str) -> QuerySet[Donation]:
    """Return all gifts made with an email, newest first."""
    return Donation.objects.filter(donor__email=email.strip().lower()).select_related("appeal", "donor")


@transaction.atomic
def revoke_link(donation: Donation, *, by: User | None, at: datetime) -> Donation:
    """End every link to this gift's page that was sent so far. Its donor gets a new one by signing in by mail."""
    donation = lock(donation)
    donation.link_number += 1
    donation.save(update_fields=["link_number"])
    audit.record("link revoked", donation, by=by, at=at)
    return donation


def revoke_links_of(donor: Donor) -> None:
    """End every link to a donor's gifts that was sent so far: they may have gone to somebody else."""
    Donation.objects.filter(donor=donor).update(link_number=F("link_number") + 1)
