import unicodedata
from dataclasses import fields
from typing import cast

from django import forms
from django.utils.translation import gettext_lazy as _

from donations import amounts
from donations.gifts import online
from donations.gifts.models import Donation
from donations.gifts.online import DonationRequest
from donations.portal import languages
from logistics import wording
from logistics.charity.models import Charity
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


def countries(first: str) -> list[tuple[str, str]]:
    """Return codes and names in the order of the page's language; `first`, the charity's country, leads."""
    french = wording.page_language() == "fr"
    named = [(one.code, one.name_fr if french else one.name_en) for one in codes.countries().values()]
    ordered = sorted(named, key=lambda pair: (pair[0] != first, *_sorted_as(pair[1])))
    return [("", ""), *ordered]


def _sorted_as(name: str) -> tuple[str, str]:
    """Return the key by which English and French dictionaries sort: letters alone, "É" with "E", then the rest.

    Babel has no collation, and sorting in PostgreSQL would cost a query for each page.
    """
    letters = "".join(sign for sign in unicodedata.normalize("NFKD", name) if sign.isalpha())
    return letters.casefold(), name


class AmountForm(TidyForm, forms.Form):
    """The amount of a gift that is not paid yet, which its donor may change."""

    amount = forms.CharField(required=False, max_length=typed.LONGEST, strip=True)
    meant = forms.CharField(required=False, max_length=30)  # the donor's choice after an unclear amount
    unclear: AmountUnclear | None = None

    @property
    def currency_code(self) -> str:
        return str(self.cleaned_data["currency"])

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
        currency, language = self.currency_code, languages.current()
        possible, is_clear = [], True
        if data.get("suggested"):
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
        currency, language = self.currency_code, languages.current()
        return [
            (money.decimal_string(one, currency), money.printed(one, currency, [language]))
            for one in self.unclear.readings
        ]

    def refuse(self, refusal: DomainError) -> None:
        """Show a refusal by the service beside its field, unless something is wrong with that field already."""
        errors = refusal.details.get("errors") or [{"field": "", "detail": str(refusal)}]
        for error in cast(list[dict[str, str]], errors):
            name = error["field"].removeprefix("donor.")
            if name not in self.errors:
                self.add_error(name if name in self.fields else None, error["detail"])


def as_typed(donation: Donation) -> str:
    """Return the amount of a gift as a person of the page's language types it."""
    return wording.number(money.decimal_string(donation.amount_minor, donation.currency), [languages.current()])


class UnpaidGiftForm(AmountForm):
    """The same form on the page of a gift, which has a currency."""

    def __init__(self, *args: object, currency: str, **named: object) -> None:
        super().__init__(*args, **named)
        self.currency = currency

    @property
    def currency_code(self) -> str:
        return self.currency


class GiftForm(AmountForm):
    """Validate the form's shape only; the service decides what may be given, as for the API."""

    field_order = ("suggested", "amount", "meant", "currency")
    suggested = forms.CharField(required=False, max_length=20)
    currency = forms.CharField(max_length=3)
    form = forms.CharField(required=False, max_length=64)  # names the gift, however often the form is sent
    name = forms.CharField(required=False, max_length=120, label=_("Your name"))
    organisation = forms.CharField(required=False, max_length=120, label=_("Organisation (if it is the donor)"))
    email = forms.EmailField(max_length=254, label=_("Email"))
    country = forms.CharField(required=False, max_length=2, label=_("Country"))
    anonymous = forms.BooleanField(required=False, label=_("Keep my name private"))
    message = forms.CharField(required=False, max_length=500, label=_("Message"))
    consent = forms.BooleanField(required=False)

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, object]:
        """Add what the service would refuse, so that a donor sees everything at once."""
        data = super().clean()
        if Charity.objects.exists():
            for refusal in online.refusals(self.donation_request(appeal="", language=languages.current())):
                self.refuse(refusal)
        return data

    def donation_request(self, *, appeal: str, language: str) -> DonationRequest:
        """Return what was typed; fields that are wrong are left empty."""
        known = {field.name for field in fields(DonationRequest)}
        empty = dict.fromkeys(("amount", "currency", "name", "email"), "")
        typed_in = {name: value for name, value in self.cleaned_data.items() if name in known}
        return DonationRequest(**empty | typed_in | {"appeal": appeal, "language": language})


class EmailForm(TidyForm, forms.Form):
    email = forms.EmailField(max_length=254, label=_("Email"))
