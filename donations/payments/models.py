from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.gifts.models import Donation
from logistics import wording
from logistics.errors import WrongState
from logistics.ids import uuid7


class AttemptState(models.TextChoices):
    CREATED = "created", pgettext_lazy("payment attempt", "Created")
    SESSION_OPEN = "session_open", pgettext_lazy("payment attempt", "Session open")
    PROCESSING = "processing", pgettext_lazy("payment attempt", "Processing")
    SUCCEEDED = "succeeded", pgettext_lazy("payment attempt", "Succeeded")
    FAILED = "failed", pgettext_lazy("payment attempt", "Failed")
    CANCELED = "canceled", pgettext_lazy("payment attempt", "Canceled")
    EXPIRED = "expired", pgettext_lazy("payment attempt", "Expired")


A = AttemptState
# Only forward; a retry is a new attempt. Money may still arrive after an expiry, a failure or a cancellation; a
# cancellation may turn out to be the expiry of the checkout.
NEXT: Final[Mapping[AttemptState, frozenset[AttemptState]]] = {
    A.CREATED: frozenset({A.SESSION_OPEN, A.PROCESSING, A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.SESSION_OPEN: frozenset({A.PROCESSING, A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.PROCESSING: frozenset({A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.FAILED: frozenset({A.EXPIRED, A.SUCCEEDED}),
    A.CANCELED: frozenset({A.EXPIRED, A.SUCCEEDED}),
    A.EXPIRED: frozenset({A.SUCCEEDED}),
    A.SUCCEEDED: frozenset(),
}
# In these states the donor can still pay, or is paying: no second attempt is opened.
UNFINISHED: Final = (A.CREATED, A.SESSION_OPEN, A.PROCESSING)


class PaymentAttempt(models.Model):
    """One attempt to pay one donation: a Stripe checkout session and its result."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    donation = models.ForeignKey(
        Donation, on_delete=models.PROTECT, related_name="attempts", db_index=False, verbose_name=_("donation")
    )
    number = models.PositiveSmallIntegerField(_("number"))  # 1, 2, 3 ... of the donation
    state = models.CharField(
        _("state"), max_length=12, choices=AttemptState, default=AttemptState.CREATED, editable=False
    )
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    description = models.CharField(_("description"), max_length=250)  # shown to the donor at Stripe
    created_at = models.DateTimeField(_("created at"))
    expires_at = models.DateTimeField(
        _("expires at")
    )  # of the checkout; fixed before the call to Stripe, so that a retry is safe
    # Keyed hashes, for velocity limits: card testers come from one address or use one email.
    address_hash = models.CharField(max_length=32, blank=True, editable=False)
    email_hash = models.CharField(max_length=32, blank=True, editable=False)
    # Beyond a limit, a challenge is passed first (donations.challenges): "proof" or "mail".
    passed = models.CharField(
        _("challenge passed"), max_length=5, blank=True, default="", db_default="", editable=False
    )

    session_id = models.CharField(_("Stripe checkout session"), max_length=100, null=True, editable=False)
    checkout_url = models.TextField(blank=True, editable=False)
    payment_intent_id = models.CharField(_("Stripe payment intent"), max_length=100, null=True, editable=False)
    charge_id = models.CharField(_("Stripe charge"), max_length=100, blank=True, editable=False)
    # For staff; donors see the same message for every decline.
    decline_code = models.CharField(_("decline code"), max_length=60, blank=True, editable=False)
    card_brand = models.CharField(_("card brand"), max_length=20, blank=True, editable=False)
    card_last4 = models.CharField(_("last four digits of the card"), max_length=4, blank=True, editable=False)
    succeeded_at = models.DateTimeField(_("succeeded at"), null=True, editable=False)
    # True for the attempt by which the donation was received; a second successful payment is to be refunded.
    counts = models.BooleanField(_("counted as the gift’s payment"), default=False, editable=False)
    # From Stripe's balance transaction, in our balance currency; known moments after the payment.
    balance_transaction_id = models.CharField(
        _("Stripe balance transaction"), max_length=100, blank=True, editable=False
    )
    fee_minor = models.BigIntegerField(_("fee, minor units of the fee's currency"), null=True, editable=False)
    fee_currency = models.CharField(_("fee currency"), max_length=3, blank=True, editable=False)
    # When the newest snapshot that was booked was begun, by the database's clock. What happened before is in it.
    looked_at = models.DateTimeField(_("last compared with Stripe"), null=True, editable=False)

    class Meta:
        verbose_name = _("payment attempt")
        verbose_name_plural = _("payment attempts")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["donation", "number"], name="attempts_of_a_donation_are_numbered"),
            models.UniqueConstraint(fields=["session_id"], name="a_checkout_session_belongs_to_one_attempt"),
            models.UniqueConstraint(fields=["payment_intent_id"], name="a_payment_intent_belongs_to_one_attempt"),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(state__in=UNFINISHED), name="a_donation_has_one_living_attempt"
            ),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(counts=True), name="a_donation_is_received_by_one_attempt"
            ),
            models.CheckConstraint(
                name="a_payment_is_dated_exactly_when_it_succeeded",
                condition=Q(state="succeeded", succeeded_at__isnull=False, payment_intent_id__isnull=False)
                | (~Q(state="succeeded") & Q(succeeded_at=None)),
            ),
            models.CheckConstraint(
                name="only_a_payment_that_succeeded_counts", condition=Q(counts=False) | Q(state="succeeded")
            ),
            models.CheckConstraint(
                name="an_open_checkout_has_a_session", condition=~Q(state="session_open") | Q(session_id__isnull=False)
            ),
            models.CheckConstraint(name="an_attempt_is_of_more_than_nothing", condition=Q(amount_minor__gt=0)),
        ]
        indexes: ClassVar = [
            # Filters of the admin's list, which is in the order of the ids. Most attempts count.
            models.Index(fields=["state", "id"], name="attempts_by_state"),
            models.Index(fields=["currency", "id"], name="attempts_by_currency"),
            models.Index(fields=["id"], condition=Q(counts=False), name="attempts_that_do_not_count"),
            models.Index(fields=["created_at"], name="attempts_by_age"),
            models.Index(fields=["expires_at"], condition=Q(state__in=UNFINISHED), name="attempts_living"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="what_an_attempt_asks_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("donation", "number", "amount_minor", "currency", "created_at"),
            ),
            pgtrigger.Protect(
                name="successful_payments_are_final",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state = 'succeeded' AND NEW.state <> 'succeeded'"),
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.number}"

    @property
    def is_unfinished(self) -> bool:
        """Whether the donor can still pay, or is paying, with this attempt."""
        return self.state in UNFINISHED

    def become(self, state: AttemptState) -> None:
        """Change the state in memory, or raise WrongState; the caller saves."""
        if state not in NEXT[AttemptState(self.state)]:
            raise WrongState(
                _("A payment that is %(current)s cannot become %(wanted)s.")
                % {"current": AttemptState(self.state).label, "wanted": state.label},
                state=self.state,
                wanted=str(state),
            )
        self.state = state


class Decline(models.Model):
    """One declined card, reported by one event of Stripe: what card testers cause by the hundred."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt,
        on_delete=models.PROTECT,
        related_name="declines",
        editable=False,
        verbose_name=_("payment attempt"),
    )
    event_id = models.CharField(_("Stripe event"), max_length=100, editable=False)
    declined_at = models.DateTimeField(_("declined at"), editable=False)

    class Meta:
        verbose_name = _("declined card")
        verbose_name_plural = _("declined cards")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["event_id"], name="a_decline_is_counted_once")]
        indexes: ClassVar = [models.Index(fields=["declined_at"], name="declines_by_age")]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.declined_at)
