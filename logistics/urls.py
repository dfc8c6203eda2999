from django.urls import URLPattern, URLResolver, include, path
from rest_framework.routers import SimpleRouter

from logistics.audit.api import AuditEntryViewSet
from logistics.catalogue.api import (
    CategoryViewSet,
    HsCodesView,
    ItemViewSet,
    PackageKindsView,
    PortsView,
    UnitsView,
)
from logistics.charity.api import CharityView
from logistics.documents.api import DocumentViewSet
from logistics.mail.api import EmailViewSet
from logistics.partners.api import ContactViewSet, MeView, PartnerKeyViewSet, PartnerViewSet, SiteViewSet

router = SimpleRouter()
router.register("partners", PartnerViewSet)
router.register(r"partners/(?P<partner_pk>[^/.]+)/keys", PartnerKeyViewSet, basename="partner-key")
router.register("contacts", ContactViewSet)
router.register("sites", SiteViewSet)
router.register("categories", CategoryViewSet)
router.register("items", ItemViewSet)
router.register("documents", DocumentViewSet)
router.register("emails", EmailViewSet)
router.register("audit-entries", AuditEntryViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    path("charity/", CharityView.as_view(), name="charity"),
    path("me/", MeView.as_view(), name="me"),
    path("hs-codes/", HsCodesView.as_view(), name="hs-codes"),
    path("units/", UnitsView.as_view(), name="units"),
    path("package-kinds/", PackageKindsView.as_view(), name="package-kinds"),
    path("ports/", PortsView.as_view(), name="ports"),
    path("", include(router.urls)),
]
