"""Visibility of shipments: every queryset of this app starts here."""

import re
import uuid
from functools import cache

from django.contrib.auth.models import AnonymousUser
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import Http404

from logistics.partners import scope
from logistics.partners.models import Membership
from logistics.people.models import User
from logistics.roles import Role
from logistics.rows import Prepared
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
    field, value = ("number", key) if NUMBER.fullmatch(key) else ("id", as_uuid(key))
    membership = scope.membership_of(user)
    if isinstance(user, User) and user.is_staff:
        shipment = _of_staff(field).first(value)
    elif membership is not None and membership.site_id is None:
        shipment = _of_partner(field).first(value, membership.partner_id)
    else:
        shipment = visible_to(user).select_related("consignee").filter(**{field: value}).first()
    if shipment is None:
        raise Http404
    return shipment


# What `visible_to` says of these two kinds of users, compiled once: most requests about a shipment begin by finding it.
@cache
def _of_staff(field: str) -> Prepared[Shipment]:
    staff = User(roles=[Role.COORDINATOR])
    return Prepared(
        lambda value: visible_to(staff).select_related("consignee").filter(**{field: value}), _sample(field)
    )


@cache
def _of_partner(field: str) -> Prepared[Shipment]:
    def visible(value: str | uuid.UUID, partner_id: uuid.UUID) -> QuerySet[Shipment]:
        user = User(roles=[Role.PARTNER])
        user.membership = Membership(partner_id=partner_id)
        return visible_to(user).select_related("consignee").filter(**{field: value})

    return Prepared(visible, _sample(field), uuid.UUID(int=1))


def _sample(field: str) -> str | uuid.UUID:
    return "SHP-0000-00000" if field == "number" else uuid.UUID(int=2)


def as_uuid(text: str) -> uuid.UUID:
    """Parse an id from a URL. Raises Http404 if it is not a UUID."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise Http404 from None
