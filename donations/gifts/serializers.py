from typing import cast

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail

from donations.challenges.services import Proof
from donations.gifts import tokens
from donations.gifts.corrections import OfflineChanges
from donations.gifts.models import Donation
from donations.gifts.offline import OfflineGift
from donations.gifts.online import DonationRequest
from donations.gifts.status import GiftStatus
from donations.receipts.models import Receipt
from logistics.actions import AllowedAction, AllowedActionOut
from logistics.inputs import Input, StrictCharField
from logistics.money import amounts as money
from logistics.money.fields import AmountField, MoneyField
from logistics.outputs import Output
from logistics.rows import reads

OFFLINE = ["bank", "cash", "cheque"]
DECLINED = gettext_lazy(
    "The card was not accepted. Nothing was charged. Try again or use another card; your bank can tell you why."
)


class DonationOut(Output[Donation]):
    """A gift as finance sees it."""

    id = serializers.UUIDField()
    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Donation.Status.choices)
    amount = MoneyField("amount_minor")
    refunded = MoneyField("refunded_minor")
    charged_back = MoneyField("charged_back_minor")
    currency = serializers.CharField()
    channel = serializers.ChoiceField(choices=Donation.Channel.choices)
    payment_reference = serializers.CharField(help_text="Of an offline gift: cheque number, or the bank's reference")
    appeal = serializers.CharField(source="appeal.slug", default=None, allow_null=True)
    donor = serializers.UUIDField(source="donor_id")
    donor_name = serializers.CharField(source="donor.addressee")
    language = serializers.CharField()
    anonymous = serializers.BooleanField()
    message = serializers.CharField()
    consent_version = serializers.CharField()
    created_at = serializers.DateTimeField()
    received_at = serializers.DateTimeField(allow_null=True)
    received_on = serializers.DateField(allow_null=True)
    receipt_blocked_by = serializers.ListField(child=serializers.CharField())
    allowed_actions = AllowedActionOut(many=True)

    # What the refusals of `gifts.actions` read, beside the valid receipt and the payments.
    @reads(
        "status", "channel", "amount_minor", "refunded_minor", "charged_back_minor", "language", "donor__name",
        "donor__organisation", "donor__address", "appeal__title_en", "appeal__title_fr",
    )  # fmt: skip
    def allowed_actions_of(self, donation: Donation) -> list[AllowedAction]:
        """Return the allowed actions. `issue-receipt` stays allowed once issued: it then returns the same receipt."""
        actions: list[AllowedAction] = self.context["allowed_actions"](donation)
        return actions


class DonorDetailsIn(Input):
    name = StrictCharField(max_length=120, required=False, allow_blank=True, default="")
    email = serializers.EmailField(max_length=254)
    language = serializers.ChoiceField(choices=settings.LANGUAGES, default="en")
    country = StrictCharField(
        max_length=2, required=False, allow_blank=True, default="", help_text="ISO 3166-1 alpha-2"
    )
    organisation = StrictCharField(max_length=120, required=False, allow_blank=True, default="")


class ChallengeIn(Input):
    """How a donor passes a challenge. Both are left out unless an earlier answer was `challenge_required`."""

    challenge_solution = StrictCharField(
        max_length=4000,
        required=False,
        allow_blank=True,
        default="",
        help_text="The solution of the `challenge` of an earlier answer: base64, as ALTCHA's widget returns it",
    )
    confirm_by_mail = serializers.BooleanField(
        default=False,
        help_text="Open no checkout now; mail the donor a link to the gift's page, where it can be paid",
    )

    def proof(self) -> Proof:
        return Proof(solution=self.validated_data["challenge_solution"])

    @property
    def is_by_mail(self) -> bool:
        return bool(self.validated_data["confirm_by_mail"])


class DonationIn(ChallengeIn):
    amount = AmountField(help_text="A decimal string; no more decimals than the currency has")
    currency = StrictCharField(max_length=3, min_length=3, help_text="ISO 4217")
    appeal = StrictCharField(
        max_length=80, required=False, allow_blank=True, default="", help_text="Slug; empty: where most needed"
    )
    donor = DonorDetailsIn()
    anonymous = serializers.BooleanField(default=False, help_text="Never show the name in public")
    message = StrictCharField(max_length=500, required=False, allow_blank=True, default="")
    consent = serializers.BooleanField(default=False, help_text="The donor agreed to be contacted")
    consent_text = StrictCharField(
        allow_blank=True,
        max_length=2000,
        required=False,
        default="",
        help_text="The exact text the donor was shown; empty: the text of our own page",
    )
    consent_version = StrictCharField(max_length=20, required=False, allow_blank=True, default="")

    def donation_request(self) -> DonationRequest:
        data = {name: value for name, value in self.validated_data.items() if name not in ChallengeIn._declared_fields}
        return DonationRequest(**data.pop("donor"), **data)


