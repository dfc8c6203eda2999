from datetime import datetime
from decimal import Decimal
from typing import TypedDict

from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.catalogue.models import Category, Item
from logistics.codes import codes
from logistics.errors import Invalid
from logistics.partners import guard
from logistics.people.models import User
from logistics.transactions import change, insert


class CategoryFields(TypedDict, total=False):
    """The fields of a category that people enter; for an edit, only the changed ones."""

    name_en: str
    name_fr: str


class ItemFields(TypedDict, total=False):
    """The fields of an item that people enter; for an edit, only the changed ones."""

    code: str
    name_en: str
    name_fr: str
    category: Category
    unit: str
    hs6: str
    origin: str
    unit_weight_kg: Decimal | None
    is_dangerous: bool
    un_number: str
    is_active: bool


@transaction.atomic
def create_category(*, fields: CategoryFields, by: User | None, at: datetime) -> Category:
    """Add a kind of goods. Raises Taken if the name is in use."""
    category = Category(**fields)
    guard.check(category, None, by=by, at=at)
    category = insert(category)
    audit.record("category created", category, by=by, at=at)
    return category


@transaction.atomic
def update_category(
    category: Category, changes: CategoryFields, *, version: int, by: User | None, at: datetime
) -> Category:
    """Rename a kind of goods. Raises Stale, Taken."""
    category, changed = change(category, changes, version=version)
    guard.check(category, None, only=changed, by=by, at=at)
    if changed:
        audit.record("category changed", category, by=by, at=at, fields=changed)
    return category


@transaction.atomic
def create_item(*, fields: ItemFields, by: User | None, at: datetime) -> Item:
    """Add an item. A UN number makes it dangerous goods.

    Raises Taken if its code is in use, Invalid for unknown codes and for dangerous goods without a UN number.
    """
    check_codes(fields)
    fields = _declared(fields, Item())
    item = Item(**fields)
    guard.check(item, None, by=by, at=at)
    item = insert(item)
    audit.record("item created", item, by=by, at=at, code=item.code)
    return item


@transaction.atomic
def update_item(item: Item, changes: ItemFields, *, version: int, by: User | None, at: datetime) -> Item:
    """Change an item. Existing manifest lines and papers keep what they copied. Raises Stale, Invalid.

    Its code is printed on labels, so it never changes.
    """
    if changes.get("code", item.code) != item.code:
        raise Invalid(
            _("The code is printed on labels, so it cannot change. Create a new item and set this one to inactive."),
            field="code",
        )
    check_codes(changes)
    changes = _declared(changes, item)
    item, changed = change(item, changes, version=version)
    guard.check(item, None, only=changed, by=by, at=at)
    if changed:
        audit.record("item changed", item, by=by, at=at, fields=changed)
    return item


def check_codes(fields: ItemFields) -> None:
    """Raise Invalid for codes not in the published lists and for an incomplete declaration of dangerous goods."""
    hs6, unit, origin = fields.get("hs6"), fields.get("unit"), fields.get("origin")
    if hs6 and not codes.is_hs6(hs6):
        raise Invalid(
            _("%(hs6)s is not a subheading of the Harmonized System 2022. Find one: GET /api/v1/hs-codes/?search=.")
            % {"hs6": hs6},
            field="hs6",
        )
    if unit is not None and not codes.is_unit(unit):
        raise Invalid(
            _("%(unit)s is not a UN/ECE Rec 20 unit code. Send e.g. H87 (piece), SET, PR (pair), KGM.")
            % {"unit": unit},
            field="unit",
        )
    if origin and origin not in codes.countries():
        raise Invalid(
            _("%(origin)s is not a country code of ISO 3166-1. Send e.g. CN, or leave it empty.") % {"origin": origin},
            field="origin",
        )
    if "is_dangerous" in fields and "un_number" in fields:
        _check_dangerous(is_dangerous=fields["is_dangerous"], un_number=fields["un_number"])


def _check_dangerous(*, is_dangerous: bool, un_number: str) -> None:
    if is_dangerous and not un_number:
        raise Invalid(
            _("Dangerous goods need their UN number, which the papers declare."), field="un_number", code="required"
        )
    if un_number and not is_dangerous:
        raise Invalid(
            _("Goods with a UN number are dangerous goods. Mark them as such, or remove the number."),
            field="is_dangerous",
        )


def _declared(fields: ItemFields, item: Item) -> ItemFields:
    """Return the fields with `is_dangerous` set from the UN number, if only the number is given."""
    if "un_number" in fields and "is_dangerous" not in fields:
        return {**fields, "is_dangerous": bool(fields["un_number"])}
    if "is_dangerous" in fields:
        _check_dangerous(is_dangerous=fields["is_dangerous"], un_number=fields.get("un_number", item.un_number))
    return fields
