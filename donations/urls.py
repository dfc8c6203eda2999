from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from donations.checkout.api import CheckoutView, DonationViewSet, GiftReceiptView, GiftView
from donations.payments.api import StripeWebhookView

router = SimpleRouter(use_regex_path=False)
router.register("donations", DonationViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("donations/<str:token>/checkout/", CheckoutView.as_view(), name="api-checkout"),
    path("gifts/<str:token>/", GiftView.as_view(), name="api-gift"),
    path("gifts/<str:token>/receipt/", GiftReceiptView.as_view(), name="api-gift-receipt"),
    path("stripe/events/", StripeWebhookView.as_view(), name="stripe-events-in"),
]
