"""Who sees which shipments: every queryset of this app starts here."""

import re
import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import QuerySet
from django.http import Http404

from logistics.people.models import User
from logistics.roles import Role
from shipments.shipments.models import Shipment
from shipments.shipments.states import SEEN_BY_PARTNERS

NUMBER = re.compile(r"SHP-\d{4}-\d{5,9}")


def is_partner(user: User | AnonymousUser) -> bool:
    """Say whether somebody acts for a partner, and for nobody else."""
    return isinstance(user, User) and user.has_role(Role.PARTNER) and not user.is_staff


def visible_to(user: User | AnonymousUser) -> QuerySet[Shipment]:
    """Return the shipments that somebody may know of: a partner its own, once they have left; staff all."""
    if not isinstance(user, User):
        return Shipment.objects.none()
    if user.is_staff:
        return Shipment.objects.all()
    return Shipment.objects.filter(consignee__memberships__user=user, status__in=SEEN_BY_PARTNERS)


def find(user: User | AnonymousUser, key: str) -> Shipment:
    """Return one shipment by its id or number. Somebody else's is as missing as one that never was: Http404."""
    shipments = visible_to(user).select_related("consignee")
    if NUMBER.fullmatch(key):
        shipment = shipments.filter(number=key).first()
    else:
        shipment = shipments.filter(pk=as_uuid(key)).first()
    if shipment is None:
        raise Http404
    return shipment


def as_uuid(text: str) -> uuid.UUID:
    """Read an id out of an address. Raises Http404: what is no id names nothing."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
