from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView

from config import health, metrics

api = [
    path("", include("logistics.urls")),
    path("", include("shipments.urls")),
    path("", include("donations.urls")),
    path("schema/", SpectacularAPIView.as_view(), name="schema"),
    path("docs/", SpectacularRedocView.as_view(url_name="schema"), name="docs"),
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("admin/", admin.site.urls),
    path("health/", health.health, name="health"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("donations.page_urls")),
    path("", include("logistics.page_urls")),
    path("", RedirectView.as_view(url="/give/"), name="home"),
]

handler404 = "config.api.not_found"
handler500 = "config.api.server_error"
