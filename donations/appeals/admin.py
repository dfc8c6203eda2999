from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminTextInputWidget

from donations import amounts, typed_amounts
from donations.admin_parts import shown
from donations.appeals import services
from donations.appeals.models import Appeal
from logistics.admin_parts import HouseAdmin
from logistics.documents import wording
from logistics.errors import Invalid


class AppealForm(forms.ModelForm):
    target_amount = forms.CharField(max_length=typed_amounts.LONGEST, widget=UnfoldAdminTextInputWidget)
    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    class Meta:
        model = Appeal
        exclude = ["target_minor"]
        # The model's own text has angle brackets, which a page swallows.
        help_texts = {"slug": gettext_lazy("The last part of its address, e.g. “mali” of /give/mali/.")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.fields["seen_version"].initial = self.instance.version
            target = amounts.written_out(self.instance.target_minor, self.instance.currency)
            self.fields["target_amount"].initial = wording.number(target, [_language()])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.instance._state.adding and data.get("seen_version") != self.instance.version:
            raise ValidationError(_("Somebody else changed this meanwhile. Open it again and repeat your change."))
        if not self.errors:
            try:
                target_minor = typed_amounts.read(
                    data["target_amount"], data["currency"], _language(), field="target_amount"
                )
                data["target_amount"] = amounts.written_out(target_minor, data["currency"])
                services.check({name: value for name, value in data.items() if name != "seen_version"})
            except Invalid as refusal:
                errors: Any = refusal.details["errors"]
                raise ValidationError({errors[0]["field"]: str(refusal)}) from refusal
        return data


def _language() -> str:
    return (translation.get_language() or "en")[:2]


@admin.register(Appeal)
class AppealAdmin(HouseAdmin):
    form = AppealForm
    list_display = ["title_en", "target", "opens_on", "closes_on", "slug"]
    list_filter = ["country", "currency"]
    search_fields = ["title_en", "title_fr", "slug"]
    fieldsets = [
        (None, {"fields": ["seen_version", "slug", ("title_en", "title_fr"), ("story_en", "story_fr")]}),
        (gettext_lazy("Target"), {"fields": [("target_amount", "currency"), "country", ("opens_on", "closes_on")]}),
    ]

    @admin.display(description=gettext_lazy("target"), ordering="target_minor")
    def target(self, appeal: Appeal) -> str:
        return shown(appeal.target_minor, appeal.currency)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # Unlike other rows of the house, an appeal without gifts may go.
        return ModelAdmin.has_delete_permission(self, request, obj)

    def save_model(self, request: HttpRequest, obj: Appeal, form: Any, change: bool) -> None:
        values = dict(form.cleaned_data)
        version, at = values.pop("seen_version"), timezone.now()
        if change:
            kept = Appeal.objects.get(pk=obj.pk)
            saved = services.change(kept, changes=values, version=version, by=request.user, at=at)
        else:
            saved = services.publish(values=values, by=request.user, at=at)
        obj.pk, obj.version = saved.pk, saved.version

    def delete_model(self, request: HttpRequest, obj: Model) -> None:
        services.remove(Appeal.objects.get(pk=obj.pk), by=request.user, at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        for appeal in queryset:
            self.delete_model(request, appeal)
