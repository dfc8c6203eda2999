from typing import Any

from django import forms
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from donations import amounts
from donations.checkout.services import Wish
from logistics.codes import codes
from logistics.errors import DomainError

# In major units; what people give in these currencies.
SUGGESTED = {
    "HKD": (100, 250, 500, 1000),
    "CNY": (100, 250, 500, 1000),
    "XOF": (5000, 10_000, 25_000, 65_500),
    "XAF": (5000, 10_000, 25_000, 65_500),
    "JPY": (1000, 3000, 5000, 10_000),
}
SUGGESTED_ELSEWHERE = (10, 25, 50, 100)


def suggestions(currency: str) -> list[str]:
    """Return the amounts that the page offers, as decimal strings without needless decimals."""
    least = amounts.smallest(currency) / 10 ** codes.currencies()[currency].exponent
    offered: tuple[int, ...] = SUGGESTED.get(currency, SUGGESTED_ELSEWHERE)
    if offered[0] < least:
        offered = tuple(int(least * factor) for factor in (1, 2, 5, 10))
    return [str(amount) for amount in offered]


def countries() -> list[tuple[str, str]]:
    french = (translation.get_language() or "").startswith("fr")
    named = [(one.code, one.name_fr if french else one.name_en) for one in codes.countries().values()]
    return [("", ""), *sorted(named, key=lambda pair: pair[1])]


class GiftForm(forms.Form):
    """Shape only: what may be given is decided by the same service as the API's."""

    suggested = forms.CharField(required=False, max_length=20)
    amount = forms.CharField(required=False, max_length=20, strip=True)
    currency = forms.CharField(max_length=3)
    name = forms.CharField(required=False, max_length=120, label=_("Your name"))
    organisation = forms.CharField(required=False, max_length=120, label=_("Organisation (if it gives)"))
    email = forms.EmailField(max_length=254, label=_("E-mail"))
    country = forms.CharField(required=False, max_length=2, label=_("Country"))
    anonymous = forms.BooleanField(required=False, label=_("Do not show my name to anybody"))
    message = forms.CharField(required=False, max_length=500, label=_("A few words, if you like"))
    consent = forms.BooleanField(required=False)

    def clean_amount(self) -> str:
        """Take amounts as people of both languages write them: "1 250,50" and "1250.50"."""
        text = "".join(str(self.cleaned_data["amount"]).split())
        return text.replace(",", ".") if text.count(",") == 1 and "." not in text else text

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not data.get("amount"):
            data["amount"] = data.get("suggested", "")
        if not data["amount"] and "amount" not in self.errors:
            self.add_error("amount", _("Choose an amount, or write one."))
        return data

    def wish(self, *, appeal: str, language: str) -> Wish:
        data = {name: value for name, value in self.cleaned_data.items() if name != "suggested"}
        return Wish(appeal=appeal, language=language, **data)

    def refuse(self, refusal: DomainError) -> None:
        """Show a refusal of the service beside its field."""
        errors: Any = refusal.details.get("errors") or [{"field": "", "detail": str(refusal)}]
        for error in errors:
            name = str(error["field"]).removeprefix("donor.")
            self.add_error(name if name in self.fields else None, error["detail"])


class EmailForm(forms.Form):
    email = forms.EmailField(max_length=254, label=_("E-mail"))
