from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from shipments.deliveries.api import DeliveryViewSet
from shipments.discrepancies.api import DiscrepancyViewSet
from shipments.imports.api import TemplateView, UploadViewSet
from shipments.packing.api import LineViewSet, PackageViewSet
from shipments.papers.api import PackingListViewSet, PaperViewSet
from shipments.shipments.api import ShipmentViewSet

router = SimpleRouter(use_regex_path=False)
router.register("shipments", ShipmentViewSet, "shipment")
router.register("shipments/<str:shipment>/packages", PackageViewSet, "package")
router.register("shipments/<str:shipment>/lines", LineViewSet, "line")
router.register("shipments/<str:shipment>/deliveries", DeliveryViewSet, "delivery")
router.register("discrepancies", DiscrepancyViewSet, "discrepancy")
router.register("shipments/<str:shipment>/imports", UploadViewSet, "import")
router.register("shipments/<str:shipment>/papers", PaperViewSet, "paper")

urlpatterns: list[URLPattern | URLResolver] = [
    # Before the router, which would match it as a shipment.
    path("shipments/import-template/", TemplateView.as_view(), name="import-template"),
    path(
        "shipments/<str:shipment>/packing-list/", PackingListViewSet.as_view({"get": "retrieve"}), name="packing-list"
    ),
    *router.urls,
]
