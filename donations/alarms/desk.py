"""What waits for finance: shown on the admin's first page, and mailed when there is something new."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from donations.alarms.services import recipients
from donations.disputes.models import Dispute, DisputeState
from donations.gifts.models import Donation
from donations.receipts import services as receipts
from donations.receipts.models import Receipt
from donations.reconciliation.models import StripeDifference
from donations.stripe_events.models import StripeEvent
from logistics.health import services as health
from logistics.ids import first_of
from logistics.jobs.models import Job
from logistics.mail import services as mail

CHECK: Final = "desk of finance"  # the health check that remembers until when finance was told
# A bank decides against us when evidence is late; finance is reminded of it this long before.
REMINDED: Final = timedelta(days=3)
# The mail tells of no more than what came since the last one, and at first of no more than this.
FIRST: Final = timedelta(days=1)
TO_ANSWER: Final = (DisputeState.NEEDS_RESPONSE, DisputeState.WARNING_NEEDS_RESPONSE)


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kind of work that waits for finance, and where to do it. `is_urgent`: it has a deadline soon."""

    title: str | Promise
    count: int
    path: str
    is_urgent: bool = False


def waiting(*, at: datetime) -> list[Waiting]:
    """Return what waits for finance now, without what has nothing waiting."""
    to_answer = _to_answer()
    soon = to_answer.filter(evidence_due_at__lt=at + REMINDED).exists()
    squares = receipts.with_squares(Receipt.objects.all()).count()
    every = [
        Waiting(_("disputes to answer"), to_answer.count(), _list_of(Dispute, "state__exact=needs_response"), soon),
        Waiting(_("receipts that lack something"), _blocked().count(), _list_of(Donation, "receipt=missing")),
        Waiting(_("receipts with □ for a character that no font has"), squares, _list_of(Receipt, "squares=valid")),
        Waiting(_("Stripe events in quarantine"), _quarantined().count(), _list_of(StripeEvent, "state__exact=dead")),
        Waiting(_("differences with Stripe"), _differing().count(), _list_of(StripeDifference, "settled=no")),
    ]
    return [one for one in every if one.count]


@transaction.atomic
def tell_finance(*, at: datetime) -> int:
    """Mail finance what is new since the last mail, if anything is; return the number of mails. Called each hour."""
    since = _told_until(at)
    new = [one for one in _new(since, at) if one.count]
    health.bookmark(CHECK, {"told_until": at.isoformat()})
    if not new:
        return 0
    told = 0
    for email, language in recipients(at):
        with translation.override(language):
            rows = [{"title": str(one.title), "count": one.count, "path": one.path} for one in new]
        sent = mail.notify(
            "desk", to=email, template="donations/mail/desk.txt", context={"rows": rows}, language=language
        )
        told += sent is not None
    return told


def _told_until(at: datetime) -> datetime:
    known = health.bookmark_of(CHECK).get("told_until")
    return datetime.fromisoformat(str(known)) if known else at - FIRST


def _new(since: datetime, at: datetime) -> Iterator[Waiting]:
    """Yield what began to wait at or after `since` and before `at`."""
    opened = _to_answer().filter(pk__gte=first_of(since), pk__lt=first_of(at))
    yield Waiting(_("new disputes to answer"), opened.count(), _list_of(Dispute, "state__exact=needs_response"))
    due = _to_answer().filter(evidence_due_at__gte=since + REMINDED, evidence_due_at__lt=at + REMINDED)
    yield Waiting(
        _("disputes whose evidence is due within three days"),
        due.count(),
        _list_of(Dispute, "state__exact=needs_response"),
        is_urgent=True,
    )
    lacking = _blocked().filter(received_at__gte=since, received_at__lt=at)
    yield Waiting(_("new gifts whose receipt lacks something"), lacking.count(), _list_of(Donation, "receipt=missing"))
    squares = receipts.with_squares(Receipt.objects.filter(issued_at__gte=since, issued_at__lt=at))
    path = _list_of(Receipt, "squares=valid")
    yield Waiting(_("new receipts with □ for a character that no font has"), squares.count(), path)
    twice = StripeEvent.objects.filter(outcome=StripeEvent.Outcome.PAID_TWICE, ended_at__gte=since, ended_at__lt=at)
    paid = twice.values("attempt").distinct().count()
    yield Waiting(_("gifts that were paid twice"), paid, _list_of(StripeEvent, "outcome__exact=paid_twice"))


def _to_answer() -> QuerySet[Dispute]:
    return Dispute.objects.filter(state__in=TO_ANSWER)


def _blocked() -> QuerySet[Donation]:
    return Donation.objects.exclude(receipt_blocked_by=[])


def _quarantined() -> QuerySet[StripeEvent]:
    found: QuerySet[StripeEvent] = StripeEvent.objects.filter(state=Job.State.DEAD)
    return found


def _differing() -> QuerySet[StripeDifference]:
    return StripeDifference.objects.filter(ended_at=None)


def _list_of(model: type[Dispute | Donation | Receipt | StripeEvent | StripeDifference], query: str) -> str:
    return reverse(f"admin:donations_{model._meta.model_name}_changelist") + f"?{query}"
