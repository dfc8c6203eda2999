"""The admin's forms of offline gifts: to record one, to correct or to void it."""

import hashlib
from collections.abc import Collection
from typing import ClassVar, cast

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.http import QueryDict
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminSingleDateWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from donations.admin_parts import shown
from donations.appeals.models import Appeal
from donations.gifts.corrections import OfflineChanges
from donations.gifts.models import Donation
from donations.gifts.offline import OfflineGift
from logistics import wording
from logistics.admin_parts import WRONG_DATE, Cleaned
from logistics.codes import choices
from logistics.errors import Invalid
from logistics.forms import TidyForm, TidyModelForm
from logistics.money import amounts as money
from logistics.money import typed

CHANNELS = [(value, label) for value, label in Donation.Channel.choices if value != Donation.Channel.ONLINE]
NEW_DONOR = ("name", "organisation", "email", "country", "donor_language")


def amount_field() -> forms.CharField:
    return forms.CharField(
        max_length=typed.LONGEST,
        label=gettext_lazy("amount"),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def day_field() -> forms.DateField:
    return forms.DateField(
        label=gettext_lazy("date received"),
        help_text=gettext_lazy("The day the charity received the money"),
        widget=UnfoldAdminSingleDateWidget,
        error_messages={"invalid": WRONG_DATE},
    )


def reason_field() -> forms.CharField:
    return forms.CharField(
        max_length=300,
        label=gettext_lazy("Reason (recorded in the audit trail)"),
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3}),
    )


def begin_with_capitals(form: forms.BaseForm) -> None:
    """Begin labels with a capital, as Django does for those of a model."""
    for field in form.fields.values():
        field.label = capfirst(str(field.label))


def read_amount(data: Cleaned) -> None:
    """Replace the amount, as a person wrote it, by a decimal string. Raises ValidationError."""
    try:
        amount_minor = typed.read(data["amount"], data["currency"], wording.page_language())
    except Invalid as refusal:
        raise ValidationError({"amount": str(refusal)}) from refusal
    data["amount"] = money.decimal_string(amount_minor, data["currency"])


class OfflineGiftForm(TidyModelForm):
    """A gift by bank transfer, cash or cheque, of a known donor or of a new one."""

    duplicates: ClassVar[Collection[Donation]] = ()  # found when this form was sent
    another = forms.BooleanField(
        required=False, label=gettext_lazy("It is another gift: record it"), widget=UnfoldBooleanWidget
    )
    another_than = forms.CharField(required=False, widget=forms.HiddenInput)
    amount = amount_field()
    received_on = day_field()
    name = forms.CharField(
        required=False, max_length=120, label=gettext_lazy("name"), widget=UnfoldAdminTextInputWidget
    )
    organisation = forms.CharField(
        required=False, max_length=120, label=gettext_lazy("organisation"), widget=UnfoldAdminTextInputWidget
    )
    email = forms.EmailField(
        required=False, max_length=254, label=gettext_lazy("email address"), widget=UnfoldAdminEmailInputWidget
    )
    country = forms.CharField(
        required=False, label=gettext_lazy("country"), widget=UnfoldAdminSelectWidget(choices=choices.countries)
    )
    donor_language = forms.ChoiceField(
        required=False,
        label=gettext_lazy("language of receipts and mails"),
        choices=settings.LANGUAGES,
        widget=UnfoldAdminSelectWidget,
    )

    class Meta:
        model = Donation
        fields = ["donor", "appeal", "currency", "channel", "payment_reference"]
        widgets: ClassVar = {"currency": UnfoldAdminSelectWidget(choices=choices.currencies)}
        help_texts: ClassVar = {"payment_reference": gettext_lazy("The cheque’s number or the bank’s reference")}

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)
        begin_with_capitals(self)
        self.fields["donor"].required = False
        self.fields["donor"].label_from_instance = lambda donor: donor.in_choices  # type: ignore[attr-defined]
        cast(forms.ChoiceField, self.fields["channel"]).choices = CHANNELS
        if self.duplicates:
            self._ask_about(self.duplicates)

    def _ask_about(self, gifts: Collection[Donation]) -> None:
        self.fields["another"].help_text = listed(gifts)
        posted = cast(QueryDict, self.data).copy()
        posted["another_than"] = " ".join(gift.reference for gift in gifts)
        posted.pop("another", None)
        self.data = posted

    def clean(self) -> Cleaned:
        data: Cleaned = super().clean() or {}
        has_new = any(data.get(name) for name in ("name", "organisation", "email"))
        if data.get("donor") and has_new:
            self.add_error("donor", _("Choose a donor or enter a new one, not both."))
        elif not data.get("donor") and not has_new and "donor" not in self.errors:
            self.add_error("donor", _("Choose a donor, or enter a new one below."))
        elif not data.get("donor") and not data.get("email") and "email" not in self.errors:
            self.add_error("email", _("Enter the donor’s email address: the receipt is sent there."))
        if "amount" in data and data.get("currency"):
            read_amount(data)
        return data

    def offline_gift(self) -> OfflineGift:
        data = self.cleaned_data
        donor, appeal = data["donor"], data["appeal"]
        return OfflineGift(
            amount=data["amount"],
            currency=data["currency"],
            channel=data["channel"],
            received_on=data["received_on"],
            appeal=appeal.slug if appeal else "",
            payment_reference=data["payment_reference"],
            donor_id=donor.pk if donor else None,
            name=data["name"],
            email=data["email"],
            organisation=data["organisation"],
            country=data["country"],
            language=data["donor_language"] or "en",
            another_than=data["another_than"].split() if data["another"] else (),
        )


