"""The description of the API, for programs and for people."""

from csp.constants import SELF, UNSAFE_INLINE
from csp.decorators import csp_replace
from django.utils.decorators import method_decorator
from drf_spectacular.views import SpectacularAPIView, SpectacularRedocView


class SchemaView(SpectacularAPIView):
    """OpenAPI 3.1: YAML, or JSON with `?format=json`."""


# Redoc makes <style> elements as it goes, and searches the page in a worker made of a blob.
@method_decorator(csp_replace({"style-src": [SELF, UNSAFE_INLINE], "worker-src": [SELF, "blob:"]}), name="dispatch")
class DocsView(SpectacularRedocView):
    url_name = "schema"
    template_name = "pages/api_docs.html"
