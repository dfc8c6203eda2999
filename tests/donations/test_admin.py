"""The donations admin: finance and auditors can view, finance can act, records are read-only."""

import re
from typing import Any

import pytest
from django.test import Client

from donations.appeals.models import Appeal
from donations.donors.models import Donor
from donations.stripe_events.models import StripeEvent
from logistics.audit.models import AuditEntry
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving, mails, receipts_of
from tests.donations.pages import hidden

FACTS = [
    "donation",
    "paymentattempt",
    "refund",
    "dispute",
    "stripeevent",
    "receipt",
    "receiptdelivery",
    "signinrequest",
]


@pytest.fixture
def paid(giving: Giving) -> Any:
    donation = giving.gift_paid()
    intent = str(donation.attempts.get().payment_intent_id)
    giving.stand_in.control.refund(payment_intent=intent, amount=10000)
    giving.stand_in.control.dispute(intent)
    giving.deliver()
    giving.work()
    giving.client.post("/my-gifts/", {"email": "nobody@example.org"})
    return donation


def test_every_page_opens_for_finance_and_is_read_only(giving: Giving, paid: Any) -> None:
    finance = signed_in(Role.FINANCE)
    for model in [*FACTS, "donor", "appeal"]:
        html = finance.get(f"/admin/donations/{model}/").content.decode()
        link = re.search(rf"/admin/donations/{model}/([0-9a-f-]{{36}})/change/", html)
        assert link, model
        page = finance.get(link[0])
        assert page.status_code == 200, model
        if model in FACTS:
            assert finance.post(link[0], {}).status_code == 403, model
            # Gifts that were not paid by card are added: test_offline_admin.py.
            added = 200 if model == "donation" else 403
            assert finance.get(f"/admin/donations/{model}/add/").status_code == added, model
            assert finance.post(link[0].replace("change", "delete"), {"post": "yes"}).status_code == 403, model


def test_amounts_and_their_labels_follow_the_language_of_each_request(giving: Giving, paid: Any) -> None:
    finance, path = signed_in(Role.FINANCE), f"/admin/donations/donation/{paid.pk}/change/"

    english = finance.get(path).content.decode()
    finance.cookies["django_language"] = "fr"
    french = finance.get(path).content.decode()

    assert "Held now" in english and "400.50 HKD" in english
    assert "Conservé à ce jour" in french and "400,50 HKD" in french
    assert "Held now" not in french


def test_other_staff_cannot_see_donations(giving: Giving, paid: Any) -> None:
    auditor, warehouse = signed_in(Role.AUDITOR), signed_in(Role.WAREHOUSE)
    for model in FACTS:
        assert auditor.get(f"/admin/donations/{model}/").status_code == 200, model
        assert warehouse.get(f"/admin/donations/{model}/").status_code == 403, model
    assert auditor.get("/admin/donations/donor/").status_code == 200  # without contact details: tests/test_roles.py
    assert Client().get("/admin/donations/donation/").status_code == 302
    assert signed_in(Role.PARTNER).get("/admin/donations/donation/").status_code == 302


def test_finance_resends_a_receipt_and_opens_its_pdf(giving: Giving) -> None:
    [receipt] = receipts_of(giving.gift_paid())
    finance, path = signed_in(Role.FINANCE), "/admin/donations/receipt/"
    form = {"action": "send_again", "_selected_action": [str(receipt.pk)]}
    auditor = signed_in(Role.AUDITOR)
    auditor.post(path, form)
    giving.work()
    assert len(mails()) == 1

    finance.post(path, form)
    giving.work()

    assert len(mails()) == 2
    assert finance.get(f"{path}{receipt.pk}/pdf/").content == mails()[0].attachments[0][1]
    assert signed_in(Role.WAREHOUSE).get(f"{path}{receipt.pk}/pdf/").status_code == 404


def test_finance_retries_an_event_in_quarantine(giving: Giving) -> None:
    gift = giving.give()
    giving.type_card(gift["checkout_url"])
    [event] = [one for one in giving.happened() if one["type"] == "payment_intent.succeeded"]
    giving.deliver(event | {"api_version": "2020-08-27"})
    giving.work()
    row = StripeEvent.objects.get()
    assert row.state == "dead"

    form = {"action": "retry_events", "_selected_action": [str(row.pk)]}
    signed_in(Role.FINANCE).post("/admin/donations/stripeevent/", form)

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("pending", 0)


