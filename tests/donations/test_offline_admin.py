"""Offline gifts and reissues in the admin, as forms are posted; tests/browser does the same in a browser."""

import re
from typing import Any

import pytest
from django.test import Client

from donations.donors.models import Donor
from donations.gifts.models import Donation
from logistics.roles import Role
from tests.clients import just_signed_in, signed_in
from tests.donations.giving import Giving, donation_of, mails, receipts_of
from tests.donations.offline import CHEQUE, day_ago, send
from tests.donations.pages import hidden

ADD = "/admin/donations/donation/add/"
FORM = {
    "amount": "HK$5,000",
    "currency": "HKD",
    "channel": "cheque",
    "payment_reference": "HSBC 000123",
    "received_on": day_ago(30),
    "organisation": "Chan & Co.",
    "email": "office@chan.example",
    "donor_language": "en",
}


@pytest.fixture
def finance(giving: Giving) -> Client:
    return signed_in(Role.FINANCE)


def errors_in(answer: Any) -> str:
    html = answer.content.decode()
    found = re.findall(r'<ul class="errorlist.*?</ul>|class="[^"]*text-red[^"]*"[^>]*>.*?<', html, re.DOTALL)
    return re.sub(r"<[^>]+>", " ", " ".join(found))


def test_finance_types_a_cheque_as_people_write_it(giving: Giving, finance: Client) -> None:
    page = finance.get(ADD)
    assert page.status_code == 200

    saved = finance.post(ADD, FORM)

    assert saved.status_code == 302, errors_in(saved)
    gift = Donation.objects.get()
    assert (gift.amount_minor, gift.payment_reference, gift.donor.organisation) == (
        500_000,
        "HSBC 000123",
        "Chan & Co.",
    )
    giving.work()
    assert mails()[0].to == ["office@chan.example"]


def test_a_cheque_typed_twice_is_shown_with_a_link_and_recorded_on_a_tick(finance: Client) -> None:
    finance.post(ADD, FORM)
    first = Donation.objects.get()

    shown = finance.post(ADD, FORM)

    html = shown.content.decode()
    assert shown.status_code == 200
    assert f'href="/admin/donations/donation/{first.pk}/change/"' in html and first.reference in html
    assert 'name="another"' in html and 'value="HK$5,000"' in html
    seen = {"another_than": hidden(html, "another_than")}
    assert seen == {"another_than": first.reference}
    unticked = finance.post(ADD, FORM | seen)
    assert (unticked.status_code, Donation.objects.count()) == (200, 1)
    assert finance.post(ADD, FORM | seen | {"another": "on"}).status_code == 302
    assert Donation.objects.count() == 2
    # The tick was for the gift that was shown; of the other one nobody knew.
    stale = finance.post(ADD, FORM | seen | {"another": "on"})
    assert (stale.status_code, Donation.objects.count()) == (200, 2)
    assert len(hidden(stale.content.decode(), "another_than").split()) == 2


