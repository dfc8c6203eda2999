"""One mechanism for everything that is owed: documents, mails, Stripe events, imports.

An owed effect is a row, written in the same transaction as the change that owes it. A message
in the broker only says "look now": lost, doubled or late messages change nothing, because the
relay sweeps the rows. Clocks are the database's.

    pending -> leased -> done | dead
"""

import uuid
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import pgettext_lazy

# A worker normally starts within milliseconds of the commit; the relay looks after those that it did not reach.
GRACE = timedelta(seconds=3)
TELL_AGAIN_AFTER = timedelta(seconds=15)

Row_co = TypeVar("Row_co", bound="Owed", covariant=True)


class OwedQuerySet(models.QuerySet[Row_co]):
    def due(self) -> "OwedQuerySet[Row_co]":
        """Rows that some worker should take now: waiting ones, and those whose worker is presumed dead."""
        waiting = Q(state=Owed.State.PENDING, run_after__lte=Now())
        abandoned = Q(state=Owed.State.LEASED, lease_until__lt=Now())
        return self.filter(waiting | abandoned, attempts__lt=self.model.ATTEMPTS_MAX)

    def overdue(self) -> "OwedQuerySet[Row_co]":
        """Due rows that no worker has been told of lately: the message was lost, or was never sent."""
        untold = Q(told_at=None, run_after__lte=Now() - GRACE) | Q(told_at__lt=Now() - TELL_AGAIN_AFTER)
        return self.due().filter(untold)

    def claim(self, pk: object) -> uuid.UUID | None:
        """Take one due row for ourselves and return the lease's token; of many who try, one gets it.

        The attempt is counted here, before the work: what kills its worker each time stops at ATTEMPTS_MAX.
        """
        token = uuid.uuid4()
        taken = (
            self.due()
            .filter(pk=pk)
            .update(
                state=Owed.State.LEASED,
                lease_token=token,
                lease_until=Now() + self.model.LEASE,
                attempts=F("attempts") + 1,
            )
        )
        return token if taken == 1 else None

    def bury(self) -> int:
        """Give up rows whose workers died ATTEMPTS_MAX times, and say how many."""
        return self.filter(
            state=Owed.State.LEASED, lease_until__lt=Now(), attempts__gte=self.model.ATTEMPTS_MAX
        ).update(
            state=Owed.State.DEAD, lease_token=None, lease_until=None, last_error_code="worker_died", ended_at=Now()
        )

    def leased_by(self, token: uuid.UUID | None) -> "OwedQuerySet[Row_co]":
        """The row, while the lease is still ours; empty when another worker took over."""
        return self.filter(state=Owed.State.LEASED, lease_token=token)

    def revive(self) -> int:
        """Try dead rows again, from the first attempt; the relay finds them within seconds."""
        return self.filter(state=Owed.State.DEAD).update(
            state=Owed.State.PENDING, attempts=0, run_after=Now(), told_at=None, last_error_code="", ended_at=None
        )


class Owed(models.Model):
    """Base of rows that are jobs. A subclass names its `TASK`, which takes the row's id as its only argument."""

    class State(models.TextChoices):
        PENDING = "pending", pgettext_lazy("owed", "Pending")
        LEASED = "leased", pgettext_lazy("owed", "Leased")
        DONE = "done", pgettext_lazy("owed", "Done")
        DEAD = "dead", pgettext_lazy("owed", "Dead")

    TASK: ClassVar[str]
    ATTEMPTS_MAX: ClassVar[int] = 5
    # A worker renews its lease every few seconds; one that has not done so for this long is presumed dead.
    LEASE: ClassVar[timedelta] = timedelta(seconds=20)

    state = models.CharField(max_length=8, choices=State, default=State.PENDING, editable=False)
    run_after = models.DateTimeField(db_default=Now(), editable=False)
    told_at = models.DateTimeField(null=True, editable=False)
    attempts = models.PositiveSmallIntegerField(default=0, editable=False)
    lease_token = models.UUIDField(null=True, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    last_error_code = models.CharField(max_length=60, blank=True, editable=False)
    progress = models.PositiveSmallIntegerField("progress, percent", default=0, editable=False)
    owed_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True, editable=False)

    objects: ClassVar[Any] = OwedQuerySet.as_manager()

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
            # Small even when the table is large: only what still waits, for a worker or for a person.
            models.Index(
                fields=["state", "run_after"],
                condition=Q(state__in=["pending", "leased", "dead"]),
                name="%(app_label)s_%(class)s_owed",
            )
        ]
