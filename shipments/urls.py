from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from shipments.manifests.api import LineViewSet, PackageViewSet
from shipments.moves.api import ShipmentViewSet
from shipments.papers.api import PackingListViewSet, PaperViewSet

router = SimpleRouter(use_regex_path=False)
router.register("shipments", ShipmentViewSet, "shipment")
router.register("shipments/<str:shipment>/packages", PackageViewSet, "package")
router.register("shipments/<str:shipment>/lines", LineViewSet, "line")
router.register("shipments/<str:shipment>/papers", PaperViewSet, "paper")

urlpatterns: list[URLPattern | URLResolver] = [
    path(
        "shipments/<str:shipment>/packing-list/", PackingListViewSet.as_view({"get": "retrieve"}), name="packing-list"
    ),
    *router.urls,
]
