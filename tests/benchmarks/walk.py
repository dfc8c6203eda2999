"""Every list of the API and the admin, with each filter, ordering and search, and the donors' pages.

Lists of the API are read from its description, those of the admin from its registry: a new one is walked by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import resolve, reverse
from drf_spectacular.generators import SchemaGenerator

from config.api import FilterBackend
from donations.donors.models import Donor
from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.portal.pages import SIGNED_IN
from logistics.admin_lists import LAST
from logistics.lists import Position, ending_with_the_key, within
from logistics.partners.models import Partner
from logistics.people.models import User
from shipments.shipments.models import Shipment
from tests.clients import client_of

NO_HIT = "zzqqxx"
CHOICES_MAX = 6  # of each filter of the admin
NEVER = {"string": "ZZQQ", "integer": "999999", "uuid": str(UUID(int=0)), "date": "1999-01-01"}
LATER = {"date": "2199-01-01", "date-time": "2199-01-01T00:00:00Z"}


@dataclass(frozen=True)
class Page:
    """A page to be asked for. It has the same name in a small and in a large database."""

    name: str
    url: str
    client: Client
    is_list: bool = True
    is_search: bool = False
    first: str = ""  # the name of the list's first page


def pages() -> Iterator[Page]:
    """Yield all pages, as a member of staff with all roles, or a donor, sees them."""
    staff = User.objects.get(email="everybody@example.org")
    yield from of_api(client_of(staff))
    yield from of_admin(staff)
    yield from of_donors()


def of_api(client: Client) -> Iterator[Page]:
    for path, methods in SchemaGenerator().get_schema(request=None, public=True)["paths"].items():
        parameters = {
            each["name"]: each for each in methods.get("get", {}).get("parameters", ()) if each["in"] == "query"
        }
        if "cursor" in parameters:
            yield from _of_list(client, path, parameters)


def _of_list(client: Client, path: str, parameters: dict[str, Any]) -> Iterator[Page]:
    url = path.format(shipment=_middle(Shipment).pk, partner_pk=_middle(Partner).pk)
    view: Any = resolve(url).func.cls  # type: ignore[attr-defined]  # of a viewset
    model: Any = view.queryset.model

    def page(name: str, /, **query: str) -> Page:
        return Page(
            f"{path} {name}",
            f"{url}?{urlencode(query)}",
            client,
            is_search="search" in query,
            first=f"{path} first page",
        )

    yield page("first page")
    yield page("in the middle", cursor=_cursor(_ordering(getattr(view, "ordering", "-id")), _middle(model)))
    yield page("near the end", cursor=_cursor(_ordering(getattr(view, "ordering", "-id")), _near_the_end(model)))
    for ordering in parameters.get("ordering", {}).get("schema", {}).get("enum", ()):
        yield page(f"ordering={ordering}", ordering=ordering)
        order = tuple(within([ordering], getattr(view, "sorted_within", {})))
        yield page(f"ordering={ordering}, in the middle", ordering=ordering, cursor=_cursor(order, _middle(model)))
    if "search" in parameters:
        for name, word in _words(model, view.search_fields):
            yield page(f"search: {name}", search=word)
    for name, value in _asked(view, model, parameters):
        yield page(f"{name}: {value[0]}", **{name: value[1]})


def _asked(view: Any, model: Any, parameters: dict[str, Any]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield each filter with values: all of its choices, or those of the first and the last row, and one of no row."""
    filters: Any = FilterBackend().get_filterset_class(view(), view.queryset)
    for name, given in (filters.base_filters if filters else {}).items():
        schema = parameters[name]["schema"]
        schema = schema.get("items", schema)
        kind = schema.get("format") or schema.get("type")
        if schema.get("enum") or kind == "boolean":
            for choice in schema.get("enum") or ("true", "false"):
                yield name, (str(choice), str(choice))
            continue
        for place, order in (("of the oldest row", "id"), ("of the newest row", "-id")):
            rows = model.objects.order_by(order).exclude(**{given.field_name or name: None})
            found = rows.values_list(given.field_name or name, flat=True).first()
            if found is not None and found != "":
                yield name, (place, found.isoformat() if hasattr(found, "isoformat") else str(found))
        for nowhere in (NEVER, LATER):
            if kind in nowhere:
                yield name, (f"{nowhere[kind]}, of no row", nowhere[kind])


