"""Offline gifts: finance records gifts by bank transfer, cash or cheque; they get receipts like any other gift."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal
from donations.donors import services as donors
from donations.gifts import services as gifts
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
    """A gift by bank transfer, cash or cheque, and its donor."""

    amount: str  # "500.50"
    currency: str
    channel: Donation.Channel  # bank, cash or cheque
    received_on: date  # the day the charity received it
    appeal: str  # slug; "" = where most needed
    name: str
    email: str
    organisation: str = ""
    country: str = ""
    language: str = "en"


@transaction.atomic
def record(gift: OfflineGift, *, by: User | None, at: datetime) -> Donation:
    """Record a gift by bank transfer, cash or cheque as received on its day, and issue its receipt.

    The appeal may have closed since. Raises Invalid (field channel, received_on, appeal, donor.name ...),
    CharityNotSetUp.
    """
    charity = charities.the_charity()
    today = charities.day_of(at, charity)
    if gift.channel == Donation.Channel.ONLINE:
        raise Invalid(_("Gifts by card come through Stripe only."), field="channel", code="invalid_choice")
    if gift.received_on > today:
        raise Invalid(_("This date is in the future."), field="received_on", code="in_the_future")
    if gift.received_on < today - OLDEST:
        raise Invalid(_("This date is more than two years ago. Check it."), field="received_on", code="too_long_ago")
    appeal = Appeal.objects.filter(slug=gift.appeal).first()
    if gift.appeal and appeal is None:
        raise Invalid(_("There is no such appeal."), field="appeal", code="unknown_appeal")
    donors.check(country=gift.country, path="donor.")
    donor = donors.get_or_create(
        name=gift.name,
        organisation=gift.organisation,
        email=gift.email,
        country=gift.country,
        language=gift.language,
    )
    donation = Donation(
        donor=donor,
        appeal=appeal,
        amount_minor=amounts.read(gift.amount, gift.currency),
        currency=gift.currency,
        channel=gift.channel,
        language=gift.language,
        created_at=at,
    )
    insert_drawn(donation, field="reference", draw=public_reference)
    noon = datetime.combine(gift.received_on, time(12), tzinfo=charities.zone(charity))
    donation = gifts.settle(
        donation,
        gifts.outcome_after(donation.amount_minor),
        received_at=min(noon, at),
        at=at,
        by=by,
    )
    receipts.update(donation, at=at, by=by)
    return donation
