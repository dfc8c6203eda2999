from typing import ClassVar, cast

from django import forms
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from donations.admin_parts import form_error, shown, staff
from donations.appeals import services
from donations.appeals.models import Appeal
from logistics import wording
from logistics.admin_parts import BaseAdmin, VersionedForm, copy_saved
from logistics.codes import choices
from logistics.errors import Invalid
from logistics.money import amounts as money
from logistics.money import typed
from logistics.pictures.forms import PictureForm


class AppealForm(PictureForm, VersionedForm):
    target_amount = forms.CharField(
        max_length=typed.LONGEST, widget=UnfoldAdminTextInputWidget, label=gettext_lazy("target amount")
    )

    class Meta:
        model = Appeal
        exclude = ["target_minor"]
        # The model's help text has angle brackets, which browsers take for a tag.
        help_texts: ClassVar = {
            "slug": gettext_lazy("The last part of its address, e.g. “mali” of /give/mali/."),
            "currency": gettext_lazy("Of the target. Gifts may be made in any currency that we accept."),
            "country": gettext_lazy("Blank if several"),
        }
        widgets: ClassVar = {
            "currency": UnfoldAdminSelectWidget(choices=choices.currencies),
            "country": UnfoldAdminSelectWidget(choices=choices.countries),
        }

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        # Django calls this again after saving a new appeal, when this instance has no target yet.
        if field_name == "target_amount" and self.instance.target_minor is not None:
            target = money.decimal_string(self.instance.target_minor, self.instance.currency)
            return wording.number(target, [wording.page_language()])
        return super().get_initial_for_field(field, field_name)

    def clean(self) -> dict[str, object]:
        data = super().clean()
        if self.errors:
            return data
        try:
            target_minor = typed.read(
                data["target_amount"], data["currency"], wording.page_language(), field="target_amount"
            )
            data["target_amount"] = money.decimal_string(target_minor, data["currency"])
            services.check(self.appeal_fields())
        except Invalid as refusal:
            raise form_error(refusal) from refusal
        return data

    def appeal_fields(self) -> services.AppealFields:
        return services.AppealFields(**cast(services.AppealChanges, self.values()))


@admin.register(Appeal)
class AppealAdmin(BaseAdmin):
    is_short = True
    form = AppealForm
    list_display = ["title_en", "target", "opens_on", "closes_on", "slug"]
    list_filter = ["country", "currency"]
    search_fields = ["title_en", "title_fr", "slug"]
    fieldsets = [
        (None, {"fields": ["seen_version", "slug", ("title_en", "title_fr"), ("story_en", "story_fr")]}),
        (
            gettext_lazy("Picture"),
            {"fields": ["picture_file", "remove_picture", ("picture_alt_en", "picture_alt_fr")]},
        ),
        (gettext_lazy("Target"), {"fields": [("target_amount", "currency"), "country", ("opens_on", "closes_on")]}),
    ]

    @admin.display(description=gettext_lazy("target"), ordering="target_minor")
    def target(self, appeal: Appeal) -> str:
        return shown(appeal.target_minor, appeal.currency)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        # Unlike most rows, an appeal without gifts may be deleted.
        return bool(ModelAdmin.has_delete_permission(self, request, obj))

    def save_model(self, request: HttpRequest, obj: Appeal, form: AppealForm, change: bool) -> None:
        by, at = staff(request), timezone.now()
        if change:
            version = form.cleaned_data["seen_version"]
            changes = cast(services.AppealChanges, form.values())
            copy_saved(
                obj, services.change(Appeal.objects.get(pk=obj.pk), changes=changes, version=version, by=by, at=at)
            )
        else:
            copy_saved(obj, services.publish(form.appeal_fields(), by=by, at=at))

    def delete_model(self, request: HttpRequest, obj: Appeal) -> None:
        services.remove(Appeal.objects.get(pk=obj.pk), by=staff(request), at=timezone.now())

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Appeal]) -> None:
        for appeal in queryset:
            self.delete_model(request, appeal)