def test_a_known_donor_is_found_by_email_and_chosen(finance: Client) -> None:
    finance.post(ADD, FORM)
    donor = Donor.objects.get()
    asked = {"app_label": "donations", "model_name": "donation", "field_name": "donor", "term": "office@chan"}

    [found] = finance.get("/admin/autocomplete/", asked).json()["results"]

    assert found == {"id": str(donor.pk), "text": "Chan & Co. <office@chan.example>"}
    known = {**FORM, "organisation": "", "email": "", "donor": str(donor.pk), "amount": "1"}
    assert finance.post(ADD, known | {"payment_reference": ""}).status_code == 302
    assert Donor.objects.count() == 1
    assert signed_in(Role.WAREHOUSE).get("/admin/autocomplete/", asked).status_code == 403


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"amount": "10.000"}, "Do you mean HK$10,000.00 or HK$10.00?"),
        ({"amount": "ten"}, "We cannot read this amount."),
        ({"received_on": day_ago(-3)}, "This date is in the future."),
        ({"organisation": "", "email": ""}, "Choose a donor, or enter a new one below."),
        ({"email": ""}, "Enter the donor’s email address"),
        ({"channel": "online"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_recorded(finance: Client, changes: Any, said: str) -> None:
    answer = finance.post(ADD, FORM | changes)

    assert answer.status_code == 200
    assert said in answer.content.decode().replace("&#x27;", "'")
    assert 'value="HSBC 000123"' in answer.content.decode()
    assert not Donation.objects.exists()


def test_only_finance_who_signed_in_recently_records_corrects_and_voids(finance: Client) -> None:
    gift = send(finance).json()
    pages = [ADD, f"/admin/donations/donation/{gift['id']}/correct/", f"/admin/donations/donation/{gift['id']}/void/"]

    for role in (Role.AUDITOR, Role.WAREHOUSE):
        assert [signed_in(role).post(page, FORM | {"reason": "x"}).status_code for page in pages] == [403] * 3
    just_signed_in(finance, minutes_ago=10)
    for page in pages:
        asked = finance.post(page, {**FORM, "reason": "x"}).content.decode()
        assert 'name="confirm_password"' in asked
    assert Donation.objects.get().status == "received"


def test_finance_corrects_an_amount_then_voids_the_gift(giving: Giving, finance: Client) -> None:
    gift = send(finance).json()
    path = f"/admin/donations/donation/{gift['id']}"
    html = finance.get(f"{path}/correct/").content.decode()
    assert 'value="5,000.00"' in html
    form = {
        **{"seen": hidden(html, "seen"), "amount": "500", "currency": "HKD", "channel": "cheque", "appeal": "mali"},
        **{"received_on": CHEQUE["received_on"], "payment_reference": "", "reason": "The cheque is for HK$500."},
    }

    assert finance.post(f"{path}/correct/", form).status_code == 302
    stale = finance.post(f"{path}/correct/", form | {"amount": "600"})

    assert "Somebody else has changed this" in stale.content.decode()
    assert Donation.objects.get().amount_minor == 50_000
    assert [one.amount_minor for one in receipts_of(Donation.objects.get())] == [500_000, 50_000]
    assert finance.post(f"{path}/void/", {"reason": ""}).status_code == 200
    assert finance.post(f"{path}/void/", {"reason": "Typed twice."}).status_code == 302
    assert Donation.objects.get().status == "voided"
    assert "cannot be corrected or voided" in finance.get(f"{path}/void/").content.decode()


def test_a_card_gift_says_why_it_is_not_corrected(giving: Giving, finance: Client) -> None:
    card = giving.gift_paid()

    page = finance.get(f"/admin/donations/donation/{card.pk}/correct/").content.decode()

    assert "A gift by card has the amount and the day that Stripe reports." in page
    assert 'name="amount"' not in page


@pytest.mark.parametrize("how", ["replace", "resend"])
def test_a_corrected_email_leads_to_its_receipts(giving: Giving, finance: Client, how: str) -> None:
    donation = giving.gift_paid()
    [receipt] = receipts_of(donation)
    donor = Donor.objects.get()
    path = f"/admin/donations/donor/{donor.pk}"
    seen = {"seen_version": hidden(finance.get(f"{path}/change/").content.decode(), "seen_version")}
    fixed = {"name": "Chan Tai Man", "email": "tai.man@example.org", "country": "HK", "language": "en"}

    saved = finance.post(f"{path}/change/", {**fixed, **seen, "_save": "Save"})

    assert (saved.status_code, saved["Location"]) == (302, f"{path}/reissue/"), errors_in(saved)
    page = finance.get(f"{path}/reissue/").content.decode()
    assert receipt.number in page and "it was mailed to taiman@example.org" in page
    none = finance.post(f"{path}/reissue/", {"confirmed": "1", "how": how})
    assert "Choose at least one receipt." in none.content.decode()
    done = finance.post(f"{path}/reissue/", {"confirmed": "1", "how": how, "receipts": [str(receipt.pk)]})
    giving.work()
    assert done.status_code == 302
    assert (mails()[-1].to, len(mails())) == (["tai.man@example.org"], 2)
    assert [one.state for one in receipts_of(donation)] == (["replaced", "issued"] if how == "replace" else ["issued"])
    assert "All valid receipts of this donor" in finance.get(f"{path}/reissue/").content.decode()


def test_a_paper_that_is_wrong_is_not_sent_again(giving: Giving, finance: Client) -> None:
    wrong, right = giving.gift_paid(), giving.gift_paid(donor={"name": "Chan", "email": "taiman@example.org"})
    assert wrong.donor != right.donor
    donor = Donor.objects.get(name="Chan Tai Man")
    Donor.objects.filter(pk=donor.pk).update(name="Chan Tai Men", email="tai.man@example.org")
    path = f"/admin/donations/donor/{donor.pk}/reissue/"
    [receipt] = receipts_of(wrong)

    page = finance.get(path).content.decode()

    assert "its name is “Chan Tai Man”, it was mailed to taiman@example.org" in page
    assert 'value="resend"' not in page
    finance.post(path, {"confirmed": "1", "receipts": [str(receipt.pk)]})
    assert receipts_of(wrong)[1].document.context["donor"]["name"] == "Chan Tai Men"


def test_a_void_gift_is_not_in_the_sum_of_the_month(giving: Giving, finance: Client) -> None:
    gift = send(finance, received_on=day_ago(0)).json()
    assert "HKD 5000.00" in finance.get("/admin/").content.decode().replace(",", "")

    finance.post(f"/admin/donations/donation/{gift['id']}/void/", {"reason": "Typed twice."})

    assert donation_of(gift).status == "voided"
    assert "HKD 5000.00" not in finance.get("/admin/").content.decode().replace(",", "")
