from django.urls import URLPattern, URLResolver, path
from rest_framework.routers import SimpleRouter

from donations.appeals.api import AppealViewSet
from donations.donors.api import DonorViewSet
from donations.gifts.api import CheckoutView, DonationViewSet, GiftReceiptView, GiftView
from donations.receipts.api import OutdatedReceiptsView, ReceiptViewSet
from donations.refunds.api import RefundViewSet
from donations.stripe_events.api import StripeEventViewSet, StripeWebhookView

router = SimpleRouter(use_regex_path=False)
router.register("appeals", AppealViewSet)
router.register("donations", DonationViewSet)
router.register("donors", DonorViewSet)
router.register("receipts", ReceiptViewSet)
router.register("refunds", RefundViewSet)
router.register("stripe-events", StripeEventViewSet)

urlpatterns: list[URLPattern | URLResolver] = [
    *router.urls,
    path("donations/<str:token>/checkout/", CheckoutView.as_view(), name="api-checkout"),
    path("donors/<uuid:pk>/outdated-receipts/", OutdatedReceiptsView.as_view(), name="api-outdated-receipts"),
    path("gifts/<str:token>/", GiftView.as_view(), name="api-gift"),
    path("gifts/<str:token>/receipt/", GiftReceiptView.as_view(), name="api-gift-receipt"),
    path("stripe/events/", StripeWebhookView.as_view(), name="stripe-events-in"),
]