def of_admin(user: User) -> Iterator[Page]:
    client = client_of(user)
    yield Page("admin: home", reverse("admin:index"), client, is_list=False)
    for model, page in sorted(admin.site._registry.items(), key=lambda each: each[0]._meta.label):
        request: Any = RequestFactory().get("/")
        request.user = user
        if page.has_view_permission(request):
            yield from _of_changelist(client, model, page, request)


def _of_changelist(client: Client, model: Any, admin_of: Any, request: Any) -> Iterator[Page]:
    url = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    shown = admin_of.get_changelist_instance(request)
    order = tuple(shown.queryset.query.order_by)

    def page(name: str, query: str = "") -> Page:
        of = f"admin: {model._meta.model_name}"
        return Page(f"{of} {name}", url + query, client, is_search="?q=" in query, first=f"{of} first page")

    yield page("first page")
    if model.objects.exists():
        yield page("last page", f"?p={LAST}")
        yield page("in the middle", f"?p={_cursor(order, _middle(model))}")
    for spec in shown.filter_specs:
        for choice in [*spec.choices(shown)][1 : CHOICES_MAX + 1]:
            yield page(f"{spec.title}: {choice['display']}", choice["query_string"])
    columns = shown.list_display
    for column in admin_of.get_sortable_by(request):
        for sign in ("", "-"):
            yield page(f"ordering={sign}{column}", f"?o={sign}{columns.index(column)}")
    if admin_of.search_fields:
        for name, word in _words(model, admin_of.search_fields):
            yield page(f"search: {name}", f"?{urlencode({'q': word})}")


def of_donors() -> Iterator[Page]:
    client, donor = Client(), Client()
    session = donor.session
    session[SIGNED_IN] = {"donor": str(_middle(Donor).pk), "until": "2199-01-01T00:00:00+00:00"}
    session.save()
    yield Page("/give/", "/give/", client, is_list=False)
    yield Page("/give/<the appeal with most gifts>/", "/give/appeal-1/", client, is_list=False)
    yield Page("/give/most-needed/", "/give/most-needed/", client, is_list=False)
    yield Page("a gift's page", tokens.path_of(Donation.objects.latest("pk")), client, is_list=False)
    yield Page("my gifts", reverse("my-gifts"), donor, is_list=False)


def _words(model: Any, fields: Any) -> Iterator[tuple[str, str]]:
    """Yield words to search for: the texts of a row, a beginning that many rows share, and a word of no row."""
    row = _middle(model) if model.objects.exists() else None
    for name in fields:
        path = name.removesuffix("__exact").removesuffix("__iexact")
        found = model.objects.filter(pk=row.pk).values_list(path, flat=True).first() if row is not None else None
        if found:
            yield f"{path} of a row", str(found)
            if path == name and len(str(found)) > 5:
                yield f"the first three letters of {path}", str(found)[:3]
    yield "a word of no row", NO_HIT
    yield "two letters of no row", NO_HIT[:2]


def _middle(model: type[Model], share: float = 0.5) -> Any:
    """Return the row at this share of the table; its place is looked for once in a database."""
    key = (str(connection.settings_dict["NAME"]), model, share)
    if key not in _known:
        keys = model._default_manager.order_by("pk").values_list("pk", flat=True)
        _known[key] = keys[int(keys.count() * share)]
    return model._default_manager.get(pk=_known[key])


_known: dict[tuple[str, type[Model], float], object] = {}


def _near_the_end(model: type[Model]) -> Any:
    """Return a row after which, in the order of a list, less than a page remains: these are mostly newest first."""
    return _middle(model, 0.0005)


def _ordering(given: Any) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def _cursor(ordering: tuple[str, ...], row: Any) -> str:
    ordering = ending_with_the_key(ordering, key=row._meta.pk.name)
    values = []
    for name in ordering:
        value = row
        for part in name.lstrip("-").split("__"):
            value = getattr(value, part)
        values.append(None if value is None else str(value))
    return Position(ordering, tuple(values), backwards=False).encoded()
