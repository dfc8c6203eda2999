"""What the admin pages of all rooms share: refusals are shown, versions are kept, facts are looked at only."""

from typing import Any, ClassVar, cast

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, TabularInline

from logistics.errors import DomainError, Invalid


class VersionedForm(forms.ModelForm):
    """A form that remembers which version of the row it shows, and says field by field what a rule refuses."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    check: ClassVar[Any] = staticmethod(lambda fields: None)  # a service's check of the fields; raises Invalid

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["seen_version"].initial = self.instance.version

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.instance._state.adding and data.get("seen_version") != self.instance.version:
            raise ValidationError(_("Somebody else changed this meanwhile. Open it again and repeat your change."))
        try:
            type(self).check(data)
        except Invalid as refusal:
            errors: Any = refusal.details["errors"]
            raise ValidationError({str(errors[0]["field"]): str(refusal)}) from refusal
        return data

    def changes(self) -> dict[str, Any]:
        """Return what the person changed."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name != "seen_version"}

    def values(self) -> dict[str, Any]:
        """Return all that the form says."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen_version"}


class NamedLookups:
    """A list is narrowed only by what its page offers.

    Django lets an address ask of any column (`?context__donor__name__startswith=Ho`), and so learn letter by
    letter what no page shows, by whether the list is empty.
    """

    lookups_linked: ClassVar[frozenset[str]] = frozenset()  # what other pages' links to this list ask for
    ENDINGS: ClassVar = ("", "__exact", "__isnull", "__id__exact")
    PERIODS: ClassVar = ("__gte", "__lt", "__year", "__month", "__day")

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        page = cast(ModelAdmin, self)
        allowed = {
            f"{name}{ending}" for name in map(_asked_by, page.get_list_filter(request)) for ending in self.ENDINGS
        }
        if page.date_hierarchy:
            allowed |= {f"{page.date_hierarchy}{period}" for period in self.PERIODS}
        return lookup in allowed | self.lookups_linked


def _asked_by(offer: Any) -> str:
    """Return the name that a filter of a list asks by: of a column, or its own."""
    first = offer[0] if isinstance(offer, (list, tuple)) else offer
    return first if isinstance(first, str) else str(first.parameter_name)


class HouseAdmin(NamedLookups, ModelAdmin):
    """Rows are changed by services only; what those refuse is shown, not raised. Nothing is deleted."""

    list_per_page = 50
    show_full_result_count = False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        try:
            response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        except DomainError as refusal:
            messages.error(request, str(refusal))
            return HttpResponseRedirect(request.get_full_path())
        return response


def keep(obj: Any, saved: Any) -> None:
    """Make the row that the admin holds the one that a service made."""
    obj.pk, obj.version = saved.pk, saved.version
    obj._state.adding = False


class _LookOnly:
    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LookOnlyAdmin(_LookOnly, HouseAdmin):
    """Nobody adds, changes or deletes such rows by hand; what may be done to them are actions."""


class LookOnlyInline(_LookOnly, TabularInline):
    extra = 0
    show_change_link = True
