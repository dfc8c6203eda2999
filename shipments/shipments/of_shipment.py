"""What the views of one shipment's rows share."""

from typing import TypeVar

from django.db import models
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from shipments.shipments import access
from shipments.shipments.models import Shipment

Row = TypeVar("Row", bound=models.Model)


class OfShipment(GenericViewSet[Row]):
    """A view of `/shipments/{shipment}/.../`: finds the shipment, as far as the caller may know of it."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        # First of all: what is in the body must not tell whether the shipment is there.
        self.shipment()

    def shipment(self) -> Shipment:
        """Return the shipment of the address. Raises Http404 where there is none, or not for this caller."""
        if not hasattr(self, "_shipment"):
            self._shipment = access.find(self.request.user, self.kwargs["shipment"])
        return self._shipment

    def get_serializer_context(self) -> dict[str, object]:
        context = dict(super().get_serializer_context())
        # For the schema nobody is asking.
        if self.kwargs:
            context |= {
                "for_partner": access.is_partner(self.request.user),
                "currency": self.shipment().customs_currency,
            }
        return context
