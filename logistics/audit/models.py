from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from logistics import wording
from logistics.ids import uuid7
from logistics.search import trigrams
from logistics.triggers import never_truncated


class AuditEntry(models.Model):
    """Who did what to which row, when: append-only and chained by hash for each subject.

    `details` holds ids, numbers and states, never names or addresses: entries stay when personal data are erased.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    subject_kind = models.CharField(_("subject kind"), max_length=60)  # "shipments.shipment"
    subject_id = models.UUIDField(_("subject ID"))
    sequence = models.PositiveIntegerField(_("sequence number"))
    verb = models.CharField(_("action"), max_length=40)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", db_index=False
    )
    at = models.DateTimeField(_("time"))
    reason = models.TextField(_("reason"), blank=True)
    details = models.JSONField(default=dict)
    request_id = models.CharField(_("request ID"), max_length=64, blank=True)
    previous_hash = models.CharField(_("previous hash"), max_length=64, blank=True)
    hash = models.CharField(_("hash"), max_length=64)

    row_name: str | None = None  # of the subject, set by services.name_rows

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        constraints: ClassVar = [
            models.UniqueConstraint(
                # In this order, for lists of one subject by its id alone.
                fields=["subject_id", "subject_kind", "sequence"],
                name="audit_entries_of_a_subject_form_one_chain",
            ),
        ]
        indexes: ClassVar = [
            # Filters of the lists, which are in the order of the ids. The last also stands for the foreign key.
            models.Index(fields=["subject_kind", "id"], name="audit_by_subject_kind"),
            models.Index(fields=["verb", "id"], name="audit_by_verb"),
            models.Index(fields=["by", "id"], name="audit_by_user"),
            models.Index(fields=["at", "id"], name="audit_by_time"),  # ranges of times, and their ordering
            models.Index(fields=["request_id", "id"], condition=~Q(request_id=""), name="audit_by_request"),
            trigrams("verb", "reason", name="audit_by_words"),  # searches
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="audit_is_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("audit_is_not_truncated"),
        ]

    def __str__(self) -> str:
        return wording.of_moment(gettext(self.verb), self.at)
