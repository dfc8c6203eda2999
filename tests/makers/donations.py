"""Gifts, as their payment leaves them."""

import uuid
from datetime import datetime
from typing import Any

from donations.donors.models import Donor
from donations.gifts import services as gifts
from donations.gifts.models import Donation
from tests.makers.moments import NOON


def received_donation(at: datetime, **changes: Any) -> Donation:
    """Make a received gift as its payment leaves it, without a receipt."""
    values = {"amount_minor": 50050, "currency": "HKD", "created_at": at}
    donor = changes.pop("donor", None) or make_donor()
    donation = Donation.objects.create(donor=donor, **values | changes)
    return gifts.settle(donation, gifts.outcome_after(donation.amount_minor), received_at=at, at=at)


def make_donor(**values: Any) -> Donor:
    """Make a donor with an address of their own."""
    return Donor.objects.create(**{"name": "Chan", "email": f"{uuid.uuid4().hex}@example.org"} | values)


def make_gift(**changes: Any) -> Donation:
    """Make a received gift, without a receipt."""
    return received_donation(changes.get("created_at", NOON), **changes)
