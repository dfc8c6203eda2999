from typing import ClassVar, cast

from django.db.models import Model
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from donations.admin_parts import staff
from donations.donors import services
from donations.donors.models import Donor
from logistics.admin_parts import VersionedForm
from logistics.codes import choices
from logistics.exports import ExportedAdmin, column
from logistics.people.recent import RecentSignInAdmin

CORRECTABLE = ("name", "organisation", "email", "address", "country", "language")


def check(fields: dict[str, str]) -> None:
    """Run the service's checks in the form. Raises Invalid."""
    services.check(**{name: fields[name] for name in ("email", "country") if fields.get(name)})


class DonorForm(VersionedForm):
    check = staticmethod(check)

    class Meta:
        model = Donor
        fields = CORRECTABLE
        widgets: ClassVar = {"country": UnfoldAdminSelectWidget(choices=choices.countries)}
        help_texts: ClassVar = {
            "country": "",
            "email": gettext_lazy("Links to gifts that went to another address stop working."),
        }


class DonorAdmin(ExportedAdmin, RecentSignInAdmin):
    """The page of a donor; receipts.reissue_admin registers it."""

    form = DonorForm
    title_field = "name"
    list_display = ["name", "organisation", "email", "country", "created_at"]
    search_fields = ["name", "organisation", "email"]
    list_filter = ["country", "language"]
    export_columns = tuple(
        column(Donor, name)
        for name in ("name", "organisation", "email", "address", "country", "language", "created_at")
    )
    readonly_fields = ["created_at"]
    fields = ["seen_version", *CORRECTABLE, "created_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def choice_of(self, row: Model) -> str:
        """Return a donor as it is shown in a search field: only people who may see contact details have one."""
        return cast(Donor, row).in_choices

    def save_model(self, request: HttpRequest, obj: Donor, form: DonorForm, change: bool) -> None:
        version = form.cleaned_data["seen_version"]
        changes = cast(services.DonorChanges, form.changes())
        services.correct(obj, version=version, changes=changes, by=staff(request), at=timezone.now())
