"""Every address of the product, from the resolver: a new route is swept, or its unknown argument is an error."""

import re
from collections import Counter
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, TypeAlias

from django.apps import apps
from django.db.models import Model, QuerySet
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.http import urlsafe_base64_encode

from donations.appeals.models import Appeal
from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.documents.models import Document
from logistics.mail import unsubscribing
from logistics.mail.models import Email
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from shipments.packing.models import Package
from shipments.papers.models import Paper
from shipments.shipments.models import Shipment
from tests.sweep.secret import Finder

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>|\(\?P<(\w+)>(?:[^()]|\([^()]*\))*\)")
# Each row of these is opened: the confidential site may be any, and each kind of paper is one.
ALL_OF = (Site, Document, Paper, Receipt)
# Pages of the admin that say the same of each row, so that one is enough: redirects, and deletion, which few may do.
SAME_OF_EACH = re.compile(r"^/admin/\w+/\w+/<path:object_id>/(delete/)?$")
LAST = ("/logout/", "/leave/")  # who opens these is signed out
# Nobody can open these, by design: catch-alls, what takes only POST, forms for rows that nobody may change by hand.
NEVER_OPENS = re.compile(
    r"<rest>|<url>|<content_type_id>|/leave/$|/pay/$|/stripe/events/$|/checkout/$|/autocomplete/$|/logout/$"
    r"|^/admin/\w+/\w+/(add|<path:object_id>/(delete|\w+))/$"
)
KINDS = ("api", "admin", "page")
WRITING = {"POST": ("post",), "PUT": ("put",), "PATCH": ("patch",), "DELETE": ("delete",)}


@dataclass(frozen=True)
class Route:
    """One route: its template, as `/shipments/<str:shipment>/`, and the methods of its view that write."""

    template: str
    callback: Any

    @property
    def kind(self) -> str:
        top = self.template.split("/")[1]
        return {"api": "api", "admin": "admin"}.get(top, "page")

    @property
    def methods(self) -> list[str]:
        """The methods to try: those of an API view; a page may answer to GET and POST."""
        if self.kind != "api":
            return ["GET", "POST"]
        actions = getattr(self.callback, "actions", None)
        known = actions or [name for name in ("get", *map(str.lower, WRITING)) if hasattr(self._view, name)]
        return [name.upper() for name in known if name.upper() in {"GET", *WRITING}] or ["GET"]

    @property
    def _view(self) -> Any:
        return getattr(self.callback, "cls", self.callback)

    @property
    def arguments(self) -> list[str]:
        return [one or other for one, other in ARGUMENT.findall(self.template)]

    def filled(self, values: dict[str, str]) -> str:
        """Return the path for these arguments."""
        return ARGUMENT.sub(lambda found: str(values[found[1] or found[2]]), self.template)

    def rows(self) -> QuerySet[Model]:
        """Return the rows that `pk` or `object_id` names. Raises LookupError for a view that does not say."""
        if self.kind == "admin":
            app, model = self.template.split("/")[2:4]
            return apps.get_model(app, model)._base_manager.all()
        if getattr(self._view, "queryset", None) is None:
            raise LookupError(f"{self.template}: whose pk is it? The view has no queryset.")
        return self._view.queryset.model._base_manager.all()


def routes() -> list[Route]:
    found = [Route(template, callback) for template, callback in _walk(get_resolver().url_patterns, "/")]
    return sorted(found, key=lambda route: route.template.endswith(LAST))


def _walk(patterns: list[URLPattern | URLResolver], before: str) -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        template = before + re.sub(r"^\^|(?<!\\)\$$|\\Z$", "", str(pattern.pattern))
        if isinstance(pattern, URLResolver):
            yield from _walk(pattern.url_patterns, template)
        else:
            yield template, pattern.callback


