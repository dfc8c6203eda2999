from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7
from logistics.jobs.models import Job


class StripeEvent(Job):
    """An event of Stripe: a reason to look, stored once, without its personal data.

    `done`: we looked at Stripe and booked what it shows. `dead`: in quarantine; `last_error_code` says why.
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
