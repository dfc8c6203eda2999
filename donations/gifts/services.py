from datetime import datetime

from django.db.models import Q, QuerySet

from donations.gifts.models import Donation
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.people.models import User


def settle(
    donation: Donation,
    *,
    status: Donation.Status,
    refunded_minor: int,
    charged_back_minor: int,
    received_at: datetime,
    at: datetime,
    by: User | None = None,
) -> Donation:
    """Write down what became of a donation whose money came; the caller holds its lock.

    The day on which it was received is that of the charity's time zone, and stays. `by`: who says so; None: Stripe.
    """
    was = donation.status
    donation.status = status
    donation.refunded_minor = refunded_minor
    donation.charged_back_minor = charged_back_minor
    if donation.received_at is None:
        donation.received_at = received_at
        donation.received_on = charities.day_of(received_at, charities.the_charity())
    donation.save(update_fields=["status", "refunded_minor", "charged_back_minor", "received_at", "received_on"])
    audit.record(
        status.replace("_", " "),
        donation,
        by=by,
        at=at,
        was=was,
        refunded_minor=refunded_minor,
        charged_back_minor=charged_back_minor,
    )
    return donation


def gifts_under(email: str) -> QuerySet[Donation]:
    """Return all gifts made under an e-mail, newest first."""
    return Donation.objects.filter(donor__email=email.strip().lower()).select_related("appeal", "donor")


def without_receipt() -> QuerySet[Donation]:
    """Received gifts for which something is missing to issue the receipt."""
    return Donation.objects.filter(~Q(receipt_blocked_by=[]))
