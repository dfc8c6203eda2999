from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from donations.gifts.models import Donation
from logistics import wording
from logistics.documents.models import Document
from logistics.errors import WrongState
from logistics.ids import uuid7
from logistics.jobs.models import Job
from logistics.mail.models import Email
from logistics.search import trigrams


class ReceiptState(models.TextChoices):
    ISSUED = "issued", pgettext_lazy("receipt", "Issued")
    CANCELLED = "cancelled", pgettext_lazy("receipt", "Cancelled")
    REPLACED = "replaced", pgettext_lazy("receipt", "Replaced")


# A receipt is valid until cancelled or replaced, then never again.
NEXT = {
    ReceiptState.ISSUED: frozenset({ReceiptState.CANCELLED, ReceiptState.REPLACED}),
    ReceiptState.CANCELLED: frozenset[ReceiptState](),
    ReceiptState.REPLACED: frozenset[ReceiptState](),
}


class Receipt(models.Model):
    """A donor's proof of a gift for the tax authority; numbered without gaps, never edited or deleted.

    Its contents are frozen in its document.
    """

    class Kind(models.TextChoices):
        SINGLE = "single", pgettext_lazy("receipt", "Single")
        REPLACEMENT = "replacement", pgettext_lazy("receipt", "Replacement")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    donation = models.ForeignKey(
        Donation, on_delete=models.PROTECT, related_name="receipts", verbose_name=_("donation")
    )
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="+", verbose_name=_("document"))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.SINGLE)
    jurisdiction = models.CharField(_("jurisdiction"), max_length=2)
    series = models.CharField(_("series"), max_length=20)  # "HK"
    year = models.PositiveSmallIntegerField(_("year"))
    sequence = models.PositiveIntegerField(_("sequence number"))
    number = models.CharField(_("number"), max_length=30)  # "HK-2026-000001"
    amount_minor = models.PositiveBigIntegerField(_("amount"))
    currency = models.CharField(_("currency"), max_length=3)
    issued_at = models.DateTimeField(_("issued at"))
    issued_on = models.DateField(_("date of issue"))  # in the charity's time zone
    # Characters of the donor's name and address for which the paper has a square, because no font has them.
    not_printed = ArrayField(models.TextField(), default=list, blank=True, verbose_name=_("characters not printed"))
    replaces = models.OneToOneField(
        "self", null=True, blank=True, on_delete=models.PROTECT, related_name="replaced_by", verbose_name=_("replaces")
    )

    state = models.CharField(
        _("state"), max_length=10, choices=ReceiptState, default=ReceiptState.ISSUED, editable=False
    )
    ended_at = models.DateTimeField(_("ended at"), null=True, editable=False)
    end_reason = models.CharField(_("reason for ending"), max_length=40, blank=True, editable=False)

    class Meta:
        verbose_name = _("receipt")
        verbose_name_plural = _("receipts")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["number"], name="a_receipt_number_is_used_once"),
            models.UniqueConstraint(fields=["series", "year", "sequence"], name="receipts_of_a_series_are_in_sequence"),
            models.UniqueConstraint(
                fields=["donation"], condition=Q(state="issued"), name="a_donation_has_one_valid_receipt"
            ),
            models.CheckConstraint(
                name="a_receipt_ended_exactly_when_it_says_so",
                condition=(Q(state="issued", ended_at=None, end_reason=""))
                | (~Q(state="issued") & Q(ended_at__isnull=False) & ~Q(end_reason="")),
            ),
            models.CheckConstraint(name="a_receipt_is_for_more_than_nothing", condition=Q(amount_minor__gt=0)),
            models.CheckConstraint(
                name="a_replacement_names_what_it_replaces",
                condition=Q(kind="replacement", replaces__isnull=False) | Q(kind="single", replaces=None),
            ),
            models.CheckConstraint(name="no_receipt_replaces_itself", condition=~Q(replaces=F("id"))),
        ]
        indexes: ClassVar = [
            # Filters of the lists, which are in the order of the ids. Most receipts are issued and single.
            models.Index(fields=["state", "id"], condition=~Q(state="issued"), name="receipts_that_ended"),
            models.Index(fields=["id"], condition=~Q(not_printed=[]), name="receipts_with_squares"),
            models.Index(fields=["kind", "id"], condition=~Q(kind="single"), name="receipts_of_other_kinds"),
            models.Index(fields=["currency", "id"], name="receipts_by_currency"),
            models.Index(fields=["year", "id"], name="receipts_by_year"),
            models.Index(fields=["jurisdiction", "id"], name="receipts_by_jurisdiction"),
            models.Index(fields=["issued_on", "id"], name="receipts_by_day"),  # ranges of days, and their ordering
            trigrams("number", name="receipts_by_words"),  # searches
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="receipts_are_not_deleted", operation=pgtrigger.Delete),
            pgtrigger.Protect(
                name="receipts_only_end",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(exclude=["state", "ended_at", "end_reason"]),
            ),
            pgtrigger.Protect(
                name="ended_receipts_never_change",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("OLD.state <> 'issued'"),
            ),
        ]

    def __str__(self) -> str:
        return self.number

    def become(self, state: ReceiptState) -> None:
        """Change the state in memory, or raise WrongState; the caller saves."""
        if state not in NEXT[ReceiptState(self.state)]:
            raise WrongState(
                gettext("Receipt %(number)s is %(state)s; it cannot become %(wanted)s.")
                % {
                    "number": self.number,
                    "state": self.get_state_display().lower(),
                    "wanted": ReceiptState(state).label.lower(),
                },
                state=self.state,
                wanted=str(state),
            )
        self.state = state


class ReceiptDelivery(Job):
    """One mailing of a receipt to its donor: always the exact bytes that were issued."""

    TASK = "donations.deliver_receipt"

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    receipt = models.ForeignKey(Receipt, on_delete=models.PROTECT, related_name="deliveries", verbose_name=_("receipt"))
    email = models.OneToOneField(
        Email, null=True, editable=False, on_delete=models.PROTECT, related_name="+", verbose_name=_("email address")
    )
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        db_index=False,
        verbose_name=_("requested by"),
    )

    class Meta(Job.Meta):
        verbose_name = _("receipt delivery")
        verbose_name_plural = _("receipt deliveries")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="a_delivery_has_a_mail_exactly_when_done",
                condition=Q(state="done", email__isnull=False) | (~Q(state="done") & Q(email=None)),
            ),
        ]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.created_at)

    @property
    def shown_state(self) -> str:
        """`pending` until the mail is sent, then `sent`; `failed` if this job or the mail gave up."""
        if self.state == Job.State.DEAD or (self.email is not None and self.email.state == Job.State.DEAD):
            return "failed"
        return "sent" if self.email is not None and self.email.state == Job.State.DONE else "pending"
