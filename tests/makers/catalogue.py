"""Kinds of goods."""

from typing import Any

from logistics.catalogue.models import Category, Item
from tests.makers.numbers import next_number
from tests.shipments.mali import CATEGORIES


def make_category(**fields: Any) -> Category:
    number = next_number()
    return Category.objects.create(**{"name_en": f"Category {number}", "name_fr": f"Catégorie {number}"} | fields)


def make_categories() -> list[Category]:
    return [make_category(name_en=name_en, name_fr=name_fr) for name_en, name_fr in CATEGORIES.items()]


def make_item(category: Category | None = None, **fields: Any) -> Item:
    number = next_number()
    given = {"code": f"ITEM-{number}", "name_en": f"Item {number}", "name_fr": f"Article {number}", "hs6": "940360"}
    return Item.objects.create(category=category or make_category(), **given | fields)
