"""Deliveries: confirmations and their reversals."""

from typing import Any
from uuid import UUID, uuid4

from shipments.deliveries import services
from shipments.deliveries.models import Delivery
from shipments.shipments.models import Shipment
from tests.makers.moments import NOON
from tests.makers.people import make_packer


def confirm(shipment: Shipment, *exceptions: Any, client_id: UUID | None = None, **more: Any) -> Delivery:
    told: dict[str, Any] = {"stated_at": NOON, "received_by": "Aminata Ɲaré", "default": "good"} | more
    told.setdefault("by", make_packer())
    delivery = services.confirm(
        shipment, client_id=client_id or uuid4(), exceptions=exceptions, at=NOON, **told
    ).delivery
    shipment.refresh_from_db()
    return delivery


def reverse(delivery: Delivery) -> Delivery:
    return services.reverse(delivery, client_id=uuid4(), reason="miscounted", by=make_packer(), at=NOON).delivery
