from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import shown
from donations.giving import services
from donations.giving.models import Donation, Donor
from logistics.admin_parts import HouseAdmin
from logistics.errors import Invalid
from logistics.roles import Role

CORRECTABLE = ("name", "organisation", "address", "country", "language")


class DonorForm(forms.ModelForm):
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Donor
        fields = CORRECTABLE

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("seen_version") != self.instance.version:
            raise ValidationError(_("Somebody else changed this meanwhile. Open it again and repeat your change."))
        try:
            services.check_donor(data)
        except Invalid as refusal:
            errors: Any = refusal.details["errors"]
            raise ValidationError({errors[0]["field"]: str(refusal)}) from refusal
        return data


@admin.register(Donor)
class DonorAdmin(HouseAdmin):
    form = DonorForm
    list_display = ["name", "organisation", "email", "country", "created_at"]
    search_fields = ["name", "organisation", "email"]
    list_filter = ["country", "language"]
    readonly_fields = ["email", "created_at"]
    fields = ["seen_version", "email", *CORRECTABLE, "created_at"]
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Donor | None = None) -> bool:
        return request.user.is_authenticated and request.user.has_role(Role.FINANCE)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Donor | None = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Donor, form: Any, change: bool) -> None:
        version = form.cleaned_data["seen_version"]
        changes = {name: form.cleaned_data[name] for name in CORRECTABLE if name in form.changed_data}
        services.correct_donor(obj, version=version, changes=changes, by=request.user, at=timezone.now())


class DonationAdminFacts:
    """How a donation is shown; what may be done to it belongs to the rooms above."""

    list_display = ["reference", "amount", "kept", "status", "donor_shown", "appeal", "received_on", "missing"]
    list_filter = ["status", "currency", "channel", "appeal"]
    search_fields = ["reference", "donor__email", "donor__name"]
    list_select_related = ["donor", "appeal"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, donation: Donation) -> str:
        return shown(donation.amount_minor, donation.currency)

    @admin.display(description=gettext_lazy("kept"))
    def kept(self, donation: Donation) -> str:
        """What of it neither went back nor is still to come."""
        return shown(donation.kept_minor, donation.currency)

    @admin.display(description=gettext_lazy("donor"))
    def donor_shown(self, donation: Donation) -> str:
        return donation.donor.addressee or _("anonymous")

    @admin.display(description=gettext_lazy("missing for the receipt"))
    def missing(self, donation: Donation) -> str:
        return ", ".join(donation.receipt_blocked_by)
