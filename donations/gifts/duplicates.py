"""Possible duplicates of an offline gift: those that finance may have recorded before.

A gift is alike if it has the same amount, on a day within a week, from the same donor: the same row, email address or
name. Or if it has the same payment reference, whenever that was. Gifts by card count too: a payout of Stripe looks like
a bank transfer.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext as _

from donations.donors.models import Donor
from donations.gifts.models import AS_COMPARED, Donation
from logistics.errors import DomainError

WITHIN: Final = timedelta(days=7)
SHOWN_MAX: Final = 20
_COUNTED: Final = [status for status in Donation.Status if status not in ("pending", "voided")]


class PossibleDuplicate(DomainError):
    """A gift like this one is recorded already; `duplicates` has the references of all such gifts.

    It has the same donor and amount on a day within a week, or the same payment reference. Nothing was recorded.
    """

    code = "possible_duplicate"
    example = {"duplicates": ["GFT-7K2M-9QXD"]}
    field = ""  # of a form that shows it

    def __init__(self, gifts: Collection[Donation]) -> None:
        self.gifts = gifts
        references = sorted(gift.reference for gift in gifts)
        super().__init__(
            _("This may have been recorded already, as %(gifts)s. If it is another gift, say so.")
            % {"gifts": ", ".join(references)},
            duplicates=references,
        )


@dataclass(frozen=True, slots=True)
class Sought:
    """What is compared of an offline gift."""

    donor: Donor
    amount_minor: int
    currency: str
    received_on: date
    payment_reference: str

    @property
    def reference_as_compared(self) -> str:
        return "".join(self.payment_reference.split()).upper()


def check(sought: Sought, *, another_than: Collection[str]) -> None:
    """Raise PossibleDuplicate for gifts alike that `another_than` does not name, by their references.

    Whoever records the same gift at the same moment waits here until this transaction ends, and then finds it.
    """
    _wait_for_same(sought)
    found = alike(sought)
    if any(gift.reference not in another_than for gift in found):
        raise PossibleDuplicate(found)


def alike(sought: Sought) -> list[Donation]:
    """Return the gifts that may be the same, newest first."""
    gifts = Donation.objects.filter(status__in=_COUNTED).select_related("donor", "appeal").order_by("-id")
    donor = sought.donor
    same_name = (
        Q(donor__organisation__iexact=donor.organisation)
        if donor.organisation
        else Q(donor__organisation="", donor__name__iexact=donor.name)
    )
    same_donor = Q(donor=donor) | Q(donor__email=donor.email)
    found = gifts.filter(
        same_donor | same_name if donor.addressee else same_donor,
        amount_minor=sought.amount_minor,
        currency=sought.currency,
        received_on__range=(sought.received_on - WITHIN, sought.received_on + WITHIN),
    )[:SHOWN_MAX]
    by_id = {gift.pk: gift for gift in found}
    if reference := sought.reference_as_compared:
        # Apart from the others, because each has an index of its own.
        paid = gifts.exclude(payment_reference="").alias(compared=AS_COMPARED).filter(compared=reference)
        by_id |= {gift.pk: gift for gift in paid[:SHOWN_MAX]}
    return [by_id[pk] for pk in sorted(by_id, reverse=True)]


def _wait_for_same(sought: Sought) -> None:
    """Lock what gifts alike have in common until the transaction ends: in one order, so that nobody waits in a circle.

    There may be no row yet that could be locked.
    """
    with connection.cursor() as cursor:
        for number in sorted(map(_number_of, _in_common(sought))):
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [number])


def _in_common(sought: Sought) -> Iterator[str]:
    amount = f"{sought.currency} {sought.amount_minor}"
    yield f"gift of {amount} from {sought.donor.email}"
    if sought.donor.addressee:
        yield f"gift of {amount} by {sought.donor.addressee.lower()}"
    if sought.reference_as_compared:
        yield f"payment reference {sought.reference_as_compared}"


def _number_of(name: str) -> int:
    return int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big", signed=True)
