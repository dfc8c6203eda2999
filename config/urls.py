from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path, re_path
from django.views.generic import RedirectView
from django.views.i18n import set_language

from config import errors, health, metrics
from config.docs import SchemaView, docs
from logistics.permissions import public_page

# Any characters: a dot would not match a line break, and a page would answer a program.
NO_SUCH_ENDPOINT = re_path(r"^(?P<rest>[\s\S]*)$", public_page(errors.no_such_endpoint))
api: list[URLPattern | URLResolver] = [
    path("", include("logistics.urls")),
    path("", include("shipments.urls")),
    path("", include("donations.urls")),
    path("schema/", SchemaView.as_view(), name="schema"),
    path("docs/", docs, name="docs"),
    NO_SUCH_ENDPOINT,
]

urlpatterns = [
    path("api/v1/", include(api)),
    path("api/", include([NO_SUCH_ENDPOINT])),
    path("admin/", admin.site.urls),
    path("language/", public_page(set_language), name="set_language"),
    path("health/", health.health, name="health"),
    path("metrics", metrics.metrics, name="metrics"),
    path("", include("donations.page_urls")),
    path("", include("shipments.page_urls")),
    path("", include("logistics.page_urls")),
    path("", public_page(RedirectView.as_view(url="/give/")), name="home"),
]

handler400 = "config.errors.bad_request"
handler403 = "config.errors.permission_denied"
handler404 = "config.errors.not_found"
handler500 = "config.errors.server_error"
