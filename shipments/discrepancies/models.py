from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from logistics import wording
from logistics.errors import WrongState
from logistics.ids import uuid7
from shipments.packing.models import ManifestLine, Package
from shipments.shipments.models import Shipment


class Discrepancy(models.Model):
    """A difference between what was sent and what arrived: opened by a delivery, decided and closed by staff."""

    class Kind(models.TextChoices):
        SHORT = "short", _("Short")
        SURPLUS = "surplus", _("Surplus")
        DAMAGE = "damage", _("Damage")
        WRONG_ITEM = "wrong_item", _("Wrong item")
        LOST_PACKAGE = "lost_package", _("Lost package")
        LOST_SHIPMENT = "lost_shipment", _("Lost shipment")

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("discrepancy", "Open")
        DECIDED = "decided", _("Decided")
        CLOSED = "closed", pgettext_lazy("discrepancy", "Closed")

    class Decision(models.TextChoices):
        ACCEPT = "accept", _("Accept")
        REPLACE = "replace", _("Replace")
        WRITE_OFF = "write_off", _("Write off")
        CLAIM = "claim", _("Claim")
        NONE = "none", _("None needed")

    NEXT: ClassVar = {
        State.OPEN: {State.DECIDED},
        State.DECIDED: {State.CLOSED, State.DECIDED},
        State.CLOSED: set(),
    }

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    shipment = models.ForeignKey(
        Shipment, on_delete=models.PROTECT, related_name="discrepancies", verbose_name=_("shipment")
    )
    # By name, not imported: deliveries is a higher room.
    delivery = models.ForeignKey(
        "shipments.Delivery",
        null=True,
        on_delete=models.PROTECT,
        related_name="discrepancies",
        verbose_name=_("delivery"),
    )
    package = models.ForeignKey(
        Package, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("package")
    )
    line = models.ForeignKey(ManifestLine, null=True, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=13, choices=Kind)
    quantity = models.PositiveBigIntegerField(
        _("quantity"), help_text=_("Pieces; for a lost package, all of its pieces")
    )
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=7, choices=State, default=State.OPEN)
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    opened_at = models.DateTimeField(_("opened at"))
    decision = models.CharField(_("decision"), max_length=9, choices=Decision, blank=True)
    decision_note = models.CharField(_("decision note"), max_length=500, blank=True)
    decided_at = models.DateTimeField(_("decided at"), null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("decided by")
    )
    closed_at = models.DateTimeField(_("closed at"), null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("closed by")
    )

    class Meta:
        verbose_name = _("discrepancy")
        verbose_name_plural = _("discrepancies")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                name="a_discrepancy_is_decided_exactly_when_it_says_so",
                condition=Q(state="open", decision="", decided_at=None, closed_at=None)
                | (Q(state="decided", decided_at__isnull=False, closed_at=None) & ~Q(decision=""))
                | (Q(state="closed", decided_at__isnull=False, closed_at__isnull=False) & ~Q(decision="")),
            ),
            models.CheckConstraint(
                name="a_discrepancy_has_a_delivery_or_the_whole_shipment_is_lost",
                condition=Q(delivery__isnull=False) | Q(kind="lost_shipment"),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["shipment"], condition=~Q(state="closed"), name="discrepancies_unclosed")
        ]

    def __str__(self) -> str:
        return wording.of_moment(self.get_kind_display(), self.opened_at)

    def become(self, state: State) -> None:
        """Change the state in memory, or raise WrongState; the caller saves."""
        if state not in self.NEXT[self.State(self.state)]:
            raise WrongState(
                gettext("A discrepancy that is %(current)s cannot become %(wanted)s.")
                % {"current": self.get_state_display().lower(), "wanted": self.State(state).label.lower()},
                current=self.state,
                wanted=state,
            )
        self.state = state
