from django.urls import URLPattern, URLResolver, path

from shipments.papers.pages import PackageLabelView
from shipments.reveals.pages import drivers_link

urlpatterns: list[URLPattern | URLResolver] = [
    # Short, because they go into QR codes.
    path("p/<str:token>/", PackageLabelView.as_view(), name="package-label"),
    path("d/<str:token>/", drivers_link, name="drivers-link"),
]
