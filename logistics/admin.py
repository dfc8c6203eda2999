"""The index of the rooms' admin pages; Django looks for them here."""

from logistics.catalogue.admin import CategoryAdmin, ItemAdmin
from logistics.charity.admin import CharityAdmin
from logistics.oversight.admin import AuditEntryAdmin, DocumentAdmin, EmailAdmin, NumberSeriesAdmin, VitalAdmin
from logistics.partners.admin import ContactAdmin, MembershipAdmin, PartnerAdmin, SiteAdmin
from logistics.people.admin import ApiKeyAdmin, UserAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "CategoryAdmin",
    "CharityAdmin",
    "ContactAdmin",
    "DocumentAdmin",
    "EmailAdmin",
    "ItemAdmin",
    "MembershipAdmin",
    "NumberSeriesAdmin",
    "PartnerAdmin",
    "SiteAdmin",
    "UserAdmin",
    "VitalAdmin",
]
