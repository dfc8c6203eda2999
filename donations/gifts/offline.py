"""Offline gifts: finance records gifts by bank transfer, cash or cheque; they get receipts like any other gift."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal
from donations.donors import services as donors
from donations.donors.models import Donor
from donations.gifts import duplicates
from donations.gifts import services as gifts
from donations.gifts.duplicates import Sought
from donations.gifts.models import Donation, public_reference
from donations.receipts import services as receipts
from logistics.charity import services as charities
from logistics.errors import Invalid
from logistics.people.models import User
from logistics.transactions import insert_drawn

# An older date is usually a typo in the year; otherwise the accounts of that year are closed.
OLDEST: Final = timedelta(days=731)


@dataclass(frozen=True, slots=True)
class OfflineGift:
    """A gift by bank transfer, cash or cheque, and its donor: a known one, or one with these details."""

    amount: str  # "500.50"
    currency: str
    channel: Donation.Channel  # bank, cash or cheque
    received_on: date  # the day the charity received it
    appeal: str  # slug; "" = where most needed
    payment_reference: str = ""  # the cheque's number or the bank's reference
    donor_id: UUID | None = None
    name: str = ""
    email: str = ""
    organisation: str = ""
    country: str = ""
    language: str = "en"
    another_than: Collection[str] = ()  # references of gifts alike, which this one is not


@transaction.atomic
def record(gift: OfflineGift, *, by: User | None, at: datetime) -> Donation:
    """Record a gift by bank transfer, cash or cheque as received on its day, and issue its receipt.

    The appeal may have closed since. Raises Invalid (field channel, received_on, appeal, donor.name ...),
    PossibleDuplicate, CharityNotSetUp.
    """
    check_channel(gift.channel)
    check_day(gift.received_on, at=at)
    appeal = appeal_of(gift.appeal)
    amount_minor = amounts.read(gift.amount, gift.currency)
    donor = _donor_of(gift)
    reference = " ".join(gift.payment_reference.split())
    sought = Sought(donor, amount_minor, gift.currency, gift.received_on, reference)
    duplicates.check(sought, another_than=gift.another_than)
    donation = Donation(
        donor=donor,
        appeal=appeal,
        amount_minor=amount_minor,
        currency=gift.currency,
        channel=gift.channel,
        payment_reference=reference,
        language=donor.language if gift.donor_id else gift.language,
        created_at=at,
    )
    insert_drawn(donation, field="reference", draw=public_reference)
    donation = gifts.settle(
        donation,
        gifts.outcome_after(donation.amount_minor),
        received_at=received_at(gift.received_on, at=at),
        at=at,
        by=by,
    )
    receipts.update(donation, at=at, by=by)
    return donation


def check_channel(channel: str) -> None:
    """Raise Invalid for gifts by card."""
    if channel == Donation.Channel.ONLINE:
        raise Invalid(_("Gifts by card come through Stripe only."), field="channel", code="invalid_choice")


def check_day(received_on: date, *, at: datetime) -> None:
    """Raise Invalid for a day in the future, or so long ago that it is probably a typo."""
    today = charities.day_of(at, charities.the_charity())
    if received_on > today:
        raise Invalid(_("This date is in the future."), field="received_on", code="in_the_future")
    if received_on < today - OLDEST:
        raise Invalid(_("This date is more than two years ago. Check it."), field="received_on", code="too_long_ago")


def appeal_of(slug: str) -> Appeal | None:
    """Return the appeal, None for "": where most needed. Raises Invalid."""
    appeal = Appeal.objects.filter(slug=slug).first()
    if slug and appeal is None:
        raise Invalid(_("There is no such appeal."), field="appeal", code="unknown_appeal")
    return appeal


def received_at(received_on: date, *, at: datetime) -> datetime:
    """Return a moment of the day on which a gift was received: noon, or now if that is earlier."""
    return min(datetime.combine(received_on, time(12), tzinfo=charities.zone(charities.the_charity())), at)


def _donor_of(gift: OfflineGift) -> Donor:
    if gift.donor_id is not None:
        donor = Donor.objects.filter(pk=gift.donor_id).first()
        if donor is None:
            raise Invalid(_("There is no such donor."), field="donor_id", code="does_not_exist")
        return donor
    donors.check(country=gift.country, path="donor.")
    return donors.get_or_create(
        name=gift.name,
        organisation=gift.organisation,
        email=gift.email,
        country=gift.country,
        language=gift.language,
    )
