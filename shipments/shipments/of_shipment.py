"""Base class of the views of one shipment's rows."""

from typing import TypeVar
from uuid import UUID

from django.db import models
from django.db.models import Q, QuerySet
from rest_framework.request import Request
from rest_framework.viewsets import GenericViewSet

from logistics.partners import scope
from logistics.views import StrictView
from shipments.shipments import access
from shipments.shipments.models import Shipment

Row = TypeVar("Row", bound=models.Model)


class OfShipment(StrictView, GenericViewSet[Row]):
    """A view of `/shipments/{shipment}/.../` that finds the shipment and those of its rows that the caller may see."""

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        # Before the body is read: errors in the body must not reveal whether the shipment exists.
        self.shipment()

    def shipment(self) -> Shipment:
        """Return the shipment in the URL. Raises Http404 if it does not exist or the caller may not see it."""
        if not hasattr(self, "_shipment"):
            self._shipment = access.find(self.request.user, self.kwargs["shipment"])
        return self._shipment

    def rows(self) -> "QuerySet[Row]":
        """Return the rows of the shipment, of all its sites."""
        raise NotImplementedError

    def goes_to(self, site_id: UUID, /) -> Q | None:
        """Return the condition on rows that are for this site alone; None: a caller who is bound to it sees no row."""
        return None

    def get_queryset(self) -> "QuerySet[Row]":
        if not self.kwargs:  # while the schema is generated
            return super().get_queryset()
        return scope.of_site(self.rows(), self.request.user, self.goes_to)

    def get_serializer_context(self) -> dict[str, object]:
        context = dict(super().get_serializer_context())
        # No URL arguments while the schema is generated.
        if self.kwargs:
            context |= {
                "for_partner": access.is_partner(self.request.user),
                "hides_values": not access.sees_values(self.request.user, self.shipment()),
                "currency": self.shipment().customs_currency,
            }
        return context
