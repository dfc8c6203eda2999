from django.urls import URLPattern, URLResolver, path

from shipments.papers.pages import PackageLabelView

urlpatterns: list[URLPattern | URLResolver] = [
    # Short, because it goes into a QR code.
    path("p/<str:token>/", PackageLabelView.as_view(), name="package-label"),
]
