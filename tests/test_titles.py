"""Pages of the admin are titled by what people call a row, never by an id; what is recorded holds no personal data."""

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from donations.challenges.models import Challenge
from donations.disputes.models import Dispute
from donations.donors.models import Donor
from donations.fraud_warnings.models import FraudWarning
from donations.payments.models import Decline
from donations.portal.models import SignInRequest
from donations.reconciliation.models import StripeDifference
from donations.refunds.models import RefundSending
from logistics.health.models import HealthCheck
from logistics.ids import uuid7
from logistics.mail.models import Unsubscription
from logistics.partners.models import Contact, RefusedText
from logistics.people.models import User
from logistics.roles import STAFF_ROLES, Role
from tests.clients import just_signed_in, signed_in
from tests.makers.charity import make_charity
from tests.makers.copies import Base, Gifts, Goods
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_partner_user
from tests.makers.reveals import make_leg, make_reveal

ID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE)
# What names a page or leads to another one: the browser's tab, headings, the path, and links, here without addresses.
NAMES = re.compile(r"<(title|h1|h2|a|th)\b[^>]*>(.*?)</\1>", re.DOTALL)
# The path ends without a link.
LAST = re.compile(r'<span class="align-middle inline-block leading-5 [^>]*>(.*?)</span', re.DOTALL)


@pytest.fixture
def rows(db: None) -> dict[str, Any]:
    """A row of each model that has pages in the admin."""
    make_charity()
    gifts, user = Gifts(), make_partner_user()
    goods = Goods(user.membership.partner)
    make_contact(goods.partner)
    Base(goods.partner)
    money = {"attempt": gifts.attempt, "amount_minor": 1, "currency": "HKD", "created_at": NOON}
    RefundSending.objects.create(refund=gifts.refund)
    FraudWarning.objects.create(
        attempt=gifts.attempt, stripe_id="issfr_1", fraud_type="misc", actionable=True, created_at=NOON
    )
    Dispute.objects.create(stripe_id="du_1", state="needs_response", **money)
    StripeDifference.objects.create(
        about="refund", kind="not_there", stripe_id="re_1", attempt=gifts.attempt, happened_at=NOON, found_at=NOON
    )
    Decline.objects.create(attempt=gifts.attempt, event_id="evt_2", declined_at=NOON)
    Challenge.objects.create(method="proof", expires_at=NOON + timedelta(days=9999))
    SignInRequest.objects.create(email="a@example.org")
    make_reveal(make_leg())
    RefusedText.objects.create(partner=goods.partner, digest=b"", sealed_id=uuid7(), refused_at=NOON)
    Unsubscription.objects.create(kind="shipment-dispatched", to="a@example.org")
    HealthCheck.objects.create(name="relay", at=NOON)
    found = {model._meta.label: model._default_manager.last() for model in admin.site._registry}
    assert [label for label, row in found.items() if row is None] == []
    return found


def everybody() -> Client:
    client = signed_in(*STAFF_ROLES)
    just_signed_in(client)
    return client


def named_by_id(page: str) -> list[str]:
    """Return the titles and links of a page that show an id."""
    texts = [match[-1] for match in (*NAMES.findall(page), *LAST.findall(page))]
    return [text for text in (unescape(re.sub(r"<[^>]*>", "", text)).strip() for text in texts) if ID.search(text)]


@pytest.mark.parametrize("language", ["en", "fr"])
def test_no_page_is_titled_and_no_link_named_by_an_id(rows: dict[str, Any], language: str) -> None:
    client, wrong = everybody(), {}
    client.post(reverse("set_language"), {"language": language})

    for label, row in rows.items():
        name = label.lower().replace(".", "_")
        for kind, args in (("changelist", []), ("change", [row.pk]), ("history", [row.pk])):
            answer = client.get(reverse(f"admin:{name}_{kind}", args=args))
            assert answer.status_code == 200, (label, kind)
            if found := named_by_id(answer.content.decode()):
                wrong[f"{label} {kind}"] = found

    assert wrong == {}


