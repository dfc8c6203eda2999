"""The charity, of which there is one."""

from typing import Any

from logistics.charity.models import Charity


def make_charity(**fields: Any) -> Charity:
    """Return the charity. One that has fields of its own is new, and is made before anything that needs a charity."""
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
