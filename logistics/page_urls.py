from django.urls import URLPattern, URLResolver, path

from logistics.documents.pages import VerifyView

urlpatterns: list[URLPattern | URLResolver] = [path("verify/<str:token>/", VerifyView.as_view(), name="verify")]