def test_the_check_finds_an_id(rows: dict[str, Any]) -> None:
    shown = f"<title>x {uuid7()} | y</title><a href='/{uuid7()}/'>fine</a><h1><b>{uuid7().hex}</b></h1>"

    assert len(named_by_id(shown)) == 2


def test_rows_are_titled_by_what_people_call_them(rows: dict[str, Any]) -> None:
    told = {
        "donations.Donor": "Chan Tai Man",
        "donations.Refund": f"{rows['donations.PaymentAttempt'].donation}: 1.00 HKD",
        "donations.PaymentAttempt": f"{rows['donations.PaymentAttempt'].donation}: payment attempt 1",
        "donations.ReceiptDelivery": f"{rows['donations.Receipt']}: receipt delivery, ",
        "logistics.Contact": rows["logistics.Contact"].name,
        "logistics.Email": rows["logistics.Email"].subject,
        "shipments.Discrepancy": f"{rows['shipments.Discrepancy'].shipment}: Damage, package 1",
        "shipments.Reveal": rows["shipments.Reveal"].driver,
        "shipments.Upload": f"{rows['shipments.Upload'].shipment}: ",
    }
    client, wrong = everybody(), {}
    for label, title in told.items():
        page = client.get(reverse(f"admin:{label.lower().replace('.', '_')}_change", args=[rows[label].pk]))
        match = re.search(r"<title>\s*(.*?) \|", page.content.decode())
        if match is None or not unescape(match[1]).startswith(title):
            wrong[label] = match and match[1]

    assert wrong == {}


def test_what_a_user_may_not_see_is_no_title_either(rows: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    donor = rows["donations.Donor"]
    monkeypatch.setattr(admin.site._registry[Donor], "title_field", "email")

    pages = {
        role: signed_in(role).get(reverse("admin:donations_donor_change", args=[donor.pk])).content.decode()
        for role in (Role.FINANCE, Role.AUDITOR)
    }

    assert {role: donor.email in page for role, page in pages.items()} == {Role.FINANCE: True, Role.AUDITOR: False}
    assert re.search(r"<title>\s*donor, ", pages[Role.AUDITOR])


def test_what_is_recorded_of_a_row_is_neither_personal_nor_an_address(rows: dict[str, Any]) -> None:
    told = {label: str(row) for label, row in rows.items() if not isinstance(row, User)}

    personal = ["Chan", "Tai Man", "taiman", "@", "Contact ", "somebody", "Awa", rows["shipments.Reveal"].driver]
    assert {label: text for label, text in told.items() if any(word in text for word in personal)} == {}
    assert {label: text for label, text in told.items() if ID.search(text)} == {}


def test_the_history_and_the_question_before_a_deletion_do_not_name_a_person(rows: dict[str, Any]) -> None:
    client, donor, contact = everybody(), rows["donations.Donor"], rows["logistics.Contact"]
    changed = {"seen_version": donor.version, "name": "Chan Siu Ming", "email": donor.email, "country": "HK"}
    changed["language"] = "en"

    answers = [client.post(reverse("admin:donations_donor_change", args=[donor.pk]), changed)]
    at = reverse("admin:logistics_contact_delete", args=[contact.pk])
    asked = client.get(at).content.decode()
    answers += [client.post(at, {"post": "yes"}, follow=False)]

    assert [answer.status_code for answer in answers] == [302, 302]
    assert Donor.objects.get(pk=donor.pk).name == "Chan Siu Ming"
    assert not Contact.objects.filter(pk=contact.pk).exists()
    recorded = [f"{entry.object_repr} {entry.change_message}" for entry in LogEntry.objects.all()]
    assert len(recorded) == 2
    for text in [*recorded, asked]:
        assert not [word for word in ("Tai Man", "Siu Ming", contact.name, contact.email) if word in text]
