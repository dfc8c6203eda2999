"""Pages of the admin and who opens them, for the tests of the admin."""

from django.test import Client
from django.urls import reverse

from tests.clients import just_signed_in
from tests.makers.people import make_user

HTML = {"Accept": "text/html"}


def page_of(model, *, kind="changelist", args=()):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{kind}", args=args)


def signed_in(*roles, **fields) -> Client:
    client = Client(headers=HTML)
    client.force_login(make_user(*roles, **fields), backend="logistics.people.backends.RoleBackend")
    just_signed_in(client)
    return client
