from typing import ClassVar

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from donations.payments.models import PaymentAttempt
from logistics.ids import uuid7
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job


class StripeEvent(Job):
    """A Stripe event: a reason to fetch, stored once, without its personal data.

    `done`: the payment was fetched from Stripe and booked. `dead`: in quarantine; `last_error_code` says why.
    """

    TASK = "donations.apply_stripe_event"
    LANE = Lane.NOW

    class Source(models.TextChoices):
        WEBHOOK = "webhook", pgettext_lazy("Stripe event", "Webhook")
        LIST = "list", pgettext_lazy("Stripe event", "List (no webhook received)")

    class Outcome(models.TextChoices):
        WAITING = "", pgettext_lazy("Stripe event", "Waiting")
        APPLIED = "applied", pgettext_lazy("Stripe event", "Applied")
        IGNORED = "ignored", pgettext_lazy("Stripe event", "Ignored: not relevant")
        NOT_OURS = "not_ours", pgettext_lazy("Stripe event", "No matching donation")
        PAID_TWICE = "paid_twice", pgettext_lazy("Stripe event", "Paid twice: refund the second payment")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    stripe_id = models.CharField(_("Stripe ID"), max_length=100, editable=False)
    kind = models.CharField(_("kind"), max_length=80, editable=False)  # "checkout.session.completed"
    object_type = models.CharField(_("object type"), max_length=60, editable=False)
    object_id = models.CharField(_("Stripe object"), max_length=100, editable=False)
    payment_intent_id = models.CharField(_("Stripe payment intent"), max_length=100, blank=True, editable=False)
    api_version = models.CharField(_("API version"), max_length=40, blank=True, editable=False)
    livemode = models.BooleanField(_("live mode"), editable=False)
    happened_at = models.DateTimeField(_("occurred at"), editable=False)  # at Stripe
    received_at = models.DateTimeField(_("received at"), editable=False)
    source = models.CharField(_("source"), max_length=8, choices=Source, editable=False)
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome, blank=True, editable=False)
    attempt = models.ForeignKey(
        PaymentAttempt,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="events",
        verbose_name=_("payment attempt"),
    )

    class Meta(Job.Meta):
        verbose_name = _("Stripe event")
        verbose_name_plural = _("Stripe events")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.UniqueConstraint(fields=["stripe_id"], name="an_event_of_stripe_is_stored_once"),
        ]
        indexes: ClassVar = [
            *Job.Meta.indexes,
            models.Index(fields=["id"], condition=Q(state="dead"), name="events_in_quarantine"),
            # Filters of the lists, which are in the order of the ids. Most events come by webhook, without a problem.
            models.Index(fields=["kind", "id"], name="events_by_kind"),
            models.Index(fields=["outcome", "id"], name="events_by_outcome"),
            models.Index(fields=["source", "id"], condition=~Q(source="webhook"), name="events_from_other_sources"),
            models.Index(fields=["last_error_code", "id"], condition=~Q(last_error_code=""), name="events_by_problem"),
            models.Index(fields=["happened_at", "id"], name="events_by_time"),  # ?ordering=happened_at
            # Searches for a whole id of Stripe's, and a filter.
            models.Index(fields=["object_id"], name="events_by_object"),
            models.Index(
                fields=["payment_intent_id"], condition=~Q(payment_intent_id=""), name="events_by_payment_intent"
            ),
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
