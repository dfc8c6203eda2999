from typing import ClassVar, cast

from django.contrib import admin
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from logistics.admin_parts import BaseAdmin, VersionedForm, copy_saved
from logistics.catalogue import services
from logistics.catalogue.models import Category, Item
from logistics.codes import choices
from logistics.people.models import User


class ItemForm(VersionedForm):
    check = staticmethod(services.check_codes)

    class Meta:
        model = Item
        fields = (
            "code", "name_en", "name_fr", "category", "unit", "hs6", "origin", "unit_weight_kg", "is_dangerous",
            "un_number", "is_active",
        )  # fmt: skip
        widgets: ClassVar = {"origin": UnfoldAdminSelectWidget(choices=choices.countries)}
        help_texts: ClassVar = {"origin": gettext_lazy("Where it was made; blank if unknown or several")}


@admin.register(Item)
class ItemAdmin(BaseAdmin):
    is_short = True
    form = ItemForm
    list_display = ("code", "name_en", "name_fr", "category", "unit", "hs6", "un_number", "unit_weight_kg", "is_active")
    list_filter = ("category", "is_active", "is_dangerous")
    search_fields = ("code", "name_en", "name_fr")
    list_select_related = ("category",)
    autocomplete_fields = ("category",)
    fieldsets = (
        (None, {"fields": ("seen_version", "code", ("name_en", "name_fr"), "category", "is_active")}),
        (gettext_lazy("Customs and weight"), {"fields": (("unit", "hs6", "origin"), "unit_weight_kg")}),
        (gettext_lazy("Dangerous goods"), {"fields": (("is_dangerous", "un_number"),)}),
    )

    def get_readonly_fields(self, request: HttpRequest, obj: Item | None = None) -> tuple[str, ...]:
        return ("code",) if obj else ()  # it is printed on labels

    def save_model(self, request: HttpRequest, obj: Item, form: ItemForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            version, changes = form.cleaned_data["seen_version"], cast(services.ItemFields, form.changes())
            saved = services.update_item(obj, changes, version=version, by=by, at=at)
        else:
            saved = services.create_item(fields=cast(services.ItemFields, form.values()), by=by, at=at)
        copy_saved(obj, saved)


class CategoryForm(VersionedForm):
    class Meta:
        model = Category
        fields = ("name_en", "name_fr")


@admin.register(Category)
class CategoryAdmin(BaseAdmin):
    is_short = True
    form = CategoryForm
    fields = ("seen_version", "name_en", "name_fr")
    list_display = ("name_en", "name_fr")
    search_fields = ("name_en", "name_fr")

    def save_model(self, request: HttpRequest, obj: Category, form: CategoryForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            version, changes = form.cleaned_data["seen_version"], cast(services.CategoryFields, form.changes())
            saved = services.update_category(obj, changes, version=version, by=by, at=at)
        else:
            saved = services.create_category(fields=cast(services.CategoryFields, form.values()), by=by, at=at)
        copy_saved(obj, saved)
