from typing import ClassVar, cast

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from unfold.widgets import UnfoldAdminSelectWidget

from donations.admin_parts import staff
from donations.donors import services
from donations.donors.models import Donor
from logistics.admin_parts import VersionedForm
from logistics.codes import choices
from logistics.exports import ExportedAdmin, column

CORRECTABLE = ("name", "organisation", "address", "country", "language")


def check(fields: dict[str, str]) -> None:
    """Run the service's checks in the form. Raises Invalid."""
    services.check(country=fields.get("country", ""))


class DonorForm(VersionedForm):
    check = staticmethod(check)

    class Meta:
        model = Donor
        fields = CORRECTABLE
        widgets: ClassVar = {"country": UnfoldAdminSelectWidget(choices=choices.countries)}
        help_texts: ClassVar = {"country": ""}


@admin.register(Donor)
class DonorAdmin(ExportedAdmin):
    form = DonorForm
    title_field = "name"
    list_display = ["name", "organisation", "email", "country", "created_at"]
    search_fields = ["name", "organisation", "email"]
    list_filter = ["country", "language"]
    export_columns = tuple(
        column(Donor, name)
        for name in ("name", "organisation", "email", "address", "country", "language", "created_at")
    )
    readonly_fields = ["email", "created_at"]
    fields = ["seen_version", "email", *CORRECTABLE, "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Donor, form: DonorForm, change: bool) -> None:
        version = form.cleaned_data["seen_version"]
        changes = cast(services.DonorChanges, form.changes())
        services.correct(obj, version=version, changes=changes, by=staff(request), at=timezone.now())
