from django.urls import URLPattern, URLResolver, path

from logistics.charity.pages import look
from logistics.documents.pages import VerifyView
from logistics.mail.pages import unsubscribe
from logistics.pictures.pages import picture

urlpatterns: list[URLPattern | URLResolver] = [
    path("verify/<str:token>/", VerifyView.as_view(), name="verify"),
    path("unsubscribe/<str:token>/", unsubscribe, name="unsubscribe"),
    path("pictures/<str:sha256>/", picture, {"size": "content"}, name="picture"),
    path("pictures/<str:sha256>/small/", picture, {"size": "small"}, name="picture-small"),
    path("look.css", look, name="look"),
]
