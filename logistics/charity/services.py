from datetime import date, datetime
from typing import TypedDict
from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.charity.models import Charity
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import DomainError, Invalid, Stale
from logistics.mail.messages import Letterhead
from logistics.people.models import User
from logistics.rows import Prepared
from logistics.transactions import Taken, insert


class CharityFields(TypedDict, total=False):
    """The charity's details, as finance enters them."""

    name: str
    name_local: str
    address: str
    country: str
    registration: str
    jurisdiction: str
    time_zone: str
    email: str
    phone: str
    website: str
    signatory: str
    signatory_title: str
    currencies: list[str]


class CharityNotSetUp(DomainError):
    """The charity's name, address and registration have not been entered yet."""

    code = "charity_not_set_up"

    def __init__(self) -> None:
        super().__init__(_("The charity is not set up yet. Finance enters it at PUT /api/v1/charity/ or in the admin."))


_CHARITY = Prepared(lambda: Charity.objects.order_by("pk"))


def the_charity() -> Charity:
    """Return the charity. Raises CharityNotSetUp before finance has entered it."""
    charity = _CHARITY.first()
    if charity is None:
        raise CharityNotSetUp
    return charity


def letterhead() -> Letterhead:
    """Return whom mails come from."""
    charity = Charity.objects.values_list("name", "email").first()
    return Letterhead(*charity) if charity else Letterhead()


def zone(charity: Charity | None = None) -> ZoneInfo:
    """Return the charity's time zone; that of settings.TIME_ZONE (UTC) before finance has set the charity up.

    `charity`: its row, if the caller has read it already; otherwise this costs one query.
    """
    name = charity.time_zone if charity else Charity.objects.values_list("time_zone", flat=True).first()
    return ZoneInfo(name or settings.TIME_ZONE)


def day_of(moment: datetime, charity: Charity | None = None) -> date:
    """Return the date at that moment in the charity's time zone. Its year is the year used in numbers.

    Every date that people read and every year in a number comes from here, also for events in another time zone: a
    timestamp does not tell where it was stated. Dates that must not change when finance changes the time zone are
    stored with their row (`issued_on`, `received_on`). `charity`: as for `zone`.
    """
    return moment.astimezone(zone(charity)).date()


@transaction.atomic
def set_up(*, values: CharityFields, version: int | None, by: User | None, at: datetime) -> Charity:
    """Set up the charity (no version) or replace its details. Papers that were already issued do not change.

    Raises Invalid for an unknown country, currency or time zone, Stale if somebody changed it since `version` was
    read.
    """
    check(values)
    charity = Charity.objects.select_for_update().first()
    current = charity.version if charity else None
    if version != current:
        raise Stale(
            _("The charity is at version %(current)s, you sent %(version)s. Read it again and repeat your change.")
            % {"current": current, "version": version}
            if charity
            else _("The charity is not set up yet: send it without a version."),
            version=current,
        )
    is_first = charity is None
    charity = charity or Charity(version=0)
    for name, value in values.items():
        setattr(charity, name, value)
    charity.version += 1
    try:
        if is_first:
            insert(charity)
        else:
            charity.save()
    except Taken as error:
        raise Stale(
            _("Somebody else has changed this in the meantime. Open it again and repeat your change.")
        ) from error
    audit.record("set up", charity, by=by, at=at, version=charity.version)
    return charity


# The fields printed on papers.
ON_PAPER = ("name", "name_local", "address", "registration", "email", "phone", "signatory", "signatory_title")


def check(values: CharityFields) -> None:
    """Raise Invalid, with the field, for codes not in the lists and for characters that papers cannot print."""
    fonts.check({name: values.get(name) for name in ON_PAPER})
    if values.get("country") not in codes.countries():
        raise Invalid(_("Not an ISO 3166-1 country code."), field="country", code="unknown_country")
    if values.get("time_zone") not in available_timezones():
        raise Invalid(_("Not a time zone such as Asia/Hong_Kong."), field="time_zone", code="unknown_time_zone")
    currencies = values.get("currencies") or []
    if not currencies:
        raise Invalid(_("Name at least one currency in which you accept gifts."), field="currencies", code="required")
    for index, currency in enumerate(currencies):
        if currency not in codes.currencies():
            raise Invalid(
                _("%s is not a currency code of ISO 4217.") % currency,
                field=f"currencies[{index}]",
                code="unknown_currency",
            )
