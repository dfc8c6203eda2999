"""The whole life of a shipment. What is not here cannot happen.

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
    # Reopened, its papers are superseded.
    Status.SEALED: frozenset({Status.PACKING, Status.DISPATCHED, Status.CANCELLED}),
    Status.DISPATCHED: frozenset({Status.ARRIVED, Status.LOST, Status.RETURNED}),
    Status.ARRIVED: frozenset({Status.PARTIALLY_RECEIVED, Status.RECEIVED, Status.LOST}),
    # Back to arrived when its only delivery was reversed.
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
# Nobody carries its goods any more, or knows where they are: there is nothing for a waybill to travel with.
NO_LONGER_CARRIED = (Status.CLOSED, Status.CANCELLED, Status.LOST, Status.RETURNED)
SEALED_STATES = (Status.SEALED, *EVER_DISPATCHED)
# A partner is not told of what may still change or be cancelled.
SEEN_BY_PARTNERS = EVER_DISPATCHED
# Its goods may be confirmed. One that is on its way arrives by being confirmed.
DELIVERABLE = (Status.DISPATCHED, Status.ARRIVED, Status.PARTIALLY_RECEIVED, Status.RECEIVED)


def refusal_in(status: str, *, wanted: str, sources: Collection[Status]) -> WrongState | None:
    """Return why something that is done only in these states cannot be done in this one, or None where it can."""
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