def listed(gifts: Collection[Donation]) -> str:
    """Return a list of gifts with links to their pages."""
    rows = [
        (
            reverse("admin:donations_donation_change", args=[gift.pk]),
            gift.reference,
            in_one_line(gift),
        )
        for gift in gifts
    ]
    link = '<li><a class="text-primary-600 dark:text-primary-500 underline" href="{}" target="_blank">{}</a> {}</li>'
    return format_html('<ul class="list-disc pl-4">{}</ul>', format_html_join("", link, rows))


def in_one_line(gift: Donation) -> str:
    """Return "5,000.00 HKD, cheque 000123, 1 March 2026, Chan & Co."."""
    assert gift.received_on is not None
    paid = f"{gift.get_channel_display()} {gift.payment_reference}".strip()
    day = wording.day(gift.received_on.isoformat(), [wording.page_language()])
    parts = [shown(gift.amount_minor, gift.currency), paid, day, gift.donor.addressee]
    return ", ".join(filter(None, parts))


class VoidForm(TidyForm, forms.Form):
    reason = reason_field()


class CorrectionForm(TidyForm, forms.Form):
    """What was typed of an offline gift, to be corrected."""

    seen = forms.CharField(widget=forms.HiddenInput)
    amount = amount_field()
    currency = forms.CharField(
        label=gettext_lazy("currency"), widget=UnfoldAdminSelectWidget(choices=choices.currencies)
    )
    channel = forms.ChoiceField(label=gettext_lazy("channel"), choices=CHANNELS, widget=UnfoldAdminSelectWidget)
    received_on = day_field()
    payment_reference = forms.CharField(
        required=False, max_length=60, label=gettext_lazy("payment reference"), widget=UnfoldAdminTextInputWidget
    )
    appeal = forms.ModelChoiceField(
        required=False,
        queryset=Appeal.objects.order_by("title_en"),
        to_field_name="slug",
        label=gettext_lazy("appeal"),
        empty_label=gettext_lazy("Where it is needed most"),
        widget=UnfoldAdminSelectWidget,
    )
    reason = reason_field()

    def __init__(self, donation: Donation, posted: QueryDict | None) -> None:
        amount = money.decimal_string(donation.amount_minor, donation.currency)
        values: Cleaned = {
            "amount": wording.number(amount, [wording.page_language()]),
            "currency": donation.currency,
            "channel": donation.channel,
            "received_on": donation.received_on,
            "payment_reference": donation.payment_reference,
            "appeal": donation.appeal.slug if donation.appeal else "",
        }
        self.seen_now = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()
        super().__init__(posted, initial=values | {"seen": self.seen_now})
        begin_with_capitals(self)

    def clean(self) -> Cleaned:
        data: Cleaned = super().clean() or {}
        if data.get("seen") != self.seen_now:
            raise ValidationError(
                _("Somebody else has changed this in the meantime. Open it again and repeat your change.")
            )
        if "amount" in data and data.get("currency"):
            read_amount(data)
        return data

    def changes(self) -> OfflineChanges:
        """Return the changed fields; the amount always with its currency."""
        names = {*self.changed_data} - {"seen", "reason"}
        if names & {"amount", "currency"}:
            names |= {"amount", "currency"}
        values = {name: self.cleaned_data[name] for name in names}
        if "appeal" in values:
            values["appeal"] = values["appeal"].slug if values["appeal"] else ""
        return cast(OfflineChanges, values)
