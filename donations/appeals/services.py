from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Count, F, ProtectedError, Sum
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal
from logistics.audit import services as audit
from logistics.codes import codes
from logistics.documents import fonts
from logistics.errors import DomainError, Invalid
from logistics.transactions import lock


class AppealHasGifts(DomainError):
    """What donors gave to must stay there to be seen."""

    code = "appeal_has_gifts"


@dataclass(frozen=True, slots=True)
class Received:
    """What of an appeal's gifts in one currency is still ours."""

    currency: str
    amount_minor: int
    gifts: int


@transaction.atomic
def publish(*, values: dict[str, Any], by: Any, at: datetime) -> Appeal:
    """Put a new appeal before donors, from its first day on. Raises Invalid."""
    appeal = Appeal(**_checked(values))
    _save(appeal)
    audit.record("published", appeal, by=by, at=at, slug=appeal.slug)
    return appeal


@transaction.atomic
def change(appeal: Appeal, *, changes: dict[str, Any], version: int, by: Any, at: datetime) -> Appeal:
    """Change what donors read of an appeal. Raises Stale, Invalid."""
    appeal = lock(appeal, version=version)
    names = [field.name for field in Appeal._meta.fields if field.editable and field.name != "target_minor"]
    values = {name: getattr(appeal, name) for name in names}
    values["target_amount"] = amounts.written_out(appeal.target_minor, appeal.currency)
    for name, value in _checked(values | changes).items():
        setattr(appeal, name, value)
    appeal.version += 1
    _save(appeal)
    audit.record("changed", appeal, by=by, at=at, fields=sorted(changes))
    return appeal


@transaction.atomic
def remove(appeal: Appeal, *, by: Any, at: datetime) -> None:
    """Remove an appeal to which nobody has given. Raises AppealHasGifts; close it then, by its last day."""
    appeal = lock(appeal)
    audit.record("removed", appeal, by=by, at=at, slug=appeal.slug)
    try:
        appeal.delete()
    except ProtectedError as error:
        raise AppealHasGifts(
            _("This appeal has gifts, so it cannot be deleted. Close it instead by setting its last day.")
        ) from error


def check(values: dict[str, Any]) -> None:
    """Refuse what an appeal cannot say. Raises Invalid with the field."""
    _checked(values)


def _checked(values: dict[str, Any]) -> dict[str, Any]:
    values = dict(values)
    values["target_minor"] = amounts.read(values.pop("target_amount"), values["currency"], field="target_amount")
    if values.get("country") and values["country"] not in codes.countries():
        raise Invalid(_("Not a country code of ISO 3166-1."), field="country", code="unknown_country")
    fonts.check({name: values.get(name) for name in ("title_en", "title_fr")})
    if values.get("closes_on") and values["closes_on"] < values["opens_on"]:
        raise Invalid(_("The last day is before the first."), field="closes_on", code="closes_before_it_opens")
    return values


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
    """Return what of each appeal's gifts is still ours, by currency: sums of the gifts, in one query."""
    totals: dict[UUID, list[Received]] = {appeal.pk: [] for appeal in appeals}
    kept = F("donations__amount_minor") - F("donations__refunded_minor") - F("donations__charged_back_minor")
    rows = (
        # Not `~Q(status="pending")`: of a many-sided relation that means appeals without any pending gift.
        Appeal.objects.filter(pk__in=totals, donations__received_at__isnull=False)
        .order_by("pk", "donations__currency")
        .values_list("pk", "donations__currency")
        .annotate(amount=Sum(kept), gifts=Count("donations"))
    )
    for pk, currency, amount, gifts in rows:
        totals[pk].append(Received(currency, max(0, amount), gifts))
    return totals
