"""Forms of the acts on a gift in the admin."""

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from donations.admin_parts import shown
from donations.gifts.models import Donation
from donations.refunds import asking
from donations.refunds.models import RefundReason
from logistics import wording
from logistics.errors import Invalid
from logistics.forms import TidyForm
from logistics.money import amounts as money
from logistics.money import typed


class RefundForm(TidyForm, forms.Form):
    """Which payment, how much, and why. `amount` becomes a decimal string, or "" for everything that is left."""

    payment = forms.TypedChoiceField(coerce=int, label=gettext_lazy("Payment"), widget=UnfoldAdminSelectWidget)
    amount = forms.CharField(
        required=False,
        max_length=40,
        label=gettext_lazy("Amount"),
        help_text=gettext_lazy("Blank: everything that is left of the payment."),
        widget=UnfoldAdminTextInputWidget(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    reason = forms.ChoiceField(
        choices=RefundReason.choices, label=gettext_lazy("Reason"), widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Stripe tells it to the donor’s bank."),
    )  # fmt: skip
    note = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("In your own words"),
        help_text=gettext_lazy("Recorded in the audit trail; the donor does not see it."),
        widget=UnfoldAdminTextareaWidget,
    )

    def __init__(self, donation: Donation, posted: QueryDict | None = None) -> None:
        super().__init__(posted)
        self.currency = donation.currency
        field = self.fields["payment"]
        assert isinstance(field, forms.TypedChoiceField)
        field.choices = [
            (
                attempt.number,
                _("Payment %(number)s: %(left)s left") % {"number": attempt.number, "left": shown(left, self.currency)},
            )
            for attempt, left in asking.refundable(donation)
        ]

    def clean_amount(self) -> str:
        """Read the amount as a person of the page's language means it; an ambiguous one is asked back."""
        text = self.cleaned_data["amount"]
        if not text:
            return ""
        try:
            return money.decimal_string(typed.read(text, self.currency, wording.page_language()), self.currency)
        except Invalid as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
