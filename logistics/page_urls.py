from django.urls import URLPattern, URLResolver, path

from logistics.documents.pages import VerifyView
from logistics.mail.pages import unsubscribe

urlpatterns: list[URLPattern | URLResolver] = [
    path("verify/<str:token>/", VerifyView.as_view(), name="verify"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
]
