"""What all HTML forms have in common."""

from typing import Any

from django import forms

from logistics.text import UnusableCharacter, tidied


class TidyForm(forms.BaseForm):
    """A mixin of all forms: what was typed is kept by the rule of logistics.text. Passwords are kept as typed."""

    def clean(self) -> dict[str, Any]:
        super().clean()
        data = self.cleaned_data
        for name, field in self.fields.items():
            value = data.get(name)
            if isinstance(value, str) and not isinstance(field.widget, forms.PasswordInput):
                try:
                    data[name] = tidied(value)
                except UnusableCharacter as unusable:
                    self.add_error(name, forms.ValidationError(str(unusable), code=unusable.code))
        return data
