"""Request bodies: unknown fields are refused by name, never ignored.

`{"exeptions": [...]}` once answered 201, and the missing carton was not recorded.
"""

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from typing import Any, ClassVar, cast

from django import forms
from django.db import models
from django.http import QueryDict
from django.utils.translation import gettext as _
from django_filters import rest_framework as filters
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError

from logistics.text import UnusableText, tidied

# The body of any edit may hold the version that was read (logistics.versions); a browser's form sends its CSRF token.
ALWAYS_KNOWN = frozenset({"version", "csrfmiddlewaretoken"})
# For a body full of unknown names, show only the first ones, shortened.
NAMES_SHOWN, CHARACTERS_SHOWN = 20, 60


def unknown(name: str, known: Collection[str], more: Collection[str] = ()) -> ErrorDetail:
    """Return the error for an unknown name; it suggests the nearest of those known, or of `more`."""
    near = get_close_matches(name, [*known, *more], n=1)
    if near:
        return ErrorDetail(
            _("There is no such name. Did you mean “%(near)s”?") % {"near": near[0]}, code="unknown_name"
        )
    if not known:
        return ErrorDetail(_("No field or parameter is expected here. Leave it out."), code="unknown_name")
    return ErrorDetail(
        _("There is no such name. Known names: %(known)s.") % {"known": ", ".join(sorted(known))}, code="unknown_name"
    )


class KnownFields(serializers.BaseSerializer[Any]):
    """A mixin of input serializers that refuses unknown and read-only fields."""

    def to_internal_value(self, data: object) -> Any:
        refused: dict[str, Any] = {}
        if isinstance(data, Mapping):
            refused = {**self._refused(data), **self._missing(data)}
            data = self._tidied(data, refused)
        try:
            value = super().to_internal_value(data)
        except ValidationError as error:
            if refused and isinstance(error.detail, dict):
                raise ValidationError({**error.detail, **refused}) from error
            raise
        if refused:
            raise ValidationError(refused)
        return value

    def _tidied(self, data: Mapping[str, Any], refused: dict[str, Any]) -> Mapping[str, Any]:
        """Return the body with its texts as they are kept (logistics.text), and add what is wrong to `refused`."""
        tidy: Any = data.copy() if isinstance(data, QueryDict) else dict(data)
        for name, value in data.lists() if isinstance(data, QueryDict) else data.items():
            try:
                if isinstance(value, list):
                    items = [tidied(item) if isinstance(item, str) else item for item in value]
                    tidy.setlist(name, items) if isinstance(data, QueryDict) else tidy.update({name: items})
                elif isinstance(value, str):
                    tidy[name] = tidied(value)
            except UnusableText as unusable:
                refused.setdefault(name, [ErrorDetail(str(unusable), code=unusable.code)])
        return cast(Mapping[str, Any], tidy)

    def _refused(self, data: Mapping[str, object]) -> dict[str, list[ErrorDetail]]:
        fields: Mapping[str, serializers.Field[object, object, object, object]] = self.fields  # type: ignore[attr-defined]  # of Serializer
        writable = {name for name, field in fields.items() if not field.read_only}
        always = ALWAYS_KNOWN if self.root is self else frozenset()
        refused = [str(name)[:CHARACTERS_SHOWN] for name in data if name not in writable | always]
        return {
            name: [
                ErrorDetail(_("This is read-only. Leave it out."), code="read_only")
                if name in fields
                else unknown(name, writable, {"version"} & always)
            ]
            for name in refused[:NAMES_SHOWN]
        }

    def _missing(self, data: Mapping[str, object]) -> dict[str, list[ErrorDetail]]:
        """Return the required fields that a nested object of a PATCH lacks.

        Only the outermost object may be partial. DRF makes fields optional at every depth.
        """
        if self.root is self or not getattr(self.root, "partial", False):
            return {}
        fields: Mapping[str, serializers.Field[object, object, object, object]] = self.fields  # type: ignore[attr-defined]  # of Serializer
        return {
            name: [ErrorDetail(str(field.error_messages["required"]), code="required")]
            for name, field in fields.items()
            if field.required and not field.read_only and name not in data
        }


class Input(KnownFields, serializers.Serializer[object]):
    """Base class of request bodies."""


class StrictCharField(serializers.CharField):
    """A CharField that refuses numbers, which DRF would convert to text."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return str(super().to_internal_value(data))


class TrueOrFalseField(forms.Field):
    """Refuses other words than "true" and "false"; Django's own takes them for "not given", and every row is shown."""

    def to_python(self, value: object) -> bool | None:
        if value in (None, ""):
            return None
        known = {"true": True, "false": False}
        if (word := str(value).lower()) not in known:
            raise forms.ValidationError(serializers.BooleanField.default_error_messages["invalid"], code="invalid")
        return known[word]


class BooleanFilter(filters.BooleanFilter):
    field_class = TrueOrFalseField

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **{"widget": TrueOrFalseField.widget, **named})


class IntegerFilter(filters.NumberFilter):
    """Refuses "1.5": there is no row that it could find."""

    field_class = forms.IntegerField


class Filters(filters.FilterSet):
    """Base class of a list's filters. The id of a row that does not exist is answered like that of a foreign row.

    Both give an empty list. django-filter would look the row up among all rows, and answer 400 if there is none: so
    whoever may not see a row could learn that it exists.
    """

    FILTER_DEFAULTS: ClassVar = filters.FilterSet.FILTER_DEFAULTS | {
        models.ForeignKey: {"filter_class": filters.UUIDFilter},
        models.BooleanField: {"filter_class": BooleanFilter},
    }
