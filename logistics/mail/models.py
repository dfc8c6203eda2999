from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from logistics import wording
from logistics.ids import uuid7
from logistics.jobs.models import Job
from logistics.search import trigrams


class Email(Job):
    """A mail to be sent. Its text is fixed when it is requested."""

    TASK = "logistics.send_email"

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=40)  # for staff: "invitation"
    to = models.EmailField(_("recipient"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    subject = models.CharField(_("subject"), max_length=200)
    body = models.TextField()  # may hold a secret link, so emptied once it is sent
    # Each: name (as the recipient sees it), storage_name, sha256, type.
    attachments = models.JSONField(default=list, blank=True)

    class Meta(Job.Meta):
        verbose_name = _("email")
        verbose_name_plural = _("emails")
        ordering: ClassVar = ["-id"]
        indexes: ClassVar = [
            *Job.Meta.indexes,
            # Filters of the lists, which are in the order of the ids.
            models.Index(fields=["kind", "id"], name="emails_by_kind"),
            models.Index(fields=["to", "id"], name="emails_by_recipient"),
            models.Index(fields=["created_at", "id"], name="emails_by_time"),  # ?created_after, and an ordering
            trigrams("to", "subject", name="emails_by_words"),  # searches
        ]

    def __str__(self) -> str:
        return wording.of_moment(f"{self._meta.verbose_name} ({self.kind})", self.created_at)


class Unsubscription(models.Model):
    """A recipient who no longer wants mails of one kind."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=40)
    to = models.EmailField(_("recipient"))  # in lower case
    created_at = models.DateTimeField(_("since"), db_default=Now())

    class Meta:
        verbose_name = _("unsubscription")
        verbose_name_plural = _("unsubscriptions")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "to"], name="a_recipient_unsubscribes_once_from_a_kind"),
        ]

    def __str__(self) -> str:
        return wording.of_moment(f"{self._meta.verbose_name} ({self.kind})", self.created_at)
