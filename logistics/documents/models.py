import secrets
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7
from logistics.jobs.models import Job
from logistics.triggers import never_truncated


def verification_token() -> str:
    """128 random bits, too many for two ever to be the same: what a paper's QR code carries and nothing else."""
    return secrets.token_urlsafe(16)


class Document(Job):
    """A PDF: a job at first, later a file that never changes.

    `context` holds plain values frozen when the document was asked for. That keeps a receipt
    true after its donor moves house, and lets this engine print papers of apps it has
    never heard of.
    """

    TASK = "logistics.render_document"

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=30)  # "packing-list", "receipt", ...
    number = models.CharField(
        _("number"), max_length=60
    )  # what people call it: "SHP-2026-00001"; stands in its file name
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    template = models.CharField(max_length=100)
    context = models.JSONField()
    content_sha256 = models.CharField(
        _("SHA-256 of the content"), max_length=64
    )  # of the context; its first characters stand on the paper
    languages = ArrayField(models.CharField(max_length=10), verbose_name=_("languages"))
    requested_at = models.DateTimeField(_("requested at"))
    issued_on = models.DateField(
        _("date of issue"), editable=False
    )  # the day that the paper itself gives, in the charity's time zone
    token = models.CharField(max_length=30, default=verification_token, unique=True, editable=False)
    superseded_at = models.DateTimeField(
        _("superseded at"), null=True, editable=False
    )  # or cancelled: no longer valid, still readable
    superseded_on = models.DateField(
        _("date superseded"), null=True, editable=False
    )  # the same as a day, in the charity's time zone
    # The paper with another number that this one was issued in place of. A new version has the same number instead.
    replaces = models.OneToOneField(
        "self",
        null=True,
        on_delete=models.PROTECT,
        related_name="replaced_by",
        editable=False,
        verbose_name=_("replaces"),
    )

    storage_name = models.CharField(max_length=100, blank=True, editable=False)
    sha256 = models.CharField(_("SHA-256"), max_length=64, blank=True, editable=False)  # of the file
    size = models.PositiveIntegerField(_("size (bytes)"), null=True, editable=False)
    pages = models.PositiveSmallIntegerField(_("pages"), null=True, editable=False)

    class Meta(Job.Meta):
        verbose_name = _("document")
        verbose_name_plural = _("documents")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="document_has_a_file_exactly_when_done",
                condition=(Q(state="done", size__isnull=False) & ~Q(storage_name="") & ~Q(sha256=""))
                | (~Q(state="done") & Q(storage_name="", sha256="", size__isnull=True)),
            ),
            models.CheckConstraint(
                name="a_superseded_document_has_the_time_and_the_day",
                condition=Q(superseded_at__isnull=True, superseded_on__isnull=True)
                | Q(superseded_at__isnull=False, superseded_on__isnull=False),
            ),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="documents_are_not_deleted", operation=pgtrigger.Delete),
            never_truncated("documents_are_not_truncated"),
            # Of an issued document only its validity may change.
            pgtrigger.Protect(
                name="issued_documents_never_change",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "OLD.state = 'done' AND to_jsonb(OLD) - ARRAY['superseded_at', 'superseded_on'] IS DISTINCT FROM"
                    " to_jsonb(NEW) - ARRAY['superseded_at', 'superseded_on']"
                ),
            ),
            pgtrigger.Protect(
                name="what_a_document_says_is_frozen",
                operation=pgtrigger.Update,
                condition=pgtrigger.AnyChange(
                    "kind",
                    "number",
                    "version",
                    "template",
                    "context",
                    "content_sha256",
                    "requested_at",
                    "issued_on",
                    "token",
                    "replaces",
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} v{self.version}"

    @property
    def file_name(self) -> str:
        """What a browser saves it as: kind, number and version, nothing personal."""
        return f"{self.kind}-{self.number}-v{self.version}.pdf"


class NumberSeries(models.Model):
    """A counter whose numbers have no gap: its row is locked until the number's user commits."""

    name = models.CharField(_("name"), max_length=40)  # "HK receipts", "shipments"
    year = models.PositiveSmallIntegerField(_("year"))
    last = models.PositiveIntegerField(_("last number"), default=0)

    class Meta:
        verbose_name = _("number series")
        verbose_name_plural = _("number series")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name", "year"], name="a_number_series_has_one_counter_a_year")
        ]

    def __str__(self) -> str:
        return f"{self.name} {self.year}: {self.last}"
