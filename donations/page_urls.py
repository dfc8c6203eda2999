from django.urls import URLPattern, URLResolver, path

from donations.portal import pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("gifts/<str:token>/", pages.gift, name="gift"),
]
