from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from logistics.jobs.admin import JobAdmin
from logistics.jobs.models import Job
from logistics.people.models import User
from logistics.roles import Role
from shipments.imports import services
from shipments.imports.models import Upload

OUTCOMES = {"imported": "success", "would_import": "info", "refused": "danger"}


@admin.register(Upload)
class UploadAdmin(JobAdmin):
    """Spreadsheets that were sent: how far each is, and every reason why one was refused."""

    retry_roles = (Role.WAREHOUSE, Role.COORDINATOR)
    list_display = (
        "uploaded_at",
        "shipment",
        "uploaded_by",
        "kind",
        "state_shown",
        "progress",
        "outcome_shown",
        "error_count",
    )
    list_filter = ("outcome", "dry_run", "state")
    search_fields = ("shipment__number", "sha256")
    list_select_related = ("shipment", "uploaded_by")
    fields = (
        ("shipment", "uploaded_by", "uploaded_at"),
        ("dry_run", "replace"),
        ("state", "progress", "outcome"),
        ("error_count", "last_error_code"),
        "sha256",
        "size",
    )
    # Progress, what would be written, and the errors as a table; read again while it is under way.
    change_form_before_template = "shipments/admin/upload.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Any]":
        uploads: QuerySet[Any] = super().get_queryset(request)
        return uploads.defer("content")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        upload = self.get_object(request, object_id)
        under_way = upload is not None and upload.state in (Job.State.PENDING, Job.State.LEASED)
        context = (extra_context or {}) | {"upload": upload, "under_way": under_way}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    @display(description=gettext_lazy("kind"))
    def kind(self, upload: Upload) -> Any:
        return gettext_lazy("trial") if upload.dry_run else gettext_lazy("import")

    def retry(self, row: Upload, *, by: User) -> None:
        services.retry(row, by=by, at=timezone.now())

    @display(description=gettext_lazy("outcome"), label=OUTCOMES, ordering="outcome")
    def outcome_shown(self, upload: Upload) -> tuple[str, str]:
        return upload.outcome, str(Upload.Outcome(upload.outcome).label) if upload.outcome else "–"
