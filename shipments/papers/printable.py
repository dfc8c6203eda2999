"""Whether the papers of a shipment can be printed, checked before the action that needs them.

Services check most texts when they are entered. This check reads what the papers will print, so it also finds texts
that came another way: names of users and categories, rows written before a rule existed, a font that was replaced.
"""

from collections.abc import Iterator, Mapping
from functools import reduce
from itertools import chain, islice
from operator import or_
from typing import TypedDict

from django.db.models import F, Func, Model, Q, TextField, Value
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from logistics.charity.models import Charity
from logistics.documents import fonts
from logistics.documents.services import NotPrintable
from logistics.people.models import User
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.models import Shipment
from shipments.shipments.services import PRINTED

# The database sends only rows with other characters than these, which the fonts have: most manifests send none.
UNUSUAL = "[^ -~\u00a1-\u017f–—‘’“”…€]"
NAMED_MAX = 50
IN_MESSAGE = 5
TextPlaces = Iterator[tuple[str, object, str | None]]

# Columns with free text that papers print -> what people call them.
OF_PACKAGE = {"marks": gettext_lazy("marks"), "remark": gettext_lazy("remark")}
OF_LINE = {
    "item__code": gettext_lazy("item code"),
    "description_en": gettext_lazy("English description"),
    "description_fr": gettext_lazy("French description"),
    "all_serials": gettext_lazy("serial numbers"),
    "remark": gettext_lazy("remark"),
    "item__category__name_en": gettext_lazy("English name of the category"),
    "item__category__name_fr": gettext_lazy("French name of the category"),
}


class Unprintable(TypedDict):
    """A text with characters that no font has. `place` is for people; `package` and `line` are null elsewhere."""

    place: str
    field: str
    package: int | None
    line: int | None
    characters: list[str]


def manifest(shipment: Shipment, by: User) -> NotPrintable | None:
    """Return why a paper with all goods of this shipment cannot be printed, or None. Six queries."""
    head_texts = chain(_head_texts(shipment), _names(shipment))
    return _refusal([*islice(_of_head(head_texts), NAMED_MAX), *islice(_of_goods(shipment), NAMED_MAX)])


def head(shipment: Shipment, by: User) -> NotPrintable | None:
    """Return why no paper of this shipment can be printed, whatever its goods, or None. Two queries."""
    return _refusal(list(islice(_of_head(_head_texts(shipment)), NAMED_MAX)))


def _refusal(found: list[Unprintable]) -> NotPrintable | None:
    if not found:
        return None
    named = "; ".join(f"{each['place']} ({fonts.named(each['characters'])})" for each in found[:IN_MESSAGE])
    more = len(found) - IN_MESSAGE
    if more > 0:
        named += ngettext("; and %(count)d more", "; and %(count)d more", more) % {"count": more}
    return NotPrintable(
        _("Papers cannot print these characters: %(places)s. Replace them first.") % {"places": named},
        texts=found[:NAMED_MAX],
    )


def _of_head(texts: TextPlaces) -> Iterator[Unprintable]:
    for field, place, text in texts:
        if text and (characters := fonts.unprintable(text)):
            yield {"place": str(place), "field": field, "package": None, "line": None, "characters": characters}


def _head_texts(shipment: Shipment) -> TextPlaces:
    """Yield the field, its place for people, and the text, of everything but packages and lines."""
    for name in PRINTED:
        yield name, _name_of(shipment, name), getattr(shipment, name)
    for name in ("name", "address", "tax_number"):
        label = _("%(field)s of the consignee") % {"field": _name_of(shipment.consignee, name)}
        yield f"consignee.{name}", label, getattr(shipment.consignee, name)
    charity = Charity.objects.first()  # None: another refusal says so
    for name in ("name", "address", "registration"):
        label = _("%(field)s of the charity") % {"field": _name_of(Charity, name)}
        yield f"charity.{name}", label, getattr(charity, name, None)
    for code, point in shipment.sites.values_list("site__code", "site__hand_over_point").order_by("site__code"):
        yield "sites", _("hand-over point of site %(code)s") % {"code": code}, point


def _names(shipment: Shipment) -> TextPlaces:
    yield "packed_by", _("name of the packer"), shipment.packed_by.name if shipment.packed_by else None
    yield "checked_by", _("name of the checker"), shipment.checked_by.name if shipment.checked_by else None


def _name_of(row: Model | type[Model], field: str) -> str:
    return str(row._meta.get_field(field).verbose_name)  # type: ignore[union-attr]


def _of_goods(shipment: Shipment) -> Iterator[Unprintable]:
    packages = Package.objects.filter(_any_unusual(OF_PACKAGE), shipment=shipment).order_by("number")
    for number, *texts in packages.values_list("number", *OF_PACKAGE):
        yield from _unprintable(OF_PACKAGE, texts, number, None)
    serials = Func(F("serials"), Value(" "), function="array_to_string", output_field=TextField())
    lines = ManifestLine.objects.filter(shipment=shipment).annotate(all_serials=serials)
    lines = lines.filter(_any_unusual(OF_LINE)).order_by("package__number", "position")
    for number, position, *texts in lines.values_list("package__number", "position", *OF_LINE).iterator(2000):
        yield from _unprintable(OF_LINE, texts, number, position)


def _any_unusual(columns: Mapping[str, object]) -> Q:
    return reduce(or_, (Q(**{f"{column}__regex": UNUSUAL}) for column in columns))


def _unprintable(
    columns: Mapping[str, object], texts: list[str], package: int, line: int | None
) -> Iterator[Unprintable]:
    for (name, label), text in zip(columns.items(), texts, strict=True):
        if text and (characters := fonts.unprintable(text)):
            values = {"package": package, "line": line, "field": label}
            place = (
                _("package %(package)d, %(field)s")
                if line is None
                else _("package %(package)d, line %(line)d, %(field)s")
            )
            yield {
                "place": place % values,
                "field": name.removeprefix("item__").removeprefix("all_"),
                "package": package,
                "line": line,
                "characters": characters,
            }
