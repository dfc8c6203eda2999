from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from logistics import wording
from logistics.ids import uuid7
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job
from shipments.shipments.models import Shipment


class Upload(Job):
    """A manifest spreadsheet: checked as a whole, then imported or refused as a whole.

    The file is kept here and not in the file storage, so that it is saved and removed with the row, in one transaction.
    """

    TASK = "shipments.read_upload"
    LANE = Lane.NOW

    class Outcome(models.TextChoices):
        WOULD_IMPORT = "would_import", pgettext_lazy("spreadsheet", "Would import")
        IMPORTED = "imported", pgettext_lazy("spreadsheet", "Imported")
        REFUSED = "refused", pgettext_lazy("spreadsheet", "Refused")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="uploads", verbose_name=_("shipment"))
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+", verbose_name=_("uploaded by")
    )
    uploaded_at = models.DateTimeField(_("uploaded at"))
    dry_run = models.BooleanField(_("dry run"), help_text=_("Check only; import nothing"))
    replace = models.BooleanField(
        _("replace packages"), default=False, help_text=_("Replace the packages already on the shipment")
    )
    sha256 = models.CharField(_("SHA-256"), max_length=64)
    size = models.PositiveIntegerField(_("size (bytes)"))
    content = models.BinaryField(null=True)  # None once read
    outcome = models.CharField(_("outcome"), max_length=12, choices=Outcome, blank=True)
    # Packages, lines, items to create, totals: see imports.plan.
    plan = models.JSONField(null=True)
    # Each: sheet, row, column, value, code, detail.
    errors = models.JSONField(default=list)
    error_count = models.PositiveIntegerField(_("errors"), default=0)

    class Meta(Job.Meta):
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="an_upload_has_an_outcome_exactly_when_read",
                condition=Q(state="done", outcome__in=["would_import", "imported", "refused"])
                | (~Q(state="done") & Q(outcome="")),
            ),
            models.CheckConstraint(
                name="an_upload_is_refused_exactly_with_errors",
                condition=Q(outcome="refused", error_count__gt=0) | (~Q(outcome="refused") & Q(error_count=0)),
            ),
            models.CheckConstraint(
                name="a_dry_run_imports_nothing", condition=Q(dry_run=False) | ~Q(outcome="imported")
            ),
        ]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.uploaded_at)
