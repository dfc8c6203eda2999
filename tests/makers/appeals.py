"""Appeals."""

from datetime import date
from typing import Any

from donations.appeals.models import Appeal


def make_appeal(**changes: Any) -> Appeal:
    values = {
        "slug": "mali",
        "title_en": "Mali: rescue and rehabilitation",
        "title_fr": "Mali : secours et réinsertion",
        "story_en": "Beds and books.",
        "story_fr": "Des lits et des livres.",
        "target_minor": 150_000_000,
        "currency": "HKD",
        "country": "ML",
        "opens_on": date(2020, 1, 1),
    }
    return Appeal.objects.create(**values | changes)
