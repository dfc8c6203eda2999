"""Refuse texts that give a sealed address away. The rule is in `hints`, the list of texts in `texts`.

The refusal names the field, never the word. Each leaves a trace (`traces`).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.errors import Invalid
from logistics.partners import hints, keys, texts, traces
from logistics.partners.models import Partner, RefusedText, Site, SiteAddress
from logistics.people.models import User
from logistics.rows import Prepared


class Guard:
    """Compares texts with the sealed addresses of one partner's confidential sites, or of one of them."""

    def __init__(self, partner: UUID, addresses: Iterable[SiteAddress]) -> None:
        self.partner = partner
        stored: dict[str, set[bytes]] = {}
        for address in addresses:
            stored.setdefault(address.key_id, set()).update(hints.unpacked(bytes(address.hints)))
        self._matchers = [hints.Matcher(found, keys.hasher(key_id, partner)) for key_id, found in stored.items()]
        self._known: dict[tuple[str, bool], bool] = {}

    def hits(self, text: object, *, strict: bool = False) -> bool:
        """Return whether a text, or one of a list, gives a place away and was not allowed. `strict`: see `hints`."""
        if isinstance(text, list | tuple):
            return any(self.hits(part, strict=strict) for part in text)
        if not self._matchers or not isinstance(text, str) or not text:
            return False
        if (text, strict) not in self._known:
            found = any(matcher.hits(text, strict=strict) for matcher in self._matchers)
            self._known[text, strict] = found and not self._is_allowed(text)
        return self._known[text, strict]

    def check(self, row: models.Model, *, by: User | None, at: datetime, path: str = "") -> None:
        """Raise Invalid for the first guarded field of a row that gives a place away. `path`: see check_texts."""
        self.check_texts(row._meta.label_lower, texts.of(row), by=by, at=at, path=path)

    def check_texts(
        self,
        label: str,
        found: Mapping[str, object],
        *,
        by: User | None,
        at: datetime,
        path: str = "",
        strict: bool = False,
    ) -> None:
        """Raise Invalid (`names_the_place`) for the first text that gives a place away.

        `found`: field -> text, of the model `label`. `path`: a prefix of the names shown, e.g. "lines[0].".
        """
        for name, text in found.items():
            if self.hits(text, strict=strict):
                raise self.refusal(f"{label}.{name}", text, shown=f"{path}{name}", by=by, at=at, strict=strict)

    def refusal(
        self, field: str, text: object, *, shown: str, by: User | None, at: datetime, strict: bool = False
    ) -> Invalid:
        """Return the refusal of a text, or of one of a list, and leave its trace.

        `field`: of a model; `shown`: what callers call it.
        """
        parts = text if isinstance(text, list | tuple) else [text]
        refused = next(str(part) for part in parts if self.hits(part, strict=strict))
        traces.add(traces.Refusal(self.partner, by.pk if by else None, at, field, refused))
        return Invalid(
            _(
                "This text may reveal a place that must stay secret. Write it without names, streets, numbers or"
                " towns, or ask a safety officer to allow it. The safety officers were notified."
            ),
            field=shown,
            code="names_the_place",
        )

    def _is_allowed(self, text: str) -> bool:
        return any(
            bytes(row.digest) == keys.digest_of(text, row.key_id, self.partner)
            for row in RefusedText.objects.filter(partner=self.partner, allowed_at__isnull=False)
        )


def of_partner(partner: UUID) -> Guard:
    """Return the guard of a partner's confidential sites: one query."""
    return Guard(partner, _OF_PARTNER.all(partner))


def _of_all() -> Iterator[Guard]:
    found: dict[UUID, list[SiteAddress]] = {}
    for address in _confidential().select_related("site"):
        found.setdefault(address.site.partner_id, []).append(address)
    return (Guard(partner, addresses) for partner, addresses in found.items())


def _confidential() -> "models.QuerySet[SiteAddress]":
    return SiteAddress.objects.filter(site__kind=Site.Kind.CONFIDENTIAL)


_OF_PARTNER = Prepared(lambda partner: _confidential().filter(site__partner=partner), UUID(int=1))


def check(
    row: models.Model, partner: UUID | None, *, by: User | None, at: datetime, only: Iterable[str] | None = None
) -> None:
    """Compare the guarded fields of a row with the places of a partner, or of all if it belongs to none.

    `only`: these fields, for an edit. Raises Invalid (`names_the_place`).
    """
    found = {name: text for name, text in texts.of(row).items() if only is None or name in only}
    check_texts(row._meta.label_lower, found, partner, by=by, at=at)


def check_texts(
    label: str, found: Mapping[str, object], partner: UUID | None, *, by: User | None, at: datetime
) -> None:
    """Compare texts with the places of a partner, or of all. Raises Invalid (`names_the_place`)."""
    if any(found.values()):
        for guard in [of_partner(partner)] if partner else _of_all():
            guard.check_texts(label, found, by=by, at=at)


def check_site(site: Site, *, by: User | None, at: datetime) -> None:
    """Raise Invalid (`names_the_place`) if a site's public fields give away a place of its partner, or its own town."""
    check(site, site.partner_id, by=by, at=at)
    if site.kind == Site.Kind.CONFIDENTIAL:
        own = Guard(site.partner_id, SiteAddress.objects.filter(site=site))
        own.check_texts(site._meta.label_lower, texts.of(site), by=by, at=at, strict=True)


def report_existing(partner: Partner, *, by: User | None, at: datetime) -> int:
    """Compare the partner's texts in use with its sealed addresses, notify the safety officers, return how many hit.

    The caller holds the partner's lock.
    """
    guard = of_partner(partner.pk)
    fields = [
        f"{row._meta.label_lower}.{name}"
        for row in texts.in_use(partner)
        for name, text in texts.of(row).items()
        if guard.hits(text)
    ]
    if fields:
        notified = traces.notify_officers("sealed-text-found", partner, who=by, fields=fields, at=at)
        named = sorted(set(fields))
        audit.record(
            "revealing texts found", partner, by=by, at=at, fields=named, count=len(fields), officers_notified=notified
        )
    return len(fields)
