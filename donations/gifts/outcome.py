"""A gift's outcome: its status and what went back, from all of its payments together. Pure: no database, no clock.

A donor may pay one gift twice (an old checkout that is paid late). What counts is the money that the charity holds, not
what became of one payment: as long as other payments hold the gift's amount, a refund or a chargeback takes nothing
from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from donations.gifts.models import Donation


@dataclass(frozen=True, slots=True)
class GiftOutcome:
    """Status and returned amounts of a received gift.

    It is never VOIDED: only offline gifts are voided, and no payment of ours is behind those.
    """

    status: Donation.Status
    refunded_minor: int
    charged_back_minor: int

    @classmethod
    def of(cls, donation: Donation) -> Self:
        """Return the outcome recorded in our row."""
        return cls(Donation.Status(donation.status), donation.refunded_minor, donation.charged_back_minor)


def outcome_after(
    amount_minor: int, *, refunded_minor: int = 0, charged_back_minor: int = 0, is_disputed: bool = False
) -> GiftOutcome:
    """Return the outcome of a received gift of which this much was refunded or charged back."""
    refunded_minor = min(refunded_minor, amount_minor)
    charged_back_minor = min(charged_back_minor, amount_minor)
    if charged_back_minor:
        status = Donation.Status.CHARGED_BACK
    elif is_disputed:
        status = Donation.Status.DISPUTED
    elif refunded_minor == amount_minor:
        status = Donation.Status.REFUNDED
    elif refunded_minor:
        status = Donation.Status.PARTIALLY_REFUNDED
    else:
        status = Donation.Status.RECEIVED
    return GiftOutcome(status, refunded_minor, charged_back_minor)


@dataclass(frozen=True, slots=True)
class PaidMoney:
    """The money of one payment that succeeded, and what became of it."""

    number: int  # of the attempt
    paid_at: datetime
    amount_minor: int
    refunded_minor: int = 0  # by refunds that succeeded
    charged_back_minor: int = 0  # by disputes that were lost
    disputed_minor: int = 0  # in disputes that are still open; their money may come back

    @property
    def kept_minor(self) -> int:
        """The amount that neither a refund nor a lost dispute took."""
        return max(0, self.amount_minor - self.refunded_minor - self.charged_back_minor)

    @property
    def free_minor(self) -> int:
        """The amount kept that no open dispute can still take."""
        return max(0, self.kept_minor - self.disputed_minor)


def that_counts(payments: Sequence[PaidMoney]) -> PaidMoney:
    """Return the payment that counts for its gift: the one of which most is kept; of equals, the earliest."""
    return max(payments, key=lambda one: (one.kept_minor, -one.paid_at.timestamp(), -one.number))


def outcome_of(amount_minor: int, payments: Sequence[PaidMoney]) -> GiftOutcome:
    """Return the outcome of a gift from all payments that succeeded; their order does not matter.

    The amount kept of the gift is what its payments hold together, at most the gift's amount. What went back is that of
    the payment that counts, less what the other payments make up for: first its refunds, then its chargebacks.
    """
    counting = that_counts(payments)
    refunded = min(counting.refunded_minor, amount_minor)
    charged_back = min(counting.charged_back_minor, amount_minor)
    held = min(amount_minor, sum(one.kept_minor for one in payments))
    made_up = held - min(amount_minor, counting.kept_minor)
    refunded, made_up = max(0, refunded - made_up), max(0, made_up - refunded)
    charged_back = max(0, charged_back - made_up)
    return outcome_after(
        amount_minor,
        refunded_minor=refunded,
        charged_back_minor=charged_back,
        is_disputed=sum(one.free_minor for one in payments) < held,
    )


def surplus_of(amount_minor: int, payments: Sequence[PaidMoney]) -> dict[int, int]:
    """Return what the donor paid beyond the gift: by the number of the payment, the amount to give back from it.

    Money in an open dispute is not counted on: if the bank takes it, the other payment is the gift. The payment that
    counts is left alone as long as others have enough, and later payments go back before earlier ones.
    """
    surplus = max(0, sum(one.free_minor for one in payments) - amount_minor)
    if not surplus:
        return {}
    counting, found = that_counts(payments), dict[int, int]()
    last_first = sorted(payments, key=lambda one: (one is not counting, one.paid_at, one.number), reverse=True)
    for one in last_first:
        if taken := min(surplus, one.free_minor):
            found[one.number] = taken
            surplus -= taken
    return found
