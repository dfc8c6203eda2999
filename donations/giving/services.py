from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from donations.giving.models import Donation, Donor
from logistics.audit import services as audit
from logistics.charity import services as charities
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import Invalid
from logistics.transactions import lock


def settle(
    donation: Donation,
    *,
    status: Donation.Status,
    refunded_minor: int,
    charged_back_minor: int,
    received_at: datetime,
    at: datetime,
    by: Any = None,
) -> Donation:
    """Write down what became of a donation whose money came; the caller holds its lock.

    The day on which it was received is that of the charity's time zone, and stays. `by`: who says so; None: Stripe.
    """
    was = donation.status
    donation.status = status
    donation.refunded_minor = refunded_minor
    donation.charged_back_minor = charged_back_minor
    if donation.received_at is None:
        donation.received_at = received_at
        donation.received_on = charities.day_of(received_at, charities.the_charity())
    donation.save(update_fields=["status", "refunded_minor", "charged_back_minor", "received_at", "received_on"])
    audit.record(
        status.replace("_", " "),
        donation,
        by=by,
        at=at,
        was=was,
        refunded_minor=refunded_minor,
        charged_back_minor=charged_back_minor,
    )
    return donation


def check_donor(fields: Mapping[str, Any], *, path: str = "") -> None:
    """Refuse a country that does not exist, and a name or an address that no receipt can show. Raises Invalid."""
    if fields.get("country") and fields["country"] not in codes.countries():
        raise Invalid(_("Choose a country."), field=f"{path}country", code="unknown_country")
    fonts.check({name: fields.get(name) for name in ("name", "organisation", "address")}, path=path)


def donor_of(*, name: str, organisation: str, email: str, country: str, language: str) -> Donor:
    """Return the donor of this name under this e-mail, made now if need be; one statement, safe in a race.

    What an existing donor's row says is not changed: whoever knows a name and an e-mail could otherwise do that.
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
def correct_donor(donor: Donor, *, version: int, changes: dict[str, Any], by: Any, at: datetime) -> Donor:
    """Correct a donor's name, organisation, address, country or language; issued receipts stay as they are.

    Raises Stale when somebody else changed the donor since `version` was read, Invalid for a country that does not
    exist, for what no receipt can show, and for a name under which the same e-mail is known already.
    """
    check_donor(changes)
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


def gifts_under(email: str) -> QuerySet[Donation]:
    """Return all gifts made under an e-mail, newest first."""
    return Donation.objects.filter(donor__email=email.strip().lower()).select_related("appeal", "donor")


def without_receipt() -> QuerySet[Donation]:
    """Received gifts for which something is missing to issue the receipt."""
    return Donation.objects.filter(~Q(receipt_blocked_by=[]))
