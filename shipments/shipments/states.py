"""The states of a shipment and all allowed transitions.

draft -> packing -> sealed -> dispatched -> arrived -> partially_received -> received -> closed
"""

from collections.abc import Collection

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from logistics.errors import WrongState


class Status(models.TextChoices):
    DRAFT = "draft", pgettext_lazy("shipment", "Draft")
    PACKING = "packing", pgettext_lazy("shipment", "Packing")
    SEALED = "sealed", pgettext_lazy("shipment", "Sealed")
    DISPATCHED = "dispatched", pgettext_lazy("shipment", "Dispatched")
    ARRIVED = "arrived", pgettext_lazy("shipment", "Arrived")
    PARTIALLY_RECEIVED = "partially_received", pgettext_lazy("shipment", "Partially received")
    RECEIVED = "received", pgettext_lazy("shipment", "Received")
    CLOSED = "closed", pgettext_lazy("shipment", "Closed")
    CANCELLED = "cancelled", pgettext_lazy("shipment", "Cancelled")
    LOST = "lost", pgettext_lazy("shipment", "Lost")
    RETURNED = "returned", pgettext_lazy("shipment", "Returned")


NEXT: dict[Status, frozenset[Status]] = {
    Status.DRAFT: frozenset({Status.PACKING, Status.CANCELLED}),
    Status.PACKING: frozenset({Status.SEALED, Status.CANCELLED}),
    # Reopening supersedes its papers.
    Status.SEALED: frozenset({Status.PACKING, Status.DISPATCHED, Status.CANCELLED}),
    Status.DISPATCHED: frozenset({Status.ARRIVED, Status.LOST, Status.RETURNED}),
    Status.ARRIVED: frozenset({Status.PARTIALLY_RECEIVED, Status.RECEIVED, Status.LOST}),
    # Back to arrived when its only delivery is reversed.
    Status.PARTIALLY_RECEIVED: frozenset({Status.RECEIVED, Status.ARRIVED}),
    Status.RECEIVED: frozenset({Status.CLOSED, Status.PARTIALLY_RECEIVED, Status.ARRIVED}),
    Status.LOST: frozenset({Status.ARRIVED, Status.CLOSED}),
    Status.CLOSED: frozenset(),
    Status.CANCELLED: frozenset(),
    Status.RETURNED: frozenset(),
}
OPEN_FOR_PACKING = (Status.DRAFT, Status.PACKING)
EVER_DISPATCHED = (
    Status.DISPATCHED,
    Status.ARRIVED,
    Status.PARTIALLY_RECEIVED,
    Status.RECEIVED,
    Status.CLOSED,
    Status.LOST,
    Status.RETURNED,
)
# The goods are no longer carried, or their whereabouts are unknown: no waybill can be issued.
NO_LONGER_CARRIED = (Status.CLOSED, Status.CANCELLED, Status.LOST, Status.RETURNED)
SEALED_STATES = (Status.SEALED, *EVER_DISPATCHED)
# Partners do not see shipments that may still change or be cancelled.
SEEN_BY_PARTNERS = EVER_DISPATCHED
# States in which goods may be confirmed. Confirming a dispatched shipment also marks it as arrived.
DELIVERABLE = (Status.DISPATCHED, Status.ARRIVED, Status.PARTIALLY_RECEIVED, Status.RECEIVED)


def refusal_in(status: str, *, wanted: str, sources: Collection[Status]) -> WrongState | None:
    """Return the refusal of an action that is possible only in `sources`, or None if `status` is one of them."""
    if status in sources:
        return None
    return WrongState(
        _("The shipment is %(status)s. This is possible only while it is %(sources)s.")
        % {
            "status": str(Status(status).label).lower(),
            "sources": ", ".join(str(source.label).lower() for source in Status if source in sources),
        },
        current=status,
        wanted=wanted,
    )
