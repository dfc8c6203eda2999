from datetime import datetime
from typing import TypedDict

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext as _

from donations.donors.models import Donor
from logistics.audit import services as audit
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import Invalid
from logistics.people.models import User
from logistics.transactions import lock


class DonorChanges(TypedDict, total=False):
    """What may be corrected of a donor; what is left out stays."""

    name: str
    organisation: str
    address: str
    country: str
    language: str


def check(*, name: str = "", organisation: str = "", address: str = "", country: str = "", path: str = "") -> None:
    """Refuse a country that does not exist, and a name or an address that no receipt can show. Raises Invalid."""
    if country and country not in codes.countries():
        raise Invalid(_("Choose a country."), field=f"{path}country", code="unknown_country")
    fonts.check({"name": name, "organisation": organisation, "address": address}, path=path)


def get_or_create(*, name: str, organisation: str, email: str, country: str, language: str) -> Donor:
    """Return the donor of this name under this email, created if there is none; one statement, safe in a race.

    An existing donor's row is not changed: otherwise anyone who knows a name and an email could change it.
    """
    donor = Donor(
        name=name.strip(),
        organisation=organisation.strip(),
        email=email.strip().lower(),
        country=country,
        language=language,
    )
    with connection.cursor() as cursor:
        # An update that changes nothing, so that PostgreSQL returns the id of the row that was there.
        cursor.execute(
            "INSERT INTO donations_donor (id, name, organisation, email, address, country, language, version)"
            " VALUES (%s, %s, %s, %s, '', %s, %s, 1)"
            " ON CONFLICT (email, name, organisation) DO UPDATE SET email = EXCLUDED.email RETURNING id",
            [donor.pk, donor.name, donor.organisation, donor.email, country, language],
        )
        donor.pk = cursor.fetchone()[0]
    return donor


@transaction.atomic
def correct(donor: Donor, *, version: int, changes: DonorChanges, by: User | None, at: datetime) -> Donor:
    """Correct a donor's name, organisation, address, country or language; issued receipts stay as they are.

    Raises Stale when somebody else changed the donor since `version` was read, Invalid for a country that does not
    exist, for what no receipt can show, and for a name under which the same e-mail is known already.
    """
    check(
        name=changes.get("name", ""),
        organisation=changes.get("organisation", ""),
        address=changes.get("address", ""),
        country=changes.get("country", ""),
    )
    donor = lock(donor, version=version)
    for name, value in changes.items():
        setattr(donor, name, value)
    donor.version += 1
    try:
        with transaction.atomic():
            donor.save(update_fields=[*changes, "version"])
    except IntegrityError as error:
        raise Invalid(
            _("This e-mail has another donor of that name. Correct the gift's other donor instead."),
            field="name",
            code="not_unique",
        ) from error
    audit.record("corrected", donor, by=by, at=at, fields=sorted(changes))
    return donor
