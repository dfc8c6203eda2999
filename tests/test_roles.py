"""The matrix of rights is what both doors do: each role asks each endpoint of the API and each page of the admin."""

from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.messages.storage.fallback import FallbackStorage
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone

from config import roles as page
from logistics import matrix
from logistics.people.models import User
from logistics.permissions import Anyone
from logistics.roles import STAFF_ROLES, Role
from tests.clients import client_of, once
from tests.endpoints import endpoints
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.makers.mail import make_email
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db
NOUNS = {noun.label: noun for noun in matrix.nouns()}
# Views without a queryset, and endpoints of another noun than their view's.
OTHERS = {
    "CharityView": "logistics.charity",
    "TemplateView": "shipments.upload",
    "PackingListViewSet": "shipments.paper",
    "PartnerKeyViewSet": "logistics.apikey",
}
# Path of an endpoint (its last words) -> noun and verb; by default, what is not reading is "change".
VERBS = {
    "/address/": ("logistics.siteaddress", "change"),
    "/address/reveal/": ("logistics.siteaddress", "reveal"),
    "/allowed-texts/": ("logistics.refusedtext", "change"),
    "/arrive/": ("shipments.shipment", "arrive"),
    "/issue-receipt/": ("donations.receipt", "change"),
    "/refund/": ("donations.refund", "change"),
    "/refund-surplus/": ("donations.refund", "change"),
}
NO_NOUN = ("/me/", "/units/", "/package-kinds/", "/ports/", "/hs-codes/")


def noun_and_verb(method: str, path: str, view: Any) -> tuple[matrix.Noun, str] | None:
    """Return what an endpoint is about, or None if it is open to everybody or to all who have signed in."""
    for ending, (label, verb) in VERBS.items():
        if path.endswith(ending) and method != "get":
            return NOUNS[label], verb
    if any(part in path for part in NO_NOUN) or Anyone in view.permission_classes:
        return None
    label = OTHERS.get(view.__name__) or view.queryset.model._meta.label_lower
    return NOUNS[label], matrix.VIEW if method == "get" else matrix.CHANGE


ENDPOINTS = sorted(endpoints(), key=str)


@pytest.mark.parametrize("role", Role)
def test_the_api_allows_what_the_matrix_says(role: Role) -> None:
    client, wrong, asked = client_of(make_user(role)), {}, 0

    for method, path, view in ENDPOINTS:
        about = noun_and_verb(method, path, view)
        if about is None:
            continue
        noun, verb = about
        is_public = verb in noun.public or (method == "post" and path.endswith("/donations/"))
        answer = getattr(client, method)(path, {}, **({} if method == "get" else {"format": "json", "headers": once()}))
        refused = answer.status_code == 403 and answer.json()["code"] == "permission_denied"
        asked += 1
        if refused == (is_public or role in noun.roles(verb)):
            wrong[method, path] = answer.status_code

    assert wrong == {}
    assert asked > 60


# Actions of the admin that are about another noun than their page's, or have a verb of their own.
ACTIONS = {
    "donations.donation issue_receipt": ("donations.receipt", matrix.CHANGE),
    "donations.donation refund": ("donations.refund", matrix.CHANGE),
    "donations.donation refund_surplus": ("donations.refund", matrix.CHANGE),
    "logistics.partner issue_key": ("logistics.apikey", matrix.CHANGE),
    "logistics.refusedtext review": ("logistics.refusedtext", matrix.CHANGE),
    "logistics.site enter_address": ("logistics.siteaddress", matrix.CHANGE),
    "logistics.site reveal": ("logistics.siteaddress", "reveal"),
    "shipments.shipment do_arrive": ("shipments.shipment", "arrive"),
    "shipments.shipment upload": ("shipments.upload", matrix.CHANGE),
}


def acts_of(shown: Any, user: User) -> set[str]:
    """Return what this admin page lets a user do: "add", "change", and its actions, those on lists and on rows."""
    request = RequestFactory().get("/admin/")
    request.user = user
    may = {"add": shown.has_add_permission(request), "change": shown.has_change_permission(request)}
    may |= {act.action_name.split("_", 2)[2]: True for act in shown.get_actions_detail(request, None)}
    for name, (act, _, _) in shown.get_actions(request).items():
        request.session = {}  # type: ignore[assignment]
        request._messages = said = FallbackStorage(request)  # type: ignore[attr-defined]
        act(shown, request, shown.get_queryset(request).none())  # refuses before it looks at rows
        may[name] = not any(message.level_tag == "error" for message in said)
    return {name for name, is_allowed in may.items() if is_allowed}