@dataclass
class Filler:
    """Finds the arguments of routes in the database: each row, up to `most` of a kind, the newest first."""

    sign_in_tokens: list[str] = field(default_factory=list)
    drivers_tokens: list[str] = field(default_factory=list)
    invitation: tuple[str, str] | None = None  # of the mailed link: whose it is, and the token
    most: int = 3

    def paths(self, route: Route) -> Iterator[str]:
        yield from (route.filled(values) for values in self._values(route, route.arguments, {}))

    def _values(self, route: Route, names: list[str], found: dict[str, str]) -> Iterator[dict[str, str]]:
        if not names:
            yield found
            return
        for value in self._of(route, names[0], found):
            yield from self._values(route, names[1:], {**found, names[0]: value})

    def _of(self, route: Route, name: str, found: dict[str, str]) -> list[str]:
        known: dict[str, Callable[[], list[str]]] = {
            "shipment": lambda: list(Shipment.objects.values_list("number", flat=True).order_by("-id")[: self.most]),
            "partner_pk": lambda: [str(one.pk) for one in Partner.objects.order_by("-id")[: self.most]],
            "number": lambda: [
                str(one.number) for one in Package.objects.filter(shipment__number=found["shipment"])[:2]
            ],
            "slug": lambda: [*Appeal.objects.values_list("slug", flat=True)[: self.most], "most-needed", "no-such"],
            "token": lambda: self._tokens(route),
            "rest": lambda: ["no-such-endpoint/"],
            "kind": lambda: ["csv", "xlsx"],
            "url": lambda: ["no-such-page/"],
            "app_label": lambda: ["logistics", "shipments", "donations"],
            "content_type_id": lambda: ["1"],
            "uidb64": lambda: [
                self.invitation[0]
                if self.invitation
                else urlsafe_base64_encode(str(User.objects.latest("pk").pk).encode())
            ],
            "pk": lambda: self._keys(route, found),
            "object_id": lambda: self._keys(route, found),
            "id": lambda: self._keys(route, found),
        }
        if name not in known:
            raise LookupError(f"{route.template}: say in tests/sweep/walk.py where the values of <{name}> are.")
        return known[name]()

    def _keys(self, route: Route, found: dict[str, str]) -> list[str]:
        if "content_type_id" in found:  # Django's own redirect to a row's page on the site; no row has one
            return ["1"]
        rows = route.rows()
        if "shipment" in found and any(one.name == "shipment" for one in rows.model._meta.fields):
            rows = rows.filter(shipment__number=found["shipment"])
        most = 1 if SAME_OF_EACH.search(route.template) else 40 if rows.model in ALL_OF else self.most
        return [str(row.pk) for row in rows.order_by("-pk")[:most]]

    def _tokens(self, route: Route) -> list[str]:
        first = route.template.removeprefix("/api/v1").split("/")[1]
        match first:
            case "gifts" | "donations":
                # The newest are not paid, or refunded; only one that is paid has a receipt that is valid.
                gifts = Donation.objects.order_by("-id")
                found = [*gifts[: self.most], *gifts.filter(receipts__isnull=False, receipts__ended_at=None)[:1]]
                return [tokens.token_of(gift) for gift in found]
            case "p":
                return list(Package.objects.values_list("token", flat=True).order_by("-pk")[:2])
            case "verify":
                return list(Document.objects.values_list("token", flat=True).order_by("-pk")[: self.most])
            case "admin":  # an invitation; without one, the page of a wrong link
                return [self.invitation[1] if self.invitation else "no-such-link"]
            case "unsubscribe":  # from a mail to a partner; without one, the page of a wrong link
                return _unsubscribe_tokens(self.most)
            case "d" | "my-gifts":
                return self.drivers_tokens if first == "d" else self.sign_in_tokens
        raise LookupError(f"{route.template}: say in tests/sweep/walk.py what opens it.")


def _unsubscribe_tokens(most: int) -> list[str]:
    mails = Email.objects.filter(kind="shipment-dispatched").order_by("-pk")[:most]
    return [unsubscribing.url_of(mail).rstrip("/").rpartition("/")[2] for mail in mails] or ["no-such-link"]


Caller: TypeAlias = Callable[[str, str], tuple[int, bytes, bytes]]  # method, path -> status, headers, body


@dataclass
class Walk:
    """What was asked, and how it was answered."""

    finder: Finder
    filler: Filler
    statuses: dict[str, set[int]] = field(default_factory=dict)  # by template, of GET
    requests: Counter[str] = field(default_factory=Counter)  # by caller
    server_errors: list[str] = field(default_factory=list)

    def read(self, callers: Mapping[str, Caller], kinds: Container[str] = KINDS, skip: str = r"^$") -> None:
        """Open every address as every caller."""
        for route in routes():
            if route.kind in kinds and not re.search(skip, route.template):
                for path in self.filler.paths(route):
                    for role, ask in callers.items():
                        self.statuses.setdefault(route.template, set()).add(self.ask(route, role, ask, "GET", path))

    def write(self, callers: Mapping[str, Caller], kinds: Container[str] = KINDS) -> None:
        """Send an empty request by every method that writes, once to each route; most are refused."""
        for route in routes():
            for path in islice(self.filler.paths(route), 1 if route.kind in kinds else 0):
                for method in route.methods:
                    if method != "GET":
                        for role, ask in callers.items():
                            self.ask(route, role, ask, method, path)

    def ask(self, route: Route, role: str, ask: Caller, method: str, path: str) -> int:
        status, headers, body = ask(method, path)
        self.requests[role] += 1
        place = f"{route.kind} {role} {method} {path}"
        self.finder.look(place, body, carried=path)
        self.finder.look(f"headers {place}", headers, carried=path)
        if status >= 500:
            self.server_errors.append(f"{status} {place}")
        return status

    def never_opened(self) -> list[str]:
        """Return the readable addresses that nobody could open: no row to fill them, or all were refused."""
        return [
            route.template
            for route in routes()
            if "GET" in route.methods
            and not NEVER_OPENS.search(route.template)
            and not any(status < 400 for status in self.statuses.get(route.template, ()))
        ]
