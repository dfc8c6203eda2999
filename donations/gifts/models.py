import secrets
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import ClassVar, Final

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Now, Replace, Upper
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.gifts.totals import kept_in_totals
from logistics.errors import WrongState
from logistics.ids import uuid7
from logistics.search import trigrams

# Crockford's base 32: no I, L, O, U, so it can be read out over the phone.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def public_reference() -> str:
    """Return a public reference, "GFT-7K2M-9QXD": random, so that it does not reveal the number of gifts.

    There are 32^8 = 1.1 * 10^12 of them: among a million gifts a collision is about as likely as not, so store gifts
    with `transactions.insert_drawn`.
    """
    letters = "".join(secrets.choice(ALPHABET) for _ in range(8))
    return f"GFT-{letters[:4]}-{letters[4:]}"


# How payment references are compared: "ab 12" is "AB12".
AS_COMPARED: Final = Upper(Replace("payment_reference", Value(" "), Value("")))


def _differ(*columns: str) -> pgtrigger.Q:
    """Return the condition of a trigger that one of these columns changes: unlike AnyChange, a part of others."""
    changes = [pgtrigger.Q(**{f"old__{name}__df": pgtrigger.F(f"new__{name}")}) for name in columns]
    return reduce(or_, changes)


class Donation(models.Model):
    """One gift of money. Its status follows from its payments, refunds and disputes (GiftOutcome)."""

    class Status(models.TextChoices):
        PENDING = "pending", pgettext_lazy("gift", "Pending")
        RECEIVED = "received", pgettext_lazy("gift", "Received")
        PARTIALLY_REFUNDED = "partially_refunded", pgettext_lazy("gift", "Partially Refunded")
        REFUNDED = "refunded", pgettext_lazy("gift", "Refunded")
        DISPUTED = "disputed", pgettext_lazy("gift", "Disputed")
        CHARGED_BACK = "charged_back", pgettext_lazy("gift", "Charged Back")
        VOIDED = "voided", pgettext_lazy("gift", "Voided")  # an offline gift that was recorded by mistake

    class Channel(models.TextChoices):
        ONLINE = "online", pgettext_lazy("gift", "Online")
        BANK = "bank", pgettext_lazy("gift", "Bank")
        CASH = "cash", pgettext_lazy("gift", "Cash")
        CHEQUE = "cheque", pgettext_lazy("gift", "Cheque")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    reference = models.CharField(_("reference"), max_length=20, default=public_reference, editable=False)
    donor = models.ForeignKey(
        Donor, on_delete=models.PROTECT, related_name="donations", verbose_name=_("donor"), db_index=False
    )
    appeal = models.ForeignKey(
        Appeal,
        null=True,
        blank=True,
        db_index=False,
        on_delete=models.PROTECT,
        related_name="donations",
        help_text=_("Blank: where it is most needed"),
        verbose_name=_("appeal"),
    )
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    channel = models.CharField(_("channel"), max_length=10, choices=Channel, default=Channel.ONLINE)
    payment_reference = models.CharField(
        _("payment reference"),
        max_length=60,
        blank=True,
        default="",
        db_default="",
        help_text=_("Of an offline gift: the cheque’s number or the bank’s reference"),
    )
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    anonymous = models.BooleanField(_("anonymous"), default=False, help_text=_("The name is never shown in public."))
    message = models.CharField(_("message"), max_length=500, blank=True)
    consent_text = models.TextField(
        _("consent text"), blank=True, help_text=_("Word for word what the donor was shown and agreed to")
    )
    consent_version = models.CharField(_("consent version"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("created at"))

    status = models.CharField(_("status"), max_length=20, choices=Status, default=Status.PENDING, editable=False)
    received_at = models.DateTimeField(_("received at"), null=True, editable=False)
    received_on = models.DateField(_("date received"), null=True, editable=False)  # in the charity's time zone
    refunded_minor = models.PositiveBigIntegerField(_("refunded, minor units"), default=0, editable=False)
    charged_back_minor = models.PositiveBigIntegerField(_("charged back, minor units"), default=0, editable=False)
    # Why no receipt can be issued: "donor_name_missing", "charity_registration_missing" ...
    receipt_blocked_by = ArrayField(
        models.CharField(max_length=40), default=list, blank=True, editable=False, verbose_name=_("receipt blocked by")
    )
    # The gift's secret link contains this number: a new number ends every link sent before.
    link_number = models.PositiveIntegerField(_("link number"), default=1, db_default=1, editable=False)
    link_renewed_at = models.DateTimeField(_("link renewed at"), db_default=Now(), editable=False)

    class Meta:
        verbose_name = _("donation")
        verbose_name_plural = _("donations")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reference"], name="a_donation_has_a_reference_of_its_own"),
            models.CheckConstraint(name="a_donation_is_more_than_nothing", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="the_currency_of_a_donation_is_a_code", condition=Q(currency__regex=r"^[A-Z]{3}$")
            ),
            models.CheckConstraint(
                name="a_donation_has_a_day_exactly_when_it_was_received",
                condition=Q(status="pending", received_at=None, received_on=None)
                | (~Q(status="pending") & Q(received_at__isnull=False, received_on__isnull=False)),
            ),
            models.CheckConstraint(
                name="no_more_goes_back_than_was_given",
                condition=Q(refunded_minor__lte=F("amount_minor"), charged_back_minor__lte=F("amount_minor")),
            ),
            models.CheckConstraint(
                name="only_received_money_goes_back",
                condition=~Q(status="pending") | Q(refunded_minor=0, charged_back_minor=0),
            ),
            models.CheckConstraint(
                name="only_offline_gifts_are_voided", condition=~Q(status="voided") | ~Q(channel="online")
            ),
        ]
        indexes: ClassVar = [
            # Filters of the lists, which are in the order of the ids. The first two also stand for their foreign keys.
            models.Index(fields=["donor", "id"], name="donations_of_a_donor"),
            models.Index(fields=["appeal", "id"], name="donations_by_appeal"),
            models.Index(fields=["status", "id"], name="donations_by_status"),
            models.Index(fields=["currency", "id"], name="donations_by_currency"),
            models.Index(fields=["channel", "id"], name="donations_by_channel"),
            models.Index(fields=["id"], condition=~Q(receipt_blocked_by=[]), name="donations_without_receipt"),
            # Ranges of days, and what was received this month, for which the index alone is read.
            models.Index(
                fields=["received_on", "id"], include=["currency", "amount_minor", "status"], name="donations_by_day"
            ),
            # By amount, within each currency.
            models.Index(fields=["currency", "amount_minor", "id"], name="donations_by_amount"),
            trigrams("reference", "payment_reference", name="donations_by_words"),  # searches
            models.Index(  # gifts with the same payment reference
                AS_COMPARED, condition=~Q(payment_reference=""), name="donations_by_payment"
            ),
        ]
        triggers: ClassVar = [
            *kept_in_totals(),
            pgtrigger.Protect(
                name="what_was_given_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("reference", "created_at", "consent_text", "consent_version"),
            ),
            # Finance may correct what was typed of an offline gift; what was paid by card is what Stripe says.
            pgtrigger.Protect(
                name="what_was_paid_online_is_frozen",
                operation=pgtrigger.Update,
                condition=_differ("amount_minor", "currency", "channel")
                & (pgtrigger.Q(old__channel="online") | pgtrigger.Q(new__channel="online")),
            ),
            pgtrigger.Protect(
                name="voided_gifts_stay_voided",
                operation=pgtrigger.Update,
                condition=pgtrigger.Q(old__status="voided")
                & _differ("status", "amount_minor", "currency", "received_on", "refunded_minor", "charged_back_minor"),
            ),
            pgtrigger.Protect(
                name="received_gifts_are_not_deleted",
                operation=pgtrigger.Delete,
                condition=pgtrigger.Q(old__received_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def kept_minor(self) -> int:
        """The amount kept after refunds and chargebacks, in minor units; 0 while pending, and once voided."""
        if self.status in (Donation.Status.PENDING, Donation.Status.VOIDED):
            return 0
        return max(0, self.amount_minor - self.refunded_minor - self.charged_back_minor)

    def become(self, status: "Donation.Status") -> None:
        """Change the status in memory, or raise WrongState; the caller saves."""
        if status not in NEXT[Donation.Status(self.status)]:
            raise WrongState(
                _("A gift that is %(current)s cannot become %(wanted)s.")
                % {"current": Donation.Status(self.status).label, "wanted": status.label},
                status=self.status,
                wanted=str(status),
            )
        self.status = status


_RECEIVED = frozenset(Donation.Status) - {Donation.Status.PENDING, Donation.Status.VOIDED}
# A received gift is never pending again. All other changes are allowed in both directions, because the status follows
# from refunds and disputes: a refund may fail late, a dispute may be won. Only a voided gift stays what it is.
NEXT: Final[Mapping[Donation.Status, frozenset[Donation.Status]]] = {
    **{status: _RECEIVED - {status} for status in Donation.Status},
    Donation.Status.RECEIVED: _RECEIVED - {Donation.Status.RECEIVED} | {Donation.Status.VOIDED},
    Donation.Status.VOIDED: frozenset(),
}
