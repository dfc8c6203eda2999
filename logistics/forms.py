"""What all HTML forms have in common."""

from collections.abc import Callable
from typing import Any

from django import forms

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


def _tidy_first(to_python: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def tidy(value: Any) -> Any:
        try:
            return to_python(tidied(value) if isinstance(value, str) else value)
        except UnusableText as unusable:
            raise forms.ValidationError(str(unusable), code=unusable.code) from None

    return tidy


class TidyModelForm(TidyForm, forms.ModelForm):  # type: ignore[type-arg]  # generic in its stubs only
    """The form of the admin's pages that have none of their own."""