class OfflineGiftIn(Input):
    amount = AmountField(help_text="A decimal string; no more decimals than the currency has")
    currency = StrictCharField(max_length=3, min_length=3, help_text="ISO 4217")
    channel = serializers.ChoiceField(choices=OFFLINE)
    received_on = serializers.DateField(help_text="The day the charity received the money")
    appeal = StrictCharField(max_length=80, required=False, allow_blank=True, default="")
    payment_reference = StrictCharField(
        max_length=60, required=False, allow_blank=True, default="", help_text="Cheque number, or the bank's reference"
    )
    donor = DonorDetailsIn(required=False)
    donor_id = serializers.UUIDField(required=False, help_text="A known donor, instead of `donor`")
    another_than = serializers.ListField(
        child=StrictCharField(max_length=20),
        required=False,
        default=list,
        max_length=100,
        help_text="References of gifts alike that this one is not: `duplicates` of an earlier answer",
    )

    def validate(self, attrs: dict[str, object]) -> dict[str, object]:
        if ("donor" in attrs) == ("donor_id" in attrs):
            raise serializers.ValidationError(
                {"donor": [ErrorDetail(_("Send either the donor or the donor’s id."), code="required")]}
            )
        return attrs

    def offline_gift(self) -> OfflineGift:
        data = dict(self.validated_data)
        return OfflineGift(**data.pop("donor", {}), **data)


class OfflineReasonIn(Input):
    reason = StrictCharField(max_length=300, help_text="For the audit trail; donors do not see it")


class CorrectionIn(OfflineReasonIn):
    """What is left out stays as it is."""

    amount = AmountField(required=False, help_text="A decimal string; no more decimals than the currency has")
    currency = StrictCharField(max_length=3, min_length=3, required=False, help_text="ISO 4217")
    channel = serializers.ChoiceField(choices=OFFLINE, required=False)
    received_on = serializers.DateField(required=False)
    appeal = StrictCharField(
        max_length=80, required=False, allow_blank=True, help_text="Slug; empty: where most needed"
    )
    payment_reference = StrictCharField(max_length=60, required=False, allow_blank=True)

    def changes(self) -> OfflineChanges:
        return cast(OfflineChanges, {name: value for name, value in self.validated_data.items() if name != "reason"})


class GiftReceiptOut(Output[Receipt]):
    number = serializers.CharField()
    issued_on = serializers.DateField()
    state = serializers.CharField(source="document.state", help_text="`done` once the PDF can be downloaded")
    pdf_url = serializers.URLField()

    def pdf_url_of(self, receipt: Receipt) -> str:
        return tokens.absolute(reverse("api-gift-receipt", args=[tokens.token_of(receipt.donation)]))


class GiftOut(Output[GiftStatus]):
    """A gift as its donor sees it."""

    reference = serializers.CharField(source="donation.reference")
    status = serializers.ChoiceField(source="donation.status", choices=Donation.Status.choices)
    amount = serializers.CharField()
    refunded = serializers.CharField(help_text="Amount refunded to the donor so far")
    charged_back = serializers.CharField(help_text="Amount the donor's bank took back")
    kept = serializers.CharField(help_text="Amount the charity holds: 0 until the gift is received")
    currency = serializers.CharField(source="donation.currency")
    appeal = serializers.CharField(
        source="donation.appeal.slug", allow_null=True, help_text="Slug of the appeal; null: where most needed"
    )
    created_at = serializers.DateTimeField(source="donation.created_at")
    received_on = serializers.DateField(source="donation.received_on", allow_null=True)
    checkout_url = serializers.URLField(
        allow_null=True, help_text="Where to pay; null when there is nothing to pay now"
    )
    token = serializers.CharField(help_text="Secret token for this gift's donor")
    url = serializers.URLField(help_text="API URL of this gift; secret")
    follow_url = serializers.URLField(help_text="Page where the donor follows this gift; secret")
    problem = serializers.CharField(allow_null=True, help_text="Why the payment failed, in words for the donor")
    may_pay = serializers.BooleanField(help_text="POST to donations/{token}/checkout/ to get a checkout_url")
    receipt = GiftReceiptOut(allow_null=True)

    def amount_of(self, gift: GiftStatus) -> str:
        return money.decimal_string(gift.donation.amount_minor, gift.donation.currency)

    def refunded_of(self, gift: GiftStatus) -> str:
        return money.decimal_string(gift.donation.refunded_minor, gift.donation.currency)

    def charged_back_of(self, gift: GiftStatus) -> str:
        return money.decimal_string(gift.donation.charged_back_minor, gift.donation.currency)

    def kept_of(self, gift: GiftStatus) -> str:
        return money.decimal_string(gift.donation.kept_minor, gift.donation.currency)

    def checkout_url_of(self, gift: GiftStatus) -> str | None:
        return gift.checkout_url or None

    def token_of(self, gift: GiftStatus) -> str:
        return tokens.token_of(gift.donation)

    def url_of(self, gift: GiftStatus) -> str:
        return tokens.absolute(reverse("api-gift", args=[tokens.token_of(gift.donation)]))

    def follow_url_of(self, gift: GiftStatus) -> str:
        return tokens.url_of(gift.donation)

    def problem_of(self, gift: GiftStatus) -> str | None:
        return str(DECLINED) if gift.was_declined else None
