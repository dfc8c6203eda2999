from django.urls import URLPattern, URLResolver, path

from donations.portal import pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("give/", pages.give, name="give"),
    path("give/<slug:slug>/", pages.give_to, name="give-to"),
    path("gifts/<str:token>/", pages.gift, name="gift"),
    path("gifts/<str:token>/pay/", pages.pay, name="gift-pay"),
    path("gifts/<str:token>/receipt/", pages.gift_receipt, name="gift-receipt"),
    path("my-gifts/", pages.my_gifts, name="my-gifts"),
    path("my-gifts/leave/", pages.leave, name="my-gifts-leave"),
    path("my-gifts/in/<str:token>/", pages.enter, name="my-gifts-enter"),
]
