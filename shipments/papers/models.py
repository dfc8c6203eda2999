from typing import ClassVar

import pgtrigger
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from logistics.documents.models import Document
from logistics.ids import uuid7
from logistics.partners.models import Site
from logistics.triggers import never_truncated
from shipments.shipments.models import Shipment

# Kinds as the engine of documents calls them (documents.models.kind_name), for the admin and the page of a paper.
KIND_NAMES = (
    gettext_noop("Goods received form"),
    gettext_noop("Goods received note"),
    gettext_noop("Partner packing list"),
)


class Paper(models.Model):
    """A document that belongs to a shipment: each version of its packing list, each goods-received note."""

    class Kind(models.TextChoices):
        PACKING_LIST = "packing-list", _("Packing list")
        PARTNER_PACKING_LIST = "partner-packing-list", _("Packing list, partner’s edition")
        LABELS = "labels", _("Labels")
        GOODS_RECEIVED_FORM = "goods-received-form", _("Goods-received form")
        WAYBILL = "waybill", _("Waybill")
        GOODS_RECEIVED_NOTE = "goods-received-note", _("Goods-received note")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(Shipment, on_delete=models.PROTECT, related_name="papers", verbose_name=_("shipment"))
    document = models.OneToOneField(Document, on_delete=models.PROTECT, related_name="+", verbose_name=_("document"))
    # Papers printed from the manifest: no longer valid once the shipment is reopened.
    OF_MANIFEST: ClassVar = (
        Kind.PACKING_LIST,
        Kind.PARTNER_PACKING_LIST,
        Kind.LABELS,
        Kind.GOODS_RECEIVED_FORM,
        Kind.WAYBILL,
    )
    # The charity's edition has customs values and names of staff.
    STAFF_ONLY: ClassVar = (Kind.PACKING_LIST,)

    # The only site whose goods it shows; null if it shows goods of several.
    site = models.ForeignKey(Site, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("site"))
    kind = models.CharField(_("kind"), max_length=30, choices=Kind)
    number = models.CharField(_("number"), max_length=60)
    version = models.PositiveSmallIntegerField(_("version"))

    class Meta:
        verbose_name = _("paper")
        verbose_name_plural = _("papers")
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "number", "version"], name="each_version_of_a_paper_is_issued_once")
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="papers_are_append_only", operation=pgtrigger.Update | pgtrigger.Delete),
            never_truncated("papers_are_not_truncated"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.number} v{self.version}"
