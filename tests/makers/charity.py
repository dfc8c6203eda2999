"""The charity, of which there is only one."""

from typing import Any

from logistics.charity.models import Charity


def make_charity(**fields: Any) -> Charity:
    """Return the charity, created if missing. With fields given it must be new, so create it first."""
    there = None if fields else Charity.objects.first()
    given = {
        "name": "Harbour Relief",
        "address": "12 Harbour Road\nWan Chai\nHong Kong",
        "country": "HK",
        "registration": "91/1234",
        "jurisdiction": "HK",
        "time_zone": "Asia/Hong_Kong",
        "email": "office@example.org",
        "signatory": "Lee Siu Wai",
        "signatory_title": "Treasurer",
        "currencies": ["HKD", "XOF", "EUR"],
    }
    return there or Charity.objects.create(**given | fields)
