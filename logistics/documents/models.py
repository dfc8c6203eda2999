import secrets
from typing import ClassVar

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from logistics.ids import uuid7
from logistics.jobs.models import Job
from logistics.search import trigrams
from logistics.triggers import never_truncated


def verification_token() -> str:
    """Return 128 random bits, enough to rule out collisions; only a paper's QR code carries it."""
    return secrets.token_urlsafe(16)


def kind_name(kind: str) -> str:
    """Return "packing-list" as text for people; the app that prints such papers has the translation."""
    return gettext(kind.replace("-", " ").capitalize())


class Document(Job):
    """A PDF: first a job, then a file that never changes.

    `context` holds plain values, frozen when the document is requested. So a receipt stays as
    issued after its donor moves, and this app can print papers of apps that it does not know.
    """

    TASK = "logistics.render_document"

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(_("kind"), max_length=30)  # "packing-list", "receipt", ...
    number = models.CharField(_("number"), max_length=60)  # as people cite it: "SHP-2026-00001"; part of the file name
    version = models.PositiveSmallIntegerField(_("version"), default=1)
    template = models.CharField(max_length=100)
    context = models.JSONField()
    content_sha256 = models.CharField(
        _("SHA-256 of the content"), max_length=64
    )  # of the context; its first characters are printed on the paper
    languages = ArrayField(models.CharField(max_length=10), verbose_name=_("languages"))
    requested_at = models.DateTimeField(_("requested at"))
    issued_on = models.DateField(
        _("date of issue"), editable=False
    )  # the date printed on the paper, in the charity's time zone
    token = models.CharField(max_length=30, default=verification_token, editable=False)
    superseded_at = models.DateTimeField(
        _("superseded at"), null=True, editable=False
    )  # or cancelled: no longer valid, still readable
    superseded_on = models.DateField(
        _("date superseded"), null=True, editable=False
    )  # its date in the charity's time zone
    # The paper, with another number, that this one replaces. A new version keeps its number instead.
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
            # Not unique=True, which makes a second index for LIKE.
            models.UniqueConstraint(fields=["token"], name="a_document_has_a_token_of_its_own"),
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
        indexes: ClassVar = [
            *Job.Meta.indexes,
            # Filters of the lists, which are in the order of the ids. Most documents are printed first versions.
            models.Index(fields=["kind", "id"], name="documents_by_kind"),
            models.Index(fields=["number", "id"], name="documents_by_number"),
            models.Index(fields=["version", "id"], condition=Q(version__gt=1), name="documents_of_later_versions"),
            models.Index(fields=["progress", "id"], condition=Q(progress__lt=100), name="documents_in_progress"),
            models.Index(fields=["requested_at", "id"], name="documents_by_time"),  # ?requested_after, and an ordering
            trigrams("number", name="documents_by_words"),  # searches
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="documents_are_not_deleted", operation=pgtrigger.Delete),
            never_truncated("documents_are_not_truncated"),
            # Only the validity of an issued document may change.
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
        """The download name: kind, number and version, nothing personal."""
        return f"{self.kind}-{self.number}-v{self.version}.pdf"


class NumberSeries(models.Model):
    """A counter of gapless numbers: its row is locked until the transaction that takes a number commits."""

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
