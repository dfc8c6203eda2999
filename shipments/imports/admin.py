from typing import cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanWidget

from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.forms import TidyForm
from logistics.ids import as_ids
from logistics.jobs.admin import JobAdmin, last_error
from logistics.jobs.models import Job
from logistics.people.models import User
from shipments.imports import services
from shipments.imports.models import Upload
from shipments.shipments.admin import ShipmentAdmin
from shipments.shipments.models import Shipment

OUTCOMES = {"imported": "success", "would_import": "info", "refused": "danger"}


@admin.register(Upload)
class UploadAdmin(JobAdmin):
    """Uploaded spreadsheets: their progress, and every reason why one was refused."""

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
        ("error_count", last_error),
        "sha256",
        "size",
    )
    # Progress, the plan, and a table of the errors; refreshed while the import is running.
    change_form_before_template = "shipments/admin/upload.html"

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Upload]":
        uploads: QuerySet[Upload] = super().get_queryset(request)
        return uploads.defer("content")

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, object] | None = None
    ) -> HttpResponse:
        upload = self.get_object(request, object_id)
        under_way = upload is not None and upload.state in (Job.State.PENDING, Job.State.LEASED)
        context = (extra_context or {}) | {"upload": upload, "under_way": under_way}
        response: HttpResponse = super().change_view(request, object_id, form_url, context)
        return response

    def title_of(self, request: HttpRequest, row: Model) -> str:
        return f"{cast(Upload, row).shipment}: {row}"

    @display(description=gettext_lazy("kind"))
    def kind(self, upload: Upload) -> object:
        return gettext_lazy("dry run") if upload.dry_run else gettext_lazy("import")

    def retry(self, row: Upload, *, by: User) -> None:
        services.retry(row, by=by, at=timezone.now())

    @display(description=gettext_lazy("outcome"), label=OUTCOMES, ordering="outcome")
    def outcome_shown(self, upload: Upload) -> tuple[str, str]:
        return upload.outcome, str(Upload.Outcome(upload.outcome).label) if upload.outcome else "–"


class UploadForm(TidyForm, forms.Form):
    file = forms.FileField(widget=UnfoldAdminFileFieldWidget, label=gettext_lazy("Spreadsheet (.xlsx)"))
    dry_run = forms.BooleanField(
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Check only; import nothing"),
    )
    replace = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label=gettext_lazy("Replace the packages already on the shipment")
    )


def may_upload(self: ShipmentAdmin, request: HttpRequest, object_id: object = None) -> bool:
    """Return whether to show the upload button: to warehouse roles, while the shipment may be packed."""
    if not may_act(request, Upload):
        return False
    shipment = Shipment.objects.filter(pk__in=as_ids(object_id)).first()
    return object_id is None or (shipment is not None and shipment.may_be_packed)


def upload(self: ShipmentAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Accept a spreadsheet and redirect to its progress page."""
    shipment = self.found(request, object_id)
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            row = services.upload(
                shipment,
                data["file"].read(),
                dry_run=data["dry_run"],
                replace=data["replace"],
                by=cast(User, request.user),
                at=timezone.now(),
            )
            return HttpResponseRedirect(reverse("admin:shipments_upload_change", args=[row.pk]))
        except DomainError as refusal:
            messages.error(request, str(refusal))
    explanation = gettext_lazy(
        "The file is read in the background. It is imported as a whole, or refused with a list of all errors."
    )
    return self.page(request, shipment, form, gettext_lazy("Send"), explanation)
