"""Compares Stripe's charges, refunds and disputes of a span of time with our rows.

Events tell us of changes; this finds what no event told. A payment that differs is fetched and booked as after an
event. What still differs then needs a person: it is kept until both sides agree.
"""

import logging
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction

from donations.payments.machine import Mismatch
from donations.reconciliation import comparing
from donations.reconciliation.comparing import EDGE, Differing
from donations.reconciliation.models import StripeDifference
from donations.stripe import gateway
from donations.stripe_events import booking
from logistics.mail import services as mail
from logistics.people.models import User
from logistics.roles import Role

log = logging.getLogger(__name__)

SLICE: Final = timedelta(days=1)  # compared at once, which bounds the memory
# Five weeks: longer than an outage may last before events are lost (30 days).
NIGHTLY: Final = timedelta(days=35)

TellDay = Callable[[datetime, int], None]  # told until when was compared, and how many differences there were


def compare(
    since: datetime, until: datetime, *, at: datetime, tell: TellDay = lambda until, found: None
) -> list[StripeDifference]:
    """Compare a span of time, book what was missed, and return the differences that are left in it.

    Differences of the span that are gone are ended. May be repeated, and stopped at any time: each day is compared for
    itself. Raises PaymentProviderUnavailable.
    """
    start = since
    while start < until:
        end = min(start + SLICE, until)
        found = _compare_slice(start, end, at=at)
        tell(end, len(found))
        start = end
    return list(StripeDifference.objects.filter(happened_at__gte=since, happened_at__lt=until, ended_at=None))


def compare_recent(*, at: datetime) -> int:
    """Compare the last five weeks, mail finance if there is a new difference, and return how many are open there.

    Older differences are compared too, each with the moment in which it happened, so that they end once both agree.
    """
    since = at - NIGHTLY
    is_open = StripeDifference.objects.filter(ended_at=None)
    known = set(is_open.values_list("pk", flat=True))
    for moment in list(is_open.filter(happened_at__lt=since).values_list("happened_at", flat=True)):
        compare(moment, moment + timedelta(seconds=1), at=at)
    # The last hour is left out: its events may still be on their way.
    found = compare(since, at - EDGE, at=at)
    if any(one.pk not in known for one in found):
        _mail_finance(len(found), at=at)
    return len(found)


def _compare_slice(start: datetime, end: datetime, *, at: datetime) -> list[Differing]:
    found = list(comparing.differences(start, end))
    if found and _book_missed(found, at=at):
        found = list(comparing.differences(start, end))
    _store(found, start, end, at=at)
    return found


def _book_missed(found: Iterable[Differing], *, at: datetime) -> bool:
    """Fetch and book the payments that differ; return whether there were any. One that does not fit stays different."""
    attempts = {one.attempt.pk: one.attempt for one in found if one.attempt}
    for attempt in attempts.values():
        try:
            booking.refresh(attempt, at=at)
        except (Mismatch, gateway.PaymentObjectMissing) as error:
            log.error("a payment cannot be booked", extra={"attempt": str(attempt.pk), "code": error.code})
    return bool(attempts)


@transaction.atomic
def _store(found: Iterable[Differing], start: datetime, end: datetime, *, at: datetime) -> None:
    """Keep new differences, and end those of this slice that are gone."""
    kept = []
    for one in found:
        row, _ = StripeDifference.objects.update_or_create(
            about=one.about,
            kind=one.kind,
            stripe_id=one.stripe_id,
            ended_at=None,
            defaults={"ours": one.ours, "theirs": one.theirs},
            create_defaults={
                "attempt": one.attempt,
                "ours": one.ours,
                "theirs": one.theirs,
                "happened_at": one.happened_at,
                "found_at": at,
            },
        )
        kept.append(row.pk)
    gone = StripeDifference.objects.filter(happened_at__gte=start, happened_at__lt=end, ended_at=None)
    gone.exclude(pk__in=kept).update(ended_at=at)


def _mail_finance(count: int, *, at: datetime) -> None:
    for user in User.objects.with_role(Role.FINANCE, at=at):
        mail.notify(
            "stripe-differs",
            to=user.email,
            template="donations/mail/stripe_differs.txt",
            context={"name": user.name, "count": count},
            language=user.language,
        )
