"""Imports the admin pages of all rooms, because Django looks for them here."""

from django.contrib import admin
from django.utils.translation import gettext_lazy

from logistics.audit.admin import AuditEntryAdmin
from logistics.catalogue.admin import CategoryAdmin, ItemAdmin
from logistics.charity.admin import CharityAdmin
from logistics.documents.admin import DocumentAdmin, NumberSeriesAdmin
from logistics.health.admin import HealthCheckAdmin
from logistics.mail.admin import EmailAdmin, UnsubscriptionAdmin
from logistics.partners.admin import ContactAdmin, MembershipAdmin, PartnerAdmin
from logistics.partners.refusal_admin import RefusedTextAdmin
from logistics.partners.site_admin import SiteAdmin
from logistics.people.admin import ApiKeyAdmin, UserAdmin

__all__ = [
    "ApiKeyAdmin",
    "AuditEntryAdmin",
    "CategoryAdmin",
    "CharityAdmin",
    "ContactAdmin",
    "DocumentAdmin",
    "EmailAdmin",
    "HealthCheckAdmin",
    "ItemAdmin",
    "MembershipAdmin",
    "NumberSeriesAdmin",
    "PartnerAdmin",
    "RefusedTextAdmin",
    "SiteAdmin",
    "UnsubscriptionAdmin",
    "UserAdmin",
]

admin.site.index_template = "pages/dashboard.html"
admin.site.index_title = gettext_lazy("Overview")
