"""The index of the rooms' admin pages; Django looks for them here."""

from logistics.charity.admin import CharityAdmin

__all__ = ["CharityAdmin"]
