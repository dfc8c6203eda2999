"""Base class of the admin pages of jobs."""

from typing import Any

from django.contrib import messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action, display

from logistics.admin_parts import ReadOnlyAdmin, may_act
from logistics.errors import DomainError
from logistics.jobs import reasons
from logistics.jobs.lanes import in_lane_of
from logistics.jobs.models import Job


@display(description=gettext_lazy("last error"), ordering="last_error_code")
def last_error(row: Job) -> str:
    """A column: why the last attempt failed, in words, with the code."""
    return reasons.shown(row.last_error_code) or "–"


STATE_LABELS = {"pending": "info", "leased": "info", "done": "success", "dead": "danger"}


class JobAdmin(ReadOnlyAdmin):
    """The state of jobs. Dead ones can be retried."""

    actions = ("retry_jobs",)
    ordering = ("-id",)

    def retry(self, row: Any, *, by: Any) -> None:  # subclasses narrow the types
        raise NotImplementedError

    @display(description=gettext_lazy("state"), label=STATE_LABELS, ordering="state")
    def state_shown(self, row: Job) -> tuple[str, str]:
        return row.state, str(Job.State(row.state).label)

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> tuple[object, ...]:
        return (*super().get_readonly_fields(request, obj), last_error)

    def has_retry_jobs_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return may_act(request, self.model)

    @action(description=gettext_lazy("Retry failed jobs"), permissions=["retry_jobs"])
    def retry_jobs(self, request: HttpRequest, rows: QuerySet[Job]) -> None:
        retried = 0
        dead = rows.filter(state=Job.State.DEAD).order_by("pk")
        for row in dead:
            try:
                with in_lane_of(len(dead)):
                    self.retry(row, by=request.user)
                retried += 1
            except DomainError as refusal:
                messages.error(request, str(refusal))
        text = ngettext("%(count)d job will be retried.", "%(count)d jobs will be retried.", retried) % {
            "count": retried
        }
        messages.success(request, text)
