"""Base classes of the admin pages: services' errors are shown in the form, versions are checked."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar, TypeVar, cast

from django import forms
from django.contrib.admin import ListFilter, ShowFacets, SimpleListFilter
from django.core.exceptions import ValidationError
from django.db import OperationalError
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, gettext_lazy
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin, TabularInline

from logistics import lists
from logistics.admin_lists import KeysetChangeList, Offer, offered, sortable
from logistics.errors import DomainError, Invalid, busy, waited_too_long
from logistics.forms import TidyModelForm
from logistics.matrix import is_hidden
from logistics.search import find, words_of
from logistics.text import UnusableText

WRONG_DATE = gettext_lazy("Enter the date as year-month-day, for example 2026-11-28.")
ListColumn = str | Callable[[Model], str | bool]  # an item of `list_display`
Cleaned = dict[str, Any]  # as Django types `cleaned_data`
FormClass = type[forms.ModelForm]  # type: ignore[type-arg]  # generic in its stubs only


class VersionedForm(TidyModelForm):
    """A form that remembers the version of the row it shows, and shows rule violations beside their fields."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    # A service's check of the fields; raises Invalid.
    check: ClassVar[Callable[..., None]] = staticmethod(lambda fields: None)

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        if field_name == "seen_version":
            return self.instance.version
        return super().get_initial_for_field(field, field_name)

    def clean(self) -> Cleaned:
        data = super().clean() or {}
        if not self.instance._state.adding and data.get("seen_version") != self.instance.version:
            raise ValidationError(
                _("Somebody else has changed this in the meantime. Open it again and repeat your change.")
            )
        try:
            type(self).check(data)
        except Invalid as refusal:
            field = refusal.field.partition("[")[0]  # the form has one field for the whole list
            raise ValidationError({field: str(refusal)}) from refusal
        return data

    def changes(self) -> Cleaned:
        """Return the changed fields."""
        return {name: self.cleaned_data[name] for name in self.changed_data if name != "seen_version"}

    def values(self) -> Cleaned:
        """Return all fields."""
        return {name: value for name, value in self.cleaned_data.items() if name != "seen_version"}


class NamedLookups:
    """Restrict the query parameters of an admin list to the filters that its page offers.

    Django would accept any column in the URL (`?context__donor__name__startswith=Ho`), which reveals hidden values
    letter by letter: by whether the list is empty.
    """

    lookups_linked: ClassVar[frozenset[str]] = frozenset()  # used by links from other pages
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


def _asked_by(offer: str | type[SimpleListFilter] | tuple[str, type[ListFilter]]) -> str:
    """Return the query parameter of a list filter: a column, or its own name."""
    first = offer[0] if isinstance(offer, (list, tuple)) else offer
    return first if isinstance(first, str) else str(first.parameter_name)


class NamedFilter(SimpleListFilter):
    """Filter by the values of a column of codes, under names in the reader's language."""

    parameter_name: str

    def name_of(self, value: str) -> str:
        return gettext(value)

    def lookups(self, request: HttpRequest, model_admin: "ModelAdmin") -> list[tuple[str, str]]:
        values = map(str, lists.stored_values(model_admin.model, self.parameter_name))
        return sorted(((value, self.name_of(value)) for value in values), key=lambda pair: pair[1])

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Model]") -> "QuerySet[Model]":
        return queryset.filter(**{self.parameter_name: self.value()}) if self.value() else queryset


Name = TypeVar("Name")


class WithoutHiddenFields:
    """Leaves out the columns, search fields and form fields that the matrix hides from this user."""

    def _shown(self, request: HttpRequest, names: Sequence[Name]) -> list[Name]:
        model: type[Model] = self.model  # type: ignore[attr-defined]
        shown: list[Name] = []
        for name in names:
            if isinstance(name, (list, tuple)):
                shown.append(cast(Name, tuple(self._shown(request, name))))
            elif not (isinstance(name, str) and is_hidden(request.user, model, name)):
                shown.append(name)
        return shown

    def get_list_display(self, request: HttpRequest) -> list[ListColumn]:
        return self._shown(request, super().get_list_display(request))  # type: ignore[misc]

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        return self._shown(request, super().get_search_fields(request))  # type: ignore[misc]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._shown(request, super().get_fields(request, obj))  # type: ignore[misc]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return tuple(self._shown(request, super().get_readonly_fields(request, obj)))  # type: ignore[misc]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        declared = super().get_fieldsets(request, obj)  # type: ignore[misc]
        return [(title, more | {"fields": self._shown(request, more["fields"])}) for title, more in declared]


def for_back_button(answer: HttpResponse) -> HttpResponse:
    """Let the browser keep this answer to a form, as it does not send forms twice and could not show it again.

    Only for a form that was refused. What holds a secret, such as an address or a new key, stays out of every cache.
    """
    answer.is_for_back_button = True  # type: ignore[attr-defined]  # for PrivateByDefaultMiddleware
    return answer


class Titled:
    """A row under the title of its page. Its `__str__` goes into logs and the history, and holds no personal data."""

    def __init__(self, row: Model, title: str) -> None:
        self.row, self.title = row, title

    def __str__(self) -> str:
        return self.title

    def __getattr__(self, name: str) -> object:
        return getattr(self.row, name)


