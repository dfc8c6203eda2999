from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from logistics.admin_parts import HouseAdmin
from logistics.charity import services
from logistics.charity.models import Charity
from logistics.errors import Invalid


class CharityForm(forms.ModelForm):
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    # By hand: the model's own form field warns of the scheme that Django 6 will assume.
    website = forms.URLField(max_length=200, required=False, assume_scheme="https", widget=UnfoldAdminTextInputWidget)

    class Meta:
        model = Charity
        exclude = ["website"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            self.fields["seen_version"].initial = self.instance.version
            self.fields["website"].initial = self.instance.website

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        seen = data.get("seen_version")
        if not self.instance._state.adding and seen != self.instance.version:
            raise ValidationError(_("Somebody else changed this meanwhile. Open it again and repeat your change."))
        try:
            services.check(data)
        except Invalid as refusal:
            errors: Any = refusal.details["errors"]
            name = str(errors[0]["field"]).partition("[")[0]
            raise ValidationError({name: str(refusal)}) from refusal
        return data


@admin.register(Charity)
class CharityAdmin(HouseAdmin):
    form = CharityForm
    list_display = ["name", "registration", "jurisdiction", "time_zone"]
    fieldsets = [
        (None, {"fields": ["seen_version", "name", "name_local", "address", "country", "email", "phone", "website"]}),
        (
            gettext_lazy("Receipts"),
            {"fields": ["jurisdiction", "registration", "time_zone", "signatory", "signatory_title"]},
        ),
        (gettext_lazy("Giving"), {"fields": ["currencies"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Charity.objects.exists()

    def save_model(self, request: HttpRequest, obj: Charity, form: Any, change: bool) -> None:
        values = dict(form.cleaned_data)
        version = values.pop("seen_version")
        saved = services.set_up(values=values, version=version if change else None, by=request.user, at=timezone.now())
        obj.pk, obj.version = saved.pk, saved.version
