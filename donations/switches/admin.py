from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from donations.admin_parts import staff
from donations.switches import services
from donations.switches.models import GivingSwitch
from logistics.admin_parts import VersionedForm, copy_saved
from logistics.people.recent import RecentSignInAdmin


class SwitchForm(VersionedForm):
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=300,
        widget=UnfoldAdminTextInputWidget,
        help_text=gettext_lazy("For the audit trail; donors do not see it."),
    )

    class Meta:
        model = GivingSwitch
        fields = ["is_on", "message_en", "message_fr"]


@admin.register(GivingSwitch)
class GivingSwitchAdmin(RecentSignInAdmin):
    is_short = True
    form = SwitchForm
    list_display = ["__str__", "message_en", "message_fr"]
    fieldsets = [(None, {"fields": ["seen_version", "is_on", "message_en", "message_fr", "reason"]})]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # there is always one

    def save_model(self, request: HttpRequest, obj: GivingSwitch, form: SwitchForm, change: bool) -> None:
        values = form.values()
        saved = services.turn(
            GivingSwitch.objects.get(pk=obj.pk),
            is_on=values["is_on"],
            message_en=values["message_en"],
            message_fr=values["message_fr"],
            reason=values["reason"],
            version=form.cleaned_data["seen_version"],
            by=staff(request),
            at=timezone.now(),
        )
        copy_saved(obj, saved)
