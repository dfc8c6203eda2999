"""Imports the models of all rooms, because Django looks for them here."""

from logistics.audit.models import AuditEntry
from logistics.catalogue.models import Category, Item
from logistics.charity.models import Charity
from logistics.documents.models import Document, NumberSeries
from logistics.health.models import HealthCheck
from logistics.idempotency.models import IdempotencyRecord
from logistics.mail.models import Email, Unsubscription
from logistics.partners.models import Contact, Membership, Partner, RefusedText, Site, SiteAddress
from logistics.people.models import ApiKey, RecoveryCode, SecondFactor, User

__all__ = [
    "ApiKey",
    "AuditEntry",
    "Category",
    "Charity",
    "Contact",
    "Document",
    "Email",
    "HealthCheck",
    "IdempotencyRecord",
    "Item",
    "Membership",
    "NumberSeries",
    "Partner",
    "RecoveryCode",
    "RefusedText",
    "SecondFactor",
    "Site",
    "SiteAddress",
    "Unsubscription",
    "User",
]
