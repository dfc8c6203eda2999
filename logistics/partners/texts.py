"""Which texts are compared with sealed addresses: every text that people enter and that belongs to a partner.

Each model says so for all of its text fields, either here (in apps above: in their own `texts.py`) or as exempt, with
the reason. tests/test_sealed_texts.py fails for a text field that is in neither list, and for one that no door checks.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping

from django.db import models

from logistics.partners.models import Contact, Partner, Site

# Model -> its guarded fields. "logistics.auditentry" has reasons, which trails show.
GUARDED: dict[str, tuple[str, ...]] = {
    "logistics.partner": ("code", "name", "address", "tax_number"),
    "logistics.contact": ("name", "email", "phone"),
    "logistics.site": ("public_name", "hand_over_point"),
    "logistics.item": ("code", "name_en", "name_fr"),
    "logistics.category": ("name_en", "name_fr"),
    "logistics.apikey": ("name",),
    "logistics.auditentry": ("reason",),
}
OURS = "the charity's own name and address, printed as finance registered them; its street number may be that of a site"
MADE = "made from guarded texts"
RANDOM = "random or a hash"
CODE = "a code that is looked up in a list, or a word that the product chooses"
EXEMPT: dict[str, dict[str, str]] = {
    "logistics.auditentry": {
        **dict.fromkeys(("subject_kind", "verb", "request_id"), CODE),
        "details": "ids, numbers and states",
        **dict.fromkeys(("previous_hash", "hash"), RANDOM),
    },
    "logistics.item": dict.fromkeys(("unit", "hs6", "origin", "un_number"), CODE),
    "logistics.charity": dict.fromkeys(
        (
            *("name", "name_local", "address", "country", "registration", "jurisdiction", "time_zone", "email"),
            *("phone", "website", "signatory", "signatory_title", "currencies"),
        ),
        OURS,
    ),
    "logistics.document": {
        **dict.fromkeys(("state", "last_error_code", "lane", "kind", "template", "languages"), CODE),
        **dict.fromkeys(("number", "context"), MADE),
        **dict.fromkeys(("content_sha256", "token", "storage_name", "sha256"), RANDOM),
    },
    "logistics.numberseries": {"name": CODE},
    "logistics.healthcheck": {"name": CODE, "findings": "numbers of rows", "bookmark": "ids of rows"},
    "logistics.idempotencyrecord": {
        **dict.fromkeys(("principal", "key", "route"), "ids; deleted after 90 days"),
        "body_sha256": RANDOM,
        "response": "the answer to a request that was checked",
    },
    "logistics.email": {
        **dict.fromkeys(("state", "last_error_code", "lane", "kind", "language"), CODE),
        "to": "the address of a donor, a contact (guarded there) or a user",
        **dict.fromkeys(("subject", "body"), MADE),
        "attachments": "names of papers",
    },
    "logistics.unsubscription": {"kind": CODE, "to": "the address of a contact (guarded there) or a user"},
    "logistics.partner": dict.fromkeys(("status", "languages", "country"), CODE),
    "logistics.contact": {"language": CODE},
    "logistics.site": {"code": RANDOM, "kind": CODE, "region": "an admin-1 code"},
    "logistics.siteaddress": dict.fromkeys(("hints", "key_id"), RANDOM),
    "logistics.refusedtext": {"field": CODE, **dict.fromkeys(("digest", "key_id"), RANDOM)},
    "logistics.user": {
        "password": RANDOM,
        "email": "how a person signs in; entered by administrators",
        "name": "a person's own, which may be that of a place; the user of a program has the name of its key (guarded)",
        **dict.fromkeys(("roles", "language"), CODE),
    },
    "logistics.secondfactor": {"sealed": "encrypted or hashed"},
    "logistics.recoverycode": {"sha256": RANDOM},
    "logistics.apikey": dict.fromkeys(("prefix", "secret_sha256"), RANDOM),
}
_sources: list[Callable[[Partner], Iterable[models.Model]]] = []


def register(guarded: Mapping[str, tuple[str, ...]], exempt: Mapping[str, dict[str, str]]) -> None:
    """Add the models of an app."""
    GUARDED.update(guarded)
    EXEMPT.update(exempt)


def add_source(rows_of: Callable[[Partner], Iterable[models.Model]]) -> None:
    """Add what finds a partner's rows whose texts are still in use, to compare them with a new address."""
    if rows_of not in _sources:
        _sources.append(rows_of)


def of(row: models.Model) -> dict[str, object]:
    """Return the guarded texts of a row by field."""
    return {name: getattr(row, name) for name in GUARDED[row._meta.label_lower]}


def in_use(partner: Partner) -> Iterator[models.Model]:
    """Yield the partner's rows that have texts in use."""
    yield partner
    yield from Contact.objects.filter(partner=partner).order_by("pk")
    yield from Site.objects.filter(partner=partner).order_by("pk")
    for rows_of in _sources:
        yield from rows_of(partner)
