"""The trace of texts that name a sealed place: counted, in the partner's audit trail, mailed to the safety officers.

None of these holds the text. It is kept sealed (`RefusedText`), so that an officer can read and allow it (`refusals`).

Whoever may write a text could otherwise try addresses until one is refused. The service that refuses rolls back, and
what it had written is gone; therefore the trace waits until the request or job is over (`settle`), and is written in a
transaction of its own.
"""

import logging
from collections.abc import Iterable
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import DatabaseError, transaction
from django.utils import translation
from django.utils.translation import gettext
from prometheus_client import Counter

from logistics.audit import services as audit
from logistics.ids import uuid7
from logistics.mail import services as mail
from logistics.partners import keys, vault
from logistics.partners.models import Partner, RefusedText
from logistics.people.models import User
from logistics.roles import Role
from logistics.transactions import lock

REFUSED = Counter("sealed_address_refusals", "Texts refused because they give a sealed address away", ["field"])
# One mail for the refusals of a person within this time, so that many do not hide one; the audit trail has each.
MAIL_INTERVAL = timedelta(minutes=10)
# Of one request or spreadsheet. Nobody reviews more, and each one that is allowed shortens the next attempt.
TEXTS_KEPT = 100
log = logging.getLogger(__name__)


class Refusal(NamedTuple):
    """A refused text. `field`: "shipments.shipment.title"."""

    partner: UUID
    by: UUID | None
    at: datetime
    field: str
    text: str


_unsettled: ContextVar[tuple[Refusal, ...]] = ContextVar("unsettled refusals", default=())


def add(refusal: Refusal) -> None:
    """Remember a refusal until `settle`."""
    _unsettled.set((*_unsettled.get(), refusal))


def settle() -> None:
    """Write the traces of the refusals since the last call. Call it outside any transaction that may roll back."""
    refusals = _unsettled.get()
    _unsettled.set(())
    for refusal in refusals:
        REFUSED.labels(refusal.field).inc()
    for what in dict.fromkeys(refusal[:3] for refusal in refusals):
        refused = [(refusal.field, refusal.text) for refusal in refusals if refusal[:3] == what]
        _write(*what, [field for field, _text in refused])
        try:
            _keep(*what, {text: field for field, text in refused})
        except DatabaseError:  # whoever was refused gets that answer, and the trace is written
            log.error("refused texts were not kept", extra={"partner": str(what[0])})


@transaction.atomic
def _write(partner_id: UUID, by: UUID | None, at: datetime, fields: list[str]) -> None:
    partner = lock(Partner(pk=partner_id))
    who = User.objects.get(pk=by) if by else None
    recent = audit.trail(partner).filter(verb="text refused", by=who, at__gt=at - MAIL_INTERVAL)
    was_notified = any(entry.details["officers_notified"] for entry in recent)
    notified = 0 if was_notified else notify_officers("sealed-text-refused", partner, who=who, fields=fields, at=at)
    named = sorted(set(fields))
    audit.record("text refused", partner, by=who, at=at, fields=named, count=len(fields), officers_notified=notified)
    log.warning("a text names a sealed place", extra={"partner": str(partner_id), "fields": named})


@transaction.atomic
def _keep(partner_id: UUID, by: UUID | None, at: datetime, refused: dict[str, str]) -> None:
    """Store refused texts, with their fields, sealed; one that was refused before is not stored again."""
    partner = lock(Partner(pk=partner_id))
    for text, field in [*refused.items()][:TEXTS_KEPT]:
        found, last = keys.digested(text, partner_id), {"field": field, "refused_by_id": by, "refused_at": at}
        if not RefusedText.objects.filter(partner=partner, **found).update(**last):
            sealed_id = uuid7()
            RefusedText.objects.create(partner=partner, sealed_id=sealed_id, **found, **last)
            vault.keep_refused(sealed_id, text.encode())


def notify_officers(kind: str, partner: Partner, *, who: User | None, fields: Iterable[str], at: datetime) -> int:
    """Queue a mail about texts in these fields to each safety officer, and return how many."""
    notified, fields = 0, list(fields)
    for officer in User.objects.with_role(Role.SAFETY, at=at):
        context = {
            "officer": officer.name,
            "partner": partner.code,
            "who": who.name if who else "",
            "count": len(fields),
            "fields": _named(sorted(set(fields)), officer.language),
        }
        template = f"partners/mail/{kind}.txt"
        mail.request(kind, to=officer.email, template=template, context=context, language=officer.language)
        notified += 1
    if not notified:
        log.error("there is no safety officer to notify", extra={"partner": str(partner.pk)})
    return notified


def _named(fields: Iterable[str], language: str) -> list[str]:
    with translation.override(language):
        return [field_name(field) for field in fields]


def field_name(path: str) -> str:
    """Return a field as people call it: "shipment: title" for "shipments.shipment.title"."""
    label, _, field = path.rpartition(".")
    model = apps.get_model(label)
    try:
        name = getattr(model._meta.get_field(field), "verbose_name", field)
    except FieldDoesNotExist:  # of a waybill's leg: "driver"
        name = field.replace("_", " ")
    return gettext("%(name)s: %(value)s") % {"name": model._meta.verbose_name, "value": name}
