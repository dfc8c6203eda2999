from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from donations import amounts
from donations.gifts.online import DonationRequest
from donations.portal import languages
from logistics import wording
from logistics.codes import codes
from logistics.errors import DomainError, Invalid
from logistics.forms import TidyForm
from logistics.money import amounts as money
from logistics.money import typed
from logistics.money.typed import AmountUnclear

# In major units.
SUGGESTED = {
    "HKD": (100, 250, 500, 1000),
    "CNY": (100, 250, 500, 1000),
    "XOF": (5000, 10_000, 25_000, 65_500),
    "XAF": (5000, 10_000, 25_000, 65_500),
    "JPY": (1000, 3000, 5000, 10_000),
}
SUGGESTED_ELSEWHERE = (10, 25, 50, 100)


def suggestions(currency: str) -> list[str]:
    """Return the suggested amounts, as strings of whole major units."""
    least = money.from_minor(amounts.smallest(currency), currency)
    offered: tuple[int, ...] = SUGGESTED.get(currency, SUGGESTED_ELSEWHERE)
    if offered[0] < least:
        offered = tuple(int(least * factor) for factor in (1, 2, 5, 10))
    return [str(amount) for amount in offered]


def countries() -> list[tuple[str, str]]:
    french = wording.page_language() == "fr"
    named = [(one.code, one.name_fr if french else one.name_en) for one in codes.countries().values()]
    return [("", ""), *sorted(named, key=lambda pair: pair[1])]


class GiftForm(TidyForm, forms.Form):
    """Validate the form's shape only; the service decides what may be given, as for the API."""

    suggested = forms.CharField(required=False, max_length=20)
    amount = forms.CharField(required=False, max_length=typed.LONGEST, strip=True)
    meant = forms.CharField(required=False, max_length=30)  # the donor's choice after an unclear amount
    currency = forms.CharField(max_length=3)
    name = forms.CharField(required=False, max_length=120, label=_("Your name"))
    organisation = forms.CharField(required=False, max_length=120, label=_("Organisation (if it is the donor)"))
    email = forms.EmailField(max_length=254, label=_("Email"))
    country = forms.CharField(required=False, max_length=2, label=_("Country"))
    anonymous = forms.BooleanField(required=False, label=_("Keep my name private"))
    message = forms.CharField(required=False, max_length=500, label=_("Message"))
    consent = forms.BooleanField(required=False)

    unclear: AmountUnclear | None = None

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, object]:
        data = super().clean() or {}
        if not data.get("amount") and not data.get("suggested") and "amount" not in self.errors:
            self.add_error("amount", _("Choose an amount or enter one."))
        if not self.errors.keys() & {"amount", "suggested", "meant", "currency"}:
            try:
                self._read_amount()
            except Invalid as refusal:
                self.unclear = refusal if isinstance(refusal, AmountUnclear) else None
                self.refuse(refusal)
        return data

    def _read_amount(self) -> None:
        """Set `amount` to the decimal string of the amount the donor means. Raises AmountUnclear if several fit."""
        data = self.cleaned_data
        currency, language = data["currency"], languages.current()
        possible, is_clear = [], True
        if data["suggested"]:
            possible.append(amounts.read(data["suggested"], currency))
        if data["amount"]:
            try:
                possible.append(typed.read(data["amount"], currency, language))
            except AmountUnclear as unclear:
                possible, is_clear = [*possible, *unclear.readings], False
        amount_minor = possible[0]
        if not is_clear or len(set(possible)) > 1:
            amount_minor = typed.answered(AmountUnclear(possible, currency, language), data["meant"], currency)
            # If the form is shown again for another error, it keeps the answer and does not ask twice.
            shown = wording.number(money.decimal_string(amount_minor, currency), [language])
            # One value per name: unpacking a QueryDict would give lists.
            typed_before = {name: self.data.get(name) for name in self.data}
            self.data = typed_before | {"amount": shown, "suggested": ""}
        data["amount"] = money.decimal_string(amount_minor, currency)

    def offered(self) -> list[tuple[str, str]]:
        """Return the amounts the donor may mean, each as a decimal string and as shown on the page."""
        if self.unclear is None:
            return []
        currency, language = self.cleaned_data["currency"], languages.current()
        return [
            (money.decimal_string(one, currency), money.printed(one, currency, [language]))
            for one in self.unclear.readings
        ]

    def donation_request(self, *, appeal: str, language: str) -> DonationRequest:
        data = {name: value for name, value in self.cleaned_data.items() if name not in ("suggested", "meant")}
        return DonationRequest(appeal=appeal, language=language, **data)

    def refuse(self, refusal: DomainError) -> None:
        """Show a refusal by the service beside its field."""
        errors = refusal.details.get("errors") or [{"field": "", "detail": str(refusal)}]
        for error in cast(list[dict[str, str]], errors):
            name = error["field"].removeprefix("donor.")
            self.add_error(name if name in self.fields else None, error["detail"])


class EmailForm(TidyForm, forms.Form):
    email = forms.EmailField(max_length=254, label=_("Email"))