def test_finance_edits_charity_appeal_and_donor_through_the_services(giving: Giving) -> None:
    giving.give()
    finance = signed_in(Role.FINANCE)
    charity, appeal, donor = Charity.objects.get(), Appeal.objects.get(), Donor.objects.get()
    forms: dict[str, dict[str, str | list[str]]] = {
        f"/admin/logistics/charity/{charity.pk}/change/": {
            "name": "Renamed", "address": charity.address, "country": "HK", "registration": "91/1234",
            "jurisdiction": "HK", "time_zone": "Asia/Hong_Kong", "email": charity.email, "signatory": "Lee",
            "currencies": ["HKD", "XOF"], "colour": "#0b5c6b", "accent": "#e07a2f",
        },
        f"/admin/donations/appeal/{appeal.pk}/change/": {
            "slug": "mali", "title_en": "Renamed", "title_fr": "X", "story_en": "X", "story_fr": "X",
            "target_amount": "10.00", "currency": "HKD", "opens_on": "2026-01-01",
        },
        f"/admin/donations/donor/{donor.pk}/change/": {"name": "Renamed", "email": donor.email, "language": "en"},
    }  # fmt: skip
    for path, form in forms.items():
        seen: dict[str, str | list[str]] = {"seen_version": hidden(finance.get(path).content.decode(), "seen_version")}
        saved = finance.post(path, form | seen)
        assert saved.status_code == 302, saved.content.decode()[:20_000]
        again = finance.post(path, form | seen)
        assert again.status_code == 200 and "Somebody else has changed this" in again.content.decode()
    assert {Charity.objects.get().name, Appeal.objects.get().title_en, Donor.objects.get().name} == {"Renamed"}
    assert [Charity.objects.get().version, Appeal.objects.get().version, Donor.objects.get().version] == [2, 2, 2]
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"set up", "changed", "corrected"}


def test_finance_adds_an_appeal(giving: Giving) -> None:
    form = {
        "slug": "wells", "title_en": "Wells", "title_fr": "Puits", "story_en": "Water.", "story_fr": "De l’eau.",
        "target_amount": "5,000,000", "currency": "HKD", "opens_on": "2026-01-01",
    }  # fmt: skip

    saved = signed_in(Role.FINANCE).post("/admin/donations/appeal/add/", form)

    assert saved.status_code == 302, saved.content.decode()[:20_000]
    assert Appeal.objects.get(slug="wells").target_minor == 500_000_000


@pytest.mark.parametrize(
    ("language", "typed", "opens_on"), [("en", "01/11/2026", None), ("fr", "01/11/2026", "2026-11-01")]
)
def test_an_ambiguous_date_is_refused(giving: Giving, language: str, typed: str, opens_on: str | None) -> None:
    form = {
        "slug": "wells", "title_en": "Wells", "title_fr": "Puits", "story_en": "Water.", "story_fr": "De l’eau.",
        "target_amount": "5000000", "currency": "HKD", "opens_on": "01/11/2026",
    }  # fmt: skip
    finance = signed_in(Role.FINANCE)

    answer = finance.post("/admin/donations/appeal/add/", form, headers={"Accept-Language": language})

    assert (answer.status_code == 302) == (opens_on is not None)
    if opens_on is None:
        assert "Enter the date as year-month-day" in answer.content.decode()
    else:
        assert Appeal.objects.get(slug="wells").opens_on.isoformat() == opens_on


def test_a_concurrent_change_is_shown_as_a_form_error(giving: Giving, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another change may come between the form's version check and the service's lock."""
    charity, finance = Charity.objects.get(), signed_in(Role.FINANCE)
    path = f"/admin/logistics/charity/{charity.pk}/change/"
    form = {
        "name": "Renamed", "address": charity.address, "country": "HK", "registration": "91/1234",
        "jurisdiction": "HK", "time_zone": "Asia/Hong_Kong", "email": charity.email, "signatory": "Lee",
        "currencies": ["HKD", "XOF"], "colour": "#0b5c6b", "accent": "#e07a2f", "seen_version": "1",
    }  # fmt: skip

    def meanwhile(values: Any) -> None:
        Charity.objects.update(version=2)

    monkeypatch.setattr(charities, "check", meanwhile)
    answer = finance.post(path, form, follow=True)

    assert answer.status_code == 200 and "The charity is at version 2" in answer.content.decode()
    assert Charity.objects.get().name == "Harbour Relief"