class BaseAdmin(WithoutHiddenFields, NamedLookups, ModelAdmin):
    """Rows are changed by services only, whose errors are shown in the form. Nothing is deleted."""

    title_field = ""  # what people call a row by; for those who may see it, the title of its page
    form = TidyModelForm
    list_per_page = 50
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count the rows of each choice
    is_short: ClassVar[bool] = False  # a list that never gets long: it can be sorted by any column
    # Amounts are sorted within their currency: {"amount_minor": "currency"}.
    sorted_within: ClassVar[dict[str, str]] = {}

    def get_changelist(self, request: HttpRequest, **_options: object) -> type[KeysetChangeList]:
        return KeysetChangeList

    def get_list_filter(self, request: HttpRequest) -> list[Offer]:
        return [offered(self.model, one) for one in super().get_list_filter(request)]

    def get_sortable_by(self, request: HttpRequest) -> list[ListColumn]:
        """Return the columns that sort the list: of a long list, those whose index has the rows in this order."""
        shown, allowed = super().get_sortable_by(request), sortable(self.model, self.sorted_within)
        names = {column: _sorts_by(self, column) for column in shown}
        return [
            column
            for column, name in names.items()
            if name in allowed or (self.is_short and _is_own_column(self.model, name))
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    @staticmethod
    def found_by(word: str) -> Q | None:
        """Return another way to find rows by a word, beside the search fields; None: there is none."""
        return None

    def get_search_results(
        self, request: HttpRequest, queryset: "QuerySet[Model]", search_term: str
    ) -> "tuple[QuerySet[Model], bool]":
        """Search as the API does."""
        fields = self.get_search_fields(request)
        try:
            words = words_of(search_term) if fields else []
        except UnusableText:
            return queryset.none(), False  # no stored text has such characters
        return find(queryset, fields, words, also=self.found_by), False

    def formfield_for_dbfield(
        self, db_field: "Field[object, object]", request: HttpRequest, **options: object
    ) -> forms.Field | None:
        """Explain how to write a date if one was entered in an ambiguous form."""
        field: forms.Field | None = super().formfield_for_dbfield(db_field, request, **options)
        if isinstance(field, forms.DateField):
            field.error_messages["invalid"] = WRONG_DATE
        return field

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        """Show the page; after a refusal, the form as filled in, with the reason beside its field."""
        page = super().changeform_view
        try:
            shown = page(request, object_id, form_url, extra_context)
        except (DomainError, OperationalError) as error:
            if request.method != "POST" or not (isinstance(error, DomainError) or waited_too_long(error)):
                raise
            request.refusal = error if isinstance(error, DomainError) else busy()  # type: ignore[attr-defined]  # for get_form
            shown = page(request, object_id, form_url, extra_context)
        form = (getattr(shown, "context_data", None) or {}).get("adminform")
        return for_back_button(shown) if form and request.method == "POST" else shown

    def title_of(self, request: HttpRequest, row: Model) -> str:
        """Return the title of a row's page. It is only shown; `__str__` is recorded."""
        if self.title_field and not is_hidden(request.user, self.model, self.title_field):
            return str(getattr(row, self.title_field)) or str(row)
        return str(row)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, object], *args: object, obj: Model | None = None, **more: object
    ) -> HttpResponse:
        """Show the title where Django shows `__str__`: in the browser's tab and at the end of the path."""
        if obj is not None:
            title = self.title_of(request, obj)
            context |= {"subtitle": title, "original": Titled(obj, title)}
        return cast(HttpResponse, super().render_change_form(request, context, *args, obj=obj, **more))

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: object
    ) -> FormClass:
        form: FormClass = super().get_form(request, obj, change, **options)
        refusal: DomainError | None = getattr(request, "refusal", None)
        return _refused(form, refusal) if refusal else form


def _sorts_by(page: ModelAdmin, column: ListColumn) -> str:
    """Return the name by which a column of a list sorts it."""
    shown = getattr(page, column, None) if isinstance(column, str) else column
    return str(getattr(shown, "admin_order_field", None) or column)


def _is_own_column(model: type[Model], name: str) -> bool:
    return any(name == field.name for field in model._meta.concrete_fields if not field.is_relation)


def _refused(form: FormClass, refusal: DomainError) -> FormClass:
    """Return a form class with one more error: the one that the service raised after the form was valid."""

    def clean(self: Any) -> Cleaned | None:
        cleaned: Cleaned | None = form.clean(self)
        field = getattr(refusal, "field", "")
        self.add_error(field if field in self.fields else None, str(refusal))
        return cleaned

    return type(form.__name__, (form,), {"clean": clean})


def copy_saved(obj: Model, saved: Model) -> None:
    """Copy the saved row's fields to the admin's object, so that messages can name its code or number."""
    for field in saved._meta.concrete_fields:
        if field.attname in vars(saved):
            setattr(obj, field.attname, getattr(saved, field.attname))
    obj._state.adding = False


class _ReadOnly:
    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


class ReadOnlyAdmin(_ReadOnly, BaseAdmin):
    """Rows that are not added, changed or deleted by hand; they may have admin actions."""


class ReadOnlyInline(WithoutHiddenFields, _ReadOnly, TabularInline):
    extra = 0
    show_change_link = True


def may_act(request: HttpRequest, model: type[Model]) -> bool:
    """Return whether the matrix lets this user change rows of the model, also by an action of a read-only page."""
    return bool(request.user.has_perm(f"{model._meta.app_label}.change_{model._meta.model_name}"))
