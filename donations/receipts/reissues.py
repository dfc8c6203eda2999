"""Reissues: after a donor was corrected, the receipts that show or went to what was wrong are replaced."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from django.db import transaction
from django.db.models import OuterRef, Subquery
from django.utils.translation import gettext as _

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts import paper
from donations.receipts import services as receipts
from donations.receipts.models import Receipt, ReceiptDelivery, ReceiptState
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import DomainError, WrongState
from logistics.people.models import User
from logistics.transactions import lock

LOOKED_AT_MAX: Final = 500  # the newest receipts of one donor


@dataclass(frozen=True, slots=True)
class Outdated:
    """A valid receipt that no longer agrees with its donor."""

    receipt: Receipt
    differs: list[str]  # "name", "address", "email"
    name: str  # as on the paper
    mailed_to: str  # "" if it was not mailed yet


def outdated(donor: Donor) -> list[Outdated]:
    """Return a donor's valid receipts with another name or address, or mailed to another email; newest first."""
    last = ReceiptDelivery.objects.filter(receipt=OuterRef("pk"), email__isnull=False).order_by("-id")
    valid = (
        Receipt.objects.filter(donation__donor=donor, state=ReceiptState.ISSUED)
        .select_related("document", "donation")
        .annotate(mailed_to=Subquery(last.values("email__to")[:1]))
        .order_by("-id")[:LOOKED_AT_MAX]
    )
    found = [_compared(receipt, donor) for receipt in valid]
    return [one for one in found if one.differs]


def _compared(receipt: Receipt, donor: Donor) -> Outdated:
    printed, now = receipt.document.context["donor"], paper.donor_on_paper(donor)
    mailed_to: str = getattr(receipt, "mailed_to", None) or ""
    wrong = {
        "name": printed["name"] != now["name"],
        "address": printed["address_lines"] != now["address_lines"],
        "email": mailed_to not in ("", donor.email),
    }
    return Outdated(receipt, [name for name, is_wrong in wrong.items() if is_wrong], printed["name"], mailed_to)


@transaction.atomic
def replace(receipt: Receipt, *, by: User | None, at: datetime) -> Receipt:
    """Replace a valid receipt by a new one with the donor's present details, mailed to their present address.

    Raises WrongState unless it is valid and its payment undisputed, ReceiptBlocked if information is missing.
    """
    # The gift first, in the same order as booking.book: otherwise the two could deadlock.
    donation = lock(receipt.donation)
    receipt = lock(receipt)
    receipt.donation = donation
    if refusal := refusal_to_replace(receipt):
        raise refusal
    replacement = receipts.update(donation, at=at, by=by, corrected=receipts.DONOR_CORRECTED)
    if replacement is None:
        raise RuntimeError("a receipt that may be replaced was not")
    return replacement


def refusal_to_replace(receipt: Receipt, charity: Callable[[], Charity] = charities.the_charity) -> DomainError | None:
    """Return why `replace` is refused now, or None. `charity` loads the charity; a list passes a cached loader."""
    if receipt.state != ReceiptState.ISSUED:
        return WrongState(
            _("Receipt %(number)s is %(state)s and cannot be replaced.")
            % {"number": receipt.number, "state": receipt.get_state_display().lower()},
            state=receipt.state,
        )
    if receipt.donation.status == Donation.Status.DISPUTED:
        return WrongState(
            _("The bank is looking into this payment. Its receipt can be replaced once that has ended."),
            status=receipt.donation.status,
        )
    return receipts.blocked(receipt.donation, charity)
