from collections.abc import Mapping
from typing import ClassVar, Final

import pgtrigger
from django.db import models
from django.db.models import Q

from donations.gifts.models import Donation
from logistics.errors import WrongState
from logistics.ids import uuid7
from logistics.jobs.models import Job


class AttemptState(models.TextChoices):
    CREATED = "created"
    SESSION_OPEN = "session_open"
    PROCESSING = "processing"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"
    EXPIRED = "expired"


A = AttemptState
# The whole life of a payment attempt. Only forward; a retry is a new attempt. Money may still arrive after an
# expiry, a failure or a cancellation; a cancellation may turn out to have been the checkout's expiry.
NEXT: Final[Mapping[AttemptState, frozenset[AttemptState]]] = {
    A.CREATED: frozenset({A.SESSION_OPEN, A.PROCESSING, A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.SESSION_OPEN: frozenset({A.PROCESSING, A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.PROCESSING: frozenset({A.SUCCEEDED, A.FAILED, A.CANCELED, A.EXPIRED}),
    A.FAILED: frozenset({A.EXPIRED, A.SUCCEEDED}),
    A.CANCELED: frozenset({A.EXPIRED, A.SUCCEEDED}),
    A.EXPIRED: frozenset({A.SUCCEEDED}),
    A.SUCCEEDED: frozenset(),
}
# While one of these, the donor can or did pay in this attempt: no other one is opened beside it.
LIVING: Final = (A.CREATED, A.SESSION_OPEN, A.PROCESSING)


class RefundState(models.TextChoices):
    PENDING = "pending"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELED = "canceled"


R = RefundState
# A bank may send a refund back long after it succeeded.
REFUND_NEXT: Final[Mapping[RefundState, frozenset[RefundState]]] = {
    R.PENDING: frozenset({R.SUCCEEDED, R.FAILED, R.CANCELED}),
    R.SUCCEEDED: frozenset({R.FAILED}),
    R.FAILED: frozenset(),
    R.CANCELED: frozenset(),
}


class DisputeState(models.TextChoices):
    WARNING_NEEDS_RESPONSE = "warning_needs_response"
    WARNING_UNDER_REVIEW = "warning_under_review"
    WARNING_CLOSED = "warning_closed"
    NEEDS_RESPONSE = "needs_response"
    UNDER_REVIEW = "under_review"
    PREVENTED = "prevented"
    WON = "won"
    LOST = "lost"


D = DisputeState
_ENDS = frozenset({D.PREVENTED, D.WON, D.LOST})
# An inquiry (warning) takes no money; it may end, or grow into a dispute.
DISPUTE_NEXT: Final[Mapping[DisputeState, frozenset[DisputeState]]] = {
    D.WARNING_NEEDS_RESPONSE: frozenset({D.WARNING_UNDER_REVIEW, D.WARNING_CLOSED, D.NEEDS_RESPONSE, D.UNDER_REVIEW})
    | _ENDS,
    D.WARNING_UNDER_REVIEW: frozenset({D.WARNING_CLOSED, D.NEEDS_RESPONSE, D.UNDER_REVIEW}) | _ENDS,
    D.WARNING_CLOSED: frozenset({D.NEEDS_RESPONSE, D.UNDER_REVIEW}) | _ENDS,
    D.NEEDS_RESPONSE: frozenset({D.UNDER_REVIEW}) | _ENDS,
    D.UNDER_REVIEW: _ENDS,
    D.PREVENTED: frozenset(),
    D.WON: frozenset(),
    D.LOST: frozenset(),
}
# While one of these, a bank holds the money and nobody knows whose it is.
DISPUTE_OPEN: Final = (D.NEEDS_RESPONSE, D.UNDER_REVIEW)


class PaymentAttempt(models.Model):
    """One try at paying one donation: a checkout session at Stripe and what came of it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    donation = models.ForeignKey(Donation, on_delete=models.PROTECT, related_name="attempts")
    number = models.PositiveSmallIntegerField()  # 1, 2, 3 ... of the donation
    state = models.CharField(max_length=12, choices=AttemptState, default=AttemptState.CREATED, editable=False)
    amount_minor = models.PositiveBigIntegerField("amount, minor units")
    currency = models.CharField(max_length=3)
    description = models.CharField(max_length=250)  # what the donor reads at Stripe
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()  # of the checkout; fixed before Stripe is asked, so that asking again is safe
    # Keyed hashes, for velocity limits: who tries many cards comes from one address or uses one e-mail.
    address_hash = models.CharField(max_length=32, blank=True, editable=False)
    email_hash = models.CharField(max_length=32, blank=True, editable=False)

    session_id = models.CharField(max_length=100, null=True, editable=False)
    checkout_url = models.TextField(blank=True, editable=False)
    payment_intent_id = models.CharField(max_length=100, null=True, editable=False)
    charge_id = models.CharField(max_length=100, blank=True, editable=False)
    # For staff; a donor is told the same of every decline.
    decline_code = models.CharField(max_length=60, blank=True, editable=False)
    card_brand = models.CharField(max_length=20, blank=True, editable=False)
    card_last4 = models.CharField(max_length=4, blank=True, editable=False)
    succeeded_at = models.DateTimeField(null=True, editable=False)
    # True for the attempt by which the donation was received; a second success is money to give back.
    counts = models.BooleanField(default=False, editable=False)
    # From Stripe's balance transaction, in the currency of our balance; known moments after the payment.
    balance_transaction_id = models.CharField(max_length=100, blank=True, editable=False)
    fee_minor = models.BigIntegerField("fee, minor units of the fee's currency", null=True, editable=False)
    fee_currency = models.CharField(max_length=3, blank=True, editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["donation", "number"], name="attempts_of_a_donation_are_numbered"),
            models.UniqueConstraint(fields=["session_id"], name="a_checkout_session_belongs_to_one_attempt"),
            models.UniqueConstraint(fields=["payment_intent_id"], name="a_payment_intent_belongs_to_one_attempt"),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(state__in=LIVING), name="a_donation_has_one_living_attempt"
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
            models.Index(fields=["created_at"], name="attempts_by_age"),
            models.Index(fields=["expires_at"], condition=Q(state__in=LIVING), name="attempts_living"),
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
        return f"{self.donation_id} attempt {self.number}"

    def become(self, state: AttemptState) -> None:
        """Move to a next state in memory, or raise WrongState; the caller saves."""
        if state not in NEXT[AttemptState(self.state)]:
            raise WrongState(
                f"A payment that is {self.state} cannot become {state}.", state=self.state, wanted=str(state)
            )
        self.state = state


class Refund(models.Model):
    """Money on its way back to a donor, ours or made in Stripe's dashboard."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="refunds")
    stripe_id = models.CharField(max_length=100, editable=False)
    state = models.CharField(max_length=10, choices=RefundState)
    amount_minor = models.PositiveBigIntegerField("amount, minor units")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60, blank=True)
    failure_reason = models.CharField(max_length=60, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_refund_is_known_once")]
        triggers: ClassVar = [
            pgtrigger.Protect(name="refunds_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="what_was_refunded_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange("attempt", "stripe_id", "amount_minor", "currency"),
            ),
        ]

    def __str__(self) -> str:
        return self.stripe_id


class Dispute(models.Model):
    """A donor's bank takes money back, or asks about it."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    attempt = models.ForeignKey(PaymentAttempt, on_delete=models.PROTECT, related_name="disputes")
    stripe_id = models.CharField(max_length=100, editable=False)
    state = models.CharField(max_length=24, choices=DisputeState)
    amount_minor = models.PositiveBigIntegerField("amount, minor units")
    currency = models.CharField(max_length=3)
    reason = models.CharField(max_length=60, blank=True)
    evidence_due_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [models.UniqueConstraint(fields=["stripe_id"], name="a_dispute_is_known_once")]
        triggers: ClassVar = [pgtrigger.Protect(name="disputes_are_not_deleted", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return self.stripe_id


class StripeEvent(Job):
    """Stripe's word that something happened: a reason to look, stored once, without its personal data.

    `done`: we looked, and booked what we saw. `dead`: it is in quarantine, and `last_error_code` says why.
    """

    TASK = "donations.apply_stripe_event"

    class Source(models.TextChoices):
        WEBHOOK = "webhook"
        LIST = "list", "list (the webhook never came)"

    class Outcome(models.TextChoices):
        WAITING = ""
        APPLIED = "applied"
        IGNORED = "ignored", "ignored: of no interest"
        NOT_OURS = "not_ours", "not ours: no donation of ours"
        PAID_TWICE = "paid_twice", "paid twice: give the second payment back"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    stripe_id = models.CharField(max_length=100, editable=False)
    kind = models.CharField(max_length=80, editable=False)  # "checkout.session.completed"
    object_type = models.CharField(max_length=60, editable=False)
    object_id = models.CharField(max_length=100, editable=False)
    payment_intent_id = models.CharField(max_length=100, blank=True, editable=False)
    api_version = models.CharField(max_length=40, blank=True, editable=False)
    livemode = models.BooleanField(editable=False)
    happened_at = models.DateTimeField(editable=False)  # at Stripe
    received_at = models.DateTimeField(editable=False)
    source = models.CharField(max_length=8, choices=Source, editable=False)
    outcome = models.CharField(max_length=12, choices=Outcome, blank=True, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt, null=True, editable=False, on_delete=models.PROTECT, related_name="events"
    )

    class Meta(Job.Meta):
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["stripe_id"], name="an_event_of_stripe_is_stored_once"),
        ]
        indexes: ClassVar = [
            *Job.Meta.indexes,
            models.Index(fields=["id"], condition=Q(state="dead"), name="events_in_quarantine"),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="events_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="what_an_event_says_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "stripe_id", "kind", "object_type", "object_id", "payment_intent_id", "api_version", "livemode"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_id}"
