from typing import ClassVar, cast

from django import forms
from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy
from unfold.contrib.forms.widgets import ArrayWidget
from unfold.widgets import UnfoldAdminColorInputWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from logistics.admin_parts import BaseAdmin, VersionedForm, copy_saved
from logistics.charity import services
from logistics.charity.models import Charity
from logistics.codes import choices
from logistics.people.models import User
from logistics.pictures.forms import PictureForm


class CharityForm(PictureForm, VersionedForm):
    check = staticmethod(services.check)
    picture_name, picture_is_logo = "logo", True
    # Declared here, because the model's own form field warns about the scheme that Django 6 will assume.
    website = forms.URLField(
        label=capfirst(Charity._meta.get_field("website").verbose_name),
        max_length=200,
        required=False,
        assume_scheme="https",
        widget=UnfoldAdminTextInputWidget,
    )

    class Meta:
        model = Charity
        exclude = ["website"]
        widgets: ClassVar = {
            "country": UnfoldAdminSelectWidget(choices=choices.countries),
            "time_zone": UnfoldAdminSelectWidget(choices=choices.time_zones),
            "currencies": ArrayWidget(choices=choices.currencies),
            "colour": UnfoldAdminColorInputWidget,
            "accent": UnfoldAdminColorInputWidget,
        }
        help_texts: ClassVar = {"country": "", "currencies": gettext_lazy("In which donors may give")}

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        if field_name == "website":
            return self.instance.website
        return super().get_initial_for_field(field, field_name)


@admin.register(Charity)
class CharityAdmin(BaseAdmin):
    is_short = True
    form = CharityForm
    list_display = ["name", "registration", "jurisdiction", "time_zone"]
    fieldsets = [
        (None, {"fields": ["seen_version", "name", "name_local", "address", "country", "email", "phone", "website"]}),
        (
            gettext_lazy("Receipts"),
            {"fields": ["jurisdiction", "registration", "time_zone", "signatory", "signatory_title"]},
        ),
        (gettext_lazy("Giving"), {"fields": ["currencies"]}),
        (gettext_lazy("Public pages"), {"fields": [("colour", "accent"), "picture_file", "remove_picture"]}),
    ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return super().has_add_permission(request) and not Charity.objects.exists()

    def save_model(self, request: HttpRequest, obj: Charity, form: CharityForm, change: bool) -> None:
        values = cast(services.CharityFields, form.values())
        version = form.cleaned_data["seen_version"] if change else None
        by = cast(User, request.user)
        copy_saved(obj, services.set_up(values=values, version=version, by=by, at=timezone.now()))
