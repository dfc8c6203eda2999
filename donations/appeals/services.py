from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from typing import Final, TypedDict
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal, GiftTotal
from logistics.audit import services as audit
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import DomainError, Invalid
from logistics.money import amounts as money
from logistics.partners import guard
from logistics.people.models import User
from logistics.pictures import services as pictures
from logistics.pictures.models import Picture
from logistics.transactions import lock


class AppealHasGifts(DomainError):
    """The appeal has gifts, so it cannot be deleted: donors can still look at it."""

    code = "appeal_has_gifts"


@dataclass(frozen=True, slots=True)
class Received:
    """The total kept of an appeal's gifts in one currency, after refunds and chargebacks."""

    currency: str
    amount_minor: int
    gifts: int


@dataclass(frozen=True, slots=True)
class AppealFields:
    """The fields of an appeal, as finance types them."""

    slug: str
    title_en: str
    title_fr: str
    story_en: str
    story_fr: str
    target_amount: str  # "5000000.00"
    currency: str
    opens_on: date
    closes_on: date | None = None
    country: str = ""
    picture: Picture | None = None
    picture_alt_en: str = ""
    picture_alt_fr: str = ""


class AppealChanges(TypedDict, total=False):
    """Changes to an appeal; omitted fields stay as they are."""

    slug: str
    title_en: str
    title_fr: str
    story_en: str
    story_fr: str
    target_amount: str
    currency: str
    opens_on: date
    closes_on: date | None
    country: str
    picture: Picture | None
    picture_alt_en: str
    picture_alt_fr: str


@transaction.atomic
def publish(wanted: AppealFields, *, by: User | None, at: datetime) -> Appeal:
    """Publish a new appeal; donors see it from its opening date on. Raises Invalid."""
    appeal = Appeal()
    _set(appeal, wanted)
    guard.check(appeal, None, by=by, at=at)
    _save(appeal)
    audit.record("published", appeal, by=by, at=at, slug=appeal.slug)
    return appeal


@transaction.atomic
def change(appeal: Appeal, *, changes: AppealChanges, version: int, by: User | None, at: datetime) -> Appeal:
    """Change an appeal. Raises Stale, Invalid."""
    appeal = lock(appeal, version=version)
    former = appeal.picture
    _set(appeal, replace(_fields_of(appeal), **changes))
    guard.check(appeal, None, only=changes, by=by, at=at)
    appeal.version += 1
    _save(appeal)
    if former != appeal.picture:
        pictures.forget(former)
    audit.record("changed", appeal, by=by, at=at, fields=sorted(changes))
    return appeal


@transaction.atomic
def remove(appeal: Appeal, *, by: User | None, at: datetime) -> None:
    """Remove an appeal without gifts. Raises AppealHasGifts; set its closing date instead."""
    appeal = lock(appeal)
    audit.record("removed", appeal, by=by, at=at, slug=appeal.slug)
    try:
        appeal.delete()
    except ProtectedError as error:
        raise AppealHasGifts(
            _("This appeal has gifts, so it cannot be deleted. Set its closing date instead.")
        ) from error


def check(wanted: AppealFields) -> int:
    """Validate the fields and return the target in minor units. Raises Invalid, naming the field."""
    target_minor = amounts.read(wanted.target_amount, wanted.currency, field="target_amount")
    if wanted.country and wanted.country not in codes.countries():
        raise Invalid(_("Not an ISO 3166-1 country code."), field="country", code="unknown_country")
    for language in ("en", "fr") if wanted.picture else ():
        if not getattr(wanted, f"picture_alt_{language}").strip():
            raise Invalid(
                _("Describe the picture in a sentence, for people who do not see it."),
                field=f"picture_alt_{language}",
                code="required",
            )
    fonts.check({"title_en": wanted.title_en, "title_fr": wanted.title_fr})
    if wanted.closes_on and wanted.closes_on < wanted.opens_on:
        raise Invalid(
            _("The closing date is before the opening date."), field="closes_on", code="closes_before_it_opens"
        )
    return target_minor


# Fields with the same name in the model; the target is stored in minor units.
SAME: Final = tuple(field.name for field in fields(AppealFields) if field.name != "target_amount")


def _fields_of(appeal: Appeal) -> AppealFields:
    target_amount = money.decimal_string(appeal.target_minor, appeal.currency)
    return AppealFields(target_amount=target_amount, **{name: getattr(appeal, name) for name in SAME})


def _set(appeal: Appeal, wanted: AppealFields) -> None:
    appeal.target_minor = check(wanted)
    for name in SAME:
        setattr(appeal, name, getattr(wanted, name))


def _save(appeal: Appeal) -> None:
    if Appeal.objects.filter(slug=appeal.slug).exclude(pk=appeal.pk).exists():
        raise Invalid(_("Another appeal has this address. Choose another slug."), field="slug", code="not_unique")
    try:
        with transaction.atomic():
            appeal.save()
    except IntegrityError as error:
        raise Invalid(
            _("Another appeal has this address. Choose another slug."), field="slug", code="not_unique"
        ) from error


def received(appeals: Iterable[Appeal]) -> dict[UUID, list[Received]]:
    """Return the total kept of each appeal's gifts, by currency."""
    totals: dict[UUID, list[Received]] = {appeal.pk: [] for appeal in appeals}
    rows = GiftTotal.objects.filter(appeal__in=totals, gifts__gt=0).order_by("appeal_id", "currency")
    for total in rows:
        totals[total.appeal_id].append(Received(total.currency, total.amount_minor, total.gifts))
    return totals
