"""Gifts, as their payment leaves them."""

import uuid
from datetime import datetime
from typing import Any

from donations.donors.models import Donor
from donations.gifts import services as gifts
from donations.gifts.models import Donation


def received_donation(at: datetime, **changes: Any) -> Donation:
    """Make a received gift as its payment leaves it, without a receipt."""
    donor = Donor.objects.create(name="Chan", email=f"{uuid.uuid4().hex}@example.org")
    values = {"donor": donor, "amount_minor": 50050, "currency": "HKD", "created_at": at}
    donation = Donation.objects.create(**values | changes)
    return gifts.settle(donation, gifts.outcome_after(donation.amount_minor), received_at=at, at=at)