@pytest.mark.parametrize("role", sorted(STAFF_ROLES))
def test_the_admin_allows_what_the_matrix_says(role: Role) -> None:
    user, everybody, asked = make_user(role), make_user(*sorted(STAFF_ROLES)), 0
    client, wrong = client_of(user), {}

    for model, shown in admin.site._registry.items():
        noun, name = NOUNS[model._meta.label_lower], f"{model._meta.app_label}_{model._meta.model_name}"
        seen = client.get(reverse(f"admin:{name}_changelist")).status_code
        if (seen == 200) != (role in noun.roles(matrix.VIEW)):
            wrong[noun.label] = seen
        allowed = acts_of(shown, user)
        for act in acts_of(shown, everybody):
            label, verb = ACTIONS.get(f"{noun.label} {act}", (noun.label, matrix.CHANGE))
            asked += 1
            if (act in allowed) != (role in NOUNS[label].roles(verb)):
                wrong[f"{noun.label} {act}"] = act in allowed
        for inline in shown.inlines:
            assert inline.model._meta.label_lower in NOUNS

    assert wrong == {}
    assert asked > 40


def test_nothing_is_declared_that_does_not_exist() -> None:
    assert [label for label in NOUNS if apps.get_model(label) is None] == []


def test_auditors_change_nothing_and_see_all_but_contacts_and_sealed_addresses() -> None:
    hidden = {label for label, noun in NOUNS.items() if Role.AUDITOR not in noun.roles(matrix.VIEW)}

    assert hidden == {"logistics.contact", "logistics.refusedtext", "logistics.siteaddress"}
    assert [
        label
        for label, noun in NOUNS.items()
        for verb in noun.verbs
        if verb != matrix.VIEW and Role.AUDITOR in noun.roles(verb)
    ] == []
    assert not [group for noun in NOUNS.values() for group in noun.hidden if Role.AUDITOR in group.roles]


class TestContactDetails:
    """A secret address is in a donor, in a mail and in a user; each role asks for it by every way there is."""

    SECRET = "somebody@secret.example"

    def ways(self) -> dict[str, list[str]]:
        """Return by noun the addresses that may tell: lists, rows, searches, filters."""
        make_charity()
        gift = received_donation(timezone.now())
        donor = gift.donor
        donor.email = self.SECRET
        donor.save()
        mail = make_email(kind="receipt", to=self.SECRET)
        user = make_user(Role.WAREHOUSE, email=self.SECRET)
        found = {}
        for label, row in (("donations.donor", donor), ("logistics.email", mail), ("logistics.user", user)):
            app, _, model = label.partition(".")
            found[label] = [f"/admin/{app}/{model}/", f"/admin/{app}/{model}/{row.pk}/change/"]
        found["donations.donor"] += ["/api/v1/donors/", f"/api/v1/donors/{donor.pk}/"]
        found["logistics.email"] += ["/api/v1/emails/", f"/api/v1/emails/{mail.pk}/"]
        return found

    def searches(self) -> dict[str, list[str]]:
        asked = self.SECRET.partition("@")[2]
        return {
            "donations.donor": [f"/api/v1/donors/?search={asked}", f"/api/v1/donors/?email={self.SECRET}",
                                f"/admin/donations/donor/?q={asked}", f"/admin/donations/donation/?q={asked}"],
            "logistics.email": [f"/api/v1/emails/?search={asked}", f"/api/v1/emails/?to={self.SECRET}",
                                f"/admin/logistics/email/?q={asked}"],
            "logistics.user": [f"/admin/logistics/user/?q={asked}"],
        }  # fmt: skip

    def finds(self, answer: Any) -> bool:
        """Return whether the answer shows a row."""
        if answer.status_code != 200:
            return False
        if answer["Content-Type"].startswith("application/json"):
            return bool(answer.json()["results"])
        return bool(answer.context["cl"].result_count)

    def test_are_shown_and_searched_only_for_those_who_may_see_them(self) -> None:
        ways, told = self.ways(), dict[tuple[Role, str], bool]()

        for role in sorted(STAFF_ROLES):
            client = client_of(make_user(role))
            for label, paths in ways.items():
                noun = NOUNS[label]
                may_see = role in noun.roles(matrix.VIEW) and all(role in group.roles for group in noun.hidden)
                if label == "logistics.email" and role not in (Role.FINANCE, Role.AUDITOR):
                    may_see = False  # a mail to a donor
                shown = {path: self.SECRET in client.get(path).content.decode() for path in paths}
                found = {path: self.finds(client.get(path)) for path in self.searches()[label]}
                told |= {(role, path): is_shown for path, is_shown in (shown | found).items() if is_shown != may_see}

        assert told == {}

    def test_filters_by_them_are_refused_by_name(self) -> None:
        answer = client_of(make_user(Role.AUDITOR)).get(f"/api/v1/donors/?email={self.SECRET}")

        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "email")


def test_the_page_of_roles_is_up_to_date() -> None:
    assert page.PAGE.read_text(encoding="utf-8") == page.text(), "Run: python -m config.roles"
