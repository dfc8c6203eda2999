"""Background work: documents, mails, Stripe events, imports.

A job is a row, written in the same transaction as the change that needs it. The broker's message only notifies a
worker. Lost, duplicate or late messages do no harm, because the relay sweeps the rows. All times are the database's.

    pending -> leased -> done | dead
"""

import uuid
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar, TypeVar, cast

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.db.models.sql import UpdateQuery
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from logistics.jobs import statements
from logistics.jobs.lanes import Lane

# A message counts as lost when those that were sent this much later have been taken: a worker may hold a message for
# a moment before it claims the job, and messages sent at the same time may change places.
LOST_AFTER = timedelta(seconds=15)

Row_co = TypeVar("Row_co", bound="Job", covariant=True)


class JobQuerySet(models.QuerySet[Row_co]):
    def due(self) -> "JobQuerySet[Row_co]":
        """Return jobs that a worker should claim now: pending ones, and those whose lease has expired."""
        waiting = Q(state=Job.State.PENDING, run_after__lte=Now())
        abandoned = Q(state=Job.State.LEASED, lease_until__lt=Now())
        return self.filter(waiting | abandoned, attempts__lt=self.model.ATTEMPTS_MAX)

    def overdue(self, oldest_message: Mapping[Lane, datetime | None]) -> "JobQuerySet[Row_co]":
        """Return due jobs whose message was lost or never sent. A message that waits its turn is not lost.

        `oldest_message`: for each lane, when the row of its oldest message was notified; None: not known.
        """
        missed = Q(notified_at=None)
        for lane, at in oldest_message.items():
            if at is not None:
                missed |= Q(lane=lane, notified_at__lt=at - LOST_AFTER)
        return self.due().filter(missed)

    def unfinished(self) -> "JobQuerySet[Row_co]":
        return self.filter(state__in=[Job.State.PENDING, Job.State.LEASED])

    def claim(self, pk: object) -> Row_co | None:
        """Claim one due job and return it, with its lease token; None if another worker claimed it or it is not due.

        The attempt is counted before the work, so that a job that kills its worker each time stops at ATTEMPTS_MAX.
        """
        return cast("Row_co | None", statements.claim(self.model, pk))

    def update_returning(self, **values: object) -> list[Row_co]:
        """Update rows and return them as they are afterwards: one statement instead of two."""
        query = cast(UpdateQuery, self.query.chain(UpdateQuery))
        query.add_update_values(values)
        statement, parameters = query.get_compiler(self.db).as_sql()
        return list(cast("Iterable[Row_co]", self.model.objects.raw(f"{statement} RETURNING *", parameters)))

    def worn_out(self) -> "JobQuerySet[Row_co]":
        """Return jobs whose workers died ATTEMPTS_MAX times."""
        return self.filter(state=Job.State.LEASED, lease_until__lt=Now(), attempts__gte=self.model.ATTEMPTS_MAX)

    def leased_by(self, token: uuid.UUID | None) -> "JobQuerySet[Row_co]":
        """Return the job while its lease is still ours; nothing once another worker has taken over."""
        return self.filter(state=Job.State.LEASED, lease_token=token)

    def retry(self, *, lane: Lane) -> int:
        """Make dead jobs pending again and reset their attempts; the caller notifies workers."""
        return self.filter(state=Job.State.DEAD).update(
            state=Job.State.PENDING,
            attempts=0,
            lane=lane,
            run_after=Now(),
            notified_at=Now(),
            last_error_code="",
            ended_at=None,
        )


class Job(models.Model):
    """A row that a worker must process. A subclass names its `TASK`, whose only argument is the row's id.

    `LANE` is where jobs of this kind wait, unless the work that needs them has a lane (see `lanes.in_lane`).
    """

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("job", "Pending")
        LEASED = "leased", pgettext_lazy("job", "Leased")
        DONE = "done", pgettext_lazy("job", "Done")
        DEAD = "dead", pgettext_lazy("job", "Dead")

    TASK: ClassVar[str]
    LANE: ClassVar[Lane] = Lane.SOON
    ATTEMPTS_MAX: ClassVar[int] = 5
    # A worker renews its lease every few seconds; one that has not done so for this long is presumed dead.
    LEASE: ClassVar[timedelta] = timedelta(seconds=20)

    state = models.CharField(_("state"), max_length=8, choices=State, default=State.PENDING, editable=False)
    lane = models.CharField(
        pgettext_lazy("job", "lane"),
        max_length=4,
        choices=Lane,
        default=Lane.SOON,
        db_default=Lane.SOON,
        editable=False,
    )
    run_after = models.DateTimeField(_("not before"), db_default=Now(), editable=False)
    notified_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(_("leased until"), null=True, editable=False)
    last_error_code = models.CharField(_("last error"), max_length=60, blank=True, editable=False)
    progress = models.PositiveSmallIntegerField(_("progress (%)"), default=0, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)

    objects: ClassVar[Any] = JobQuerySet.as_manager()

    class Meta:
        abstract = True
        constraints = [
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_is_leased_exactly_with_a_token",
                condition=Q(state="leased", lease_token__isnull=False, lease_until__isnull=False)
                | (~Q(state="leased") & Q(lease_token__isnull=True, lease_until__isnull=True)),
            ),
            models.CheckConstraint(
                name="%(app_label)s_%(class)s_ended_exactly_when_done_or_dead",
                condition=Q(state__in=["done", "dead"], ended_at__isnull=False)
                | (~Q(state__in=["done", "dead"]) & Q(ended_at__isnull=True)),
            ),
        ]
        indexes = [
            # Small even if the table is large: it holds only jobs that wait for a worker or for a person.
            models.Index(
                fields=["state", "run_after"],
                condition=Q(state__in=["pending", "leased", "dead"]),
                name="%(app_label)s_%(class)s_jobs",
            )
        ]

    @classmethod
    def claimed_values(cls, token: uuid.UUID) -> dict[str, object]:
        """Return what a claim sets. The attempt is counted before the work: see `JobQuerySet.claim`."""
        return {
            "state": cls.State.LEASED,
            "lease_token": token,
            "lease_until": Now() + cls.LEASE,
            "attempts": F("attempts") + 1,
        }

    @property
    def claimed_at(self) -> datetime:
        """When this attempt began, by the database's clock. Only of a row that `claim` returned."""
        assert self.lease_until is not None
        return self.lease_until - self.LEASE
