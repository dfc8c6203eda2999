"""What all HTML forms have in common."""

from collections.abc import Callable
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone

from logistics.text import UnusableText, tidied


class TidyForm(forms.BaseForm):
    """A mixin of all forms: what was typed is kept by the rule of logistics.text. Passwords are kept as typed.

    Each field sees the text that is kept, so that a field with nothing but invisible characters is empty.
    """

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for field in self.fields.values():
            if isinstance(field, forms.CharField) and not isinstance(field.widget, forms.PasswordInput):
                field.to_python = _tidy_first(field.to_python)  # type: ignore[method-assign,assignment]  # fields are copies


def _tidy_first(to_python: Callable[[object], object]) -> Callable[[object], object]:
    def tidy(value: object) -> object:
        try:
            return to_python(tidied(value) if isinstance(value, str) else value)
        except UnusableText as unusable:
            raise forms.ValidationError(str(unusable), code=unusable.code) from None

    return tidy


class TidyModelForm(TidyForm, forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """The form of the admin's pages that have none of their own."""


class LastDayField(forms.DateField):
    """A moment entered as the last day before it: the end of that day in the current time zone, the charity's."""

    def prepare_value(self, value: object) -> object:
        return last_day_before(value) if isinstance(value, datetime) else value

    def clean(self, value: object) -> datetime | None:
        day = super().clean(value)
        return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) if day else None

    def has_changed(self, initial: object, data: object) -> bool:
        return bool(super().has_changed(self.prepare_value(initial), data))


def last_day_before(moment: datetime) -> object:
    """Return the last whole or begun day before a moment, in the current time zone."""
    return timezone.localdate(moment - timedelta(microseconds=1))
