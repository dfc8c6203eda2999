"""Visibility of shipments: every queryset of this app starts here."""

import re
import uuid

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from logistics.partners import scope
from logistics.people.models import User
from logistics.roles import Role
from shipments.shipments.models import Shipment, ShipmentSite
from shipments.shipments.states import SEEN_BY_PARTNERS

NUMBER = re.compile(r"SHP-\d{4}-\d{5,9}")


def is_partner(user: User | AnonymousUser) -> bool:
    """Return whether the user acts for a partner only."""
    return isinstance(user, User) and user.has_role(Role.PARTNER) and not user.is_staff


def sees_values(user: User | AnonymousUser, shipment: Shipment) -> bool:
    """Return whether a user may know the customs values: partners only if the shipment says so.

    The same rule as for papers: a partner's edition has values only then, and names no staff (papers/packing_list.py).
    """
    return not is_partner(user) or shipment.partner_sees_values


def visible_to(user: User | AnonymousUser) -> QuerySet[Shipment]:
    """Return the shipments a user may see: staff all, partners their own, once dispatched.

    A user who is bound to a site sees the shipments that also go there, and of their rows those of the site
    (of_shipment.py).
    """
    shipments = Shipment.objects.all()
    if not (isinstance(user, User) and user.is_staff):
        shipments = shipments.filter(status__in=SEEN_BY_PARTNERS)
    return scope.visible(shipments, user, partner="consignee", goes_to=_goes_to)


def _goes_to(site_id: uuid.UUID, /) -> Q:
    """Return the condition on shipments with packages for a site, or to this site only.

    It is not enough that the site is one of the shipment's: the admin opens shipments with all sites of the partner.
    """
    sites = ShipmentSite.objects.filter(shipment=OuterRef("pk"))
    here, others = sites.filter(site=site_id), sites.exclude(site=site_id)
    return Exists(here.filter(packages__isnull=False)) | (Exists(here) & ~Exists(others))


def find(user: User | AnonymousUser, key: str) -> Shipment:
    """Return one shipment by id or number. Raises Http404 if it does not exist or the user may not see it."""
    shipments = visible_to(user).select_related("consignee")
    if NUMBER.fullmatch(key):
        shipment = shipments.filter(number=key).first()
    else:
        shipment = shipments.filter(pk=as_uuid(key)).first()
    if shipment is None:
        raise Http404
    return shipment


def as_uuid(text: str) -> uuid.UUID:
    """Parse an id from a URL. Raises Http404 if it is not a UUID."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
