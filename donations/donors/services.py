from datetime import datetime
from typing import TypedDict

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from donations.donors.models import Donor
from logistics.audit import services as audit
from logistics.codes import codes
from logistics.errors import Invalid
from logistics.ids import uuid7
from logistics.people.models import User
from logistics.transactions import lock


class DonorChanges(TypedDict, total=False):
    """Corrections to a donor; omitted fields stay as they are."""

    name: str
    organisation: str
    address: str
    country: str
    language: str


def check(*, country: str = "", path: str = "") -> None:
    """Refuse an unknown country. A name is never refused: receipts print what they can. Raises Invalid."""
    if country and country not in codes.countries():
        raise Invalid(_("Choose a country."), field=f"{path}country", code="unknown_country")


def get_or_create(*, name: str, organisation: str, email: str, country: str, language: str) -> Donor:
    """Return the donor with this name and email, created if missing; safe in a race.

    Letter case and the number of spaces in a name make no difference. An existing row is not changed: otherwise anyone
    who knows a name and an email could change it.
    """
    names = [field.attname for field in Donor._meta.concrete_fields]  # which are the columns, too
    with connection.cursor() as cursor:
        # A no-op update, so that PostgreSQL returns the existing row.
        cursor.execute(
            "INSERT INTO donations_donor (id, name, organisation, email, address, country, language, version)"  # noqa: S608  # names of ours
            " VALUES (%s, %s, %s, %s, '', %s, %s, 1)"
            " ON CONFLICT (email, lower(name), lower(organisation)) DO UPDATE SET email = EXCLUDED.email"
            f" RETURNING {', '.join(names)}",
            [uuid7(), _spaced(name), _spaced(organisation), email.strip().lower(), country, language],
        )
        # As stored: an existing donor has an address, which receipts print.
        return Donor.from_db(connection.alias, names, cursor.fetchone())


def _spaced(name: str) -> str:
    """Return the name with single spaces, and none around it."""
    return " ".join(name.split())


@transaction.atomic
def correct(donor: Donor, *, version: int, changes: DonorChanges, by: User | None, at: datetime) -> Donor:
    """Correct a donor's name, organisation, address, country or language; issued receipts stay as they are.

    Raises Stale if the donor was changed since `version` was read; Invalid for an unknown country, and if another
    donor already has this email and name.
    """
    check(country=changes.get("country", ""))
    donor = lock(donor, version=version)
    for name, value in changes.items():
        setattr(donor, name, _spaced(str(value)) if name in ("name", "organisation") else value)
    donor.version += 1
    try:
        with transaction.atomic():
            donor.save(update_fields=[*changes, "version"])
    except IntegrityError as error:
        raise Invalid(
            _("Another donor already has this name and email. Correct that donor instead."),
            field="name",
            code="not_unique",
        ) from error
    audit.record("corrected", donor, by=by, at=at, fields=sorted(changes))
    return donor
