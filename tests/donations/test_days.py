"""Receipts, donors' pages and gifts use dates in the charity's time zone, not in UTC."""

from datetime import date, datetime

import pytest

from config import dashboard
from donations.gifts import tokens
from donations.receipts import services as receipts
from donations.receipts.models import Receipt
from logistics.charity.models import Charity
from logistics.documents.models import NumberSeries
from logistics.roles import Role
from logistics.wording import day as in_words
from tests.clients import signed_in
from tests.days import DAY, HONG_KONG, MINUTE, NEW, NEW_YEAR, OLD, around_midnight, clock_at, verified
from tests.donations.giving import Giving, donation_of, mails, pdf_text
from tests.donations.pages import ask, link_in_last_mail
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.threads import in_threads

OFFLINE = {"amount": "100.00", "currency": "HKD", "channel": "cash", "appeal": ""}


@around_midnight
def test_receipts_pages_and_mails_use_the_date_in_the_charitys_time_zone(
    giving: Giving, zone: str, moment: datetime, day: date
) -> None:
    Charity.objects.update(time_zone=zone)

    with clock_at(moment):
        gifts = {
            language: giving.gift_paid(donor={"name": "Chan", "email": "chan@example.org", "language": language})
            for language in ("en", "fr")
        }
        ask(giving, "chan@example.org")
        giving.client.post(link_in_last_mail())
        for sequence, (language, gift) in enumerate(gifts.items(), 1):
            receipt = gift.receipts.get()
            words = in_words(day.isoformat(), [language])
            headers = {"Accept-Language": language}
            (mail,) = [mail for mail in mails() if receipt.number in mail.subject]
            printed = " ".join(pdf_text(mail.attachments[0][1]).split())
            pages = [giving.client.get(path, headers=headers) for path in (tokens.path_of(gift), "/my-gifts/")]

            assert receipt.number == f"HK-{day.year}-{sequence:06}"
            assert (gift.received_on, receipt.issued_on, receipt.document.issued_on) == (day, day, day)
            assert printed.count(words) == 2  # received on, issued on
            assert verified(receipt.document)["issued_on"] == day.isoformat()
            assert all(words in page.content.decode() for page in pages)


def test_a_gift_is_dated_by_its_payment_even_if_the_webhook_is_late(giving: Giving) -> None:
    with clock_at(NEW_YEAR[HONG_KONG] - MINUTE):
        gift = giving.give()
        giving.type_card(gift["checkout_url"])

    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        giving.deliver()
        giving.work()

    donation = donation_of(gift)
    receipt = donation.receipts.get()
    assert (donation.received_on, receipt.issued_on, receipt.number) == (OLD, NEW, "HK-2027-000001")
    assert receipt.document.context["received_on"] == "2026-12-31"


def test_a_cancelled_receipt_ends_on_the_date_in_the_charitys_time_zone(giving: Giving) -> None:
    with clock_at(NEW_YEAR[HONG_KONG] - DAY):
        donation = giving.gift_paid()
    payment = donation.attempts.get().payment_intent_id

    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        giving.stand_in.control.refund(payment_intent=payment)
        giving.deliver()
        giving.work()

    told = verified(donation.receipts.get().document)
    assert (told["issued_on"], told["no_longer_valid_since"]) == ("2026-12-31", "2027-01-01")


@around_midnight
def test_appeals_open_and_close_by_the_charitys_time_zone(
    giving: Giving, zone: str, moment: datetime, day: date
) -> None:
    Charity.objects.update(time_zone=zone)
    make_appeal(slug="opens-today", opens_on=day)
    make_appeal(slug="opens-tomorrow", opens_on=day + DAY)
    make_appeal(slug="closes-today", closes_on=day)
    make_appeal(slug="closed-yesterday", closes_on=day - DAY)

    with clock_at(moment):
        page = giving.client.get("/give/").content.decode()
        listed = {appeal["slug"] for appeal in giving.client.get("/api/v1/appeals/").json()["results"]}
        early = giving.client.get("/give/opens-tomorrow/").status_code
        late = giving.post("/api/v1/donations/", GIFT | {"appeal": "closed-yesterday"})
        taken = giving.post("/api/v1/donations/", GIFT | {"appeal": "closes-today"})

    assert listed == {"mali", "opens-today", "closes-today"}
    assert all((f"/give/{slug}/" in page) == (slug in listed) for slug in SLUGS)
    assert (early, late.status_code, late.json()["code"], taken.status_code) == (404, 409, "appeal_closed", 201)


@around_midnight
def test_an_offline_gift_cannot_be_dated_after_today_in_the_charitys_time_zone(
    giving: Giving, zone: str, moment: datetime, day: date
) -> None:
    Charity.objects.update(time_zone=zone)

    with clock_at(moment):
        finance = Giving(giving.stand_in, signed_in(Role.FINANCE))
        came, will_come = [
            finance.post("/api/v1/donations/offline/", OFFLINE | {"received_on": on.isoformat(), "donor": DONOR})
            for on in (day, day + DAY)
        ]
        found = finance.client.get(f"/api/v1/donations/?received_from={day}&received_to={day}").json()["results"]

    assert (came.status_code, came.json()["received_on"]) == (201, day.isoformat())
    assert [error["code"] for error in will_come.json()["errors"]] == ["in_the_future"]
    assert [gift["reference"] for gift in found] == [came.json()["reference"]]


@pytest.mark.django_db
def test_the_dashboard_month_is_in_the_charitys_time_zone() -> None:
    make_charity()
    received_donation(NEW_YEAR[HONG_KONG] - MINUTE, amount_minor=10000)
    received_donation(NEW_YEAR[HONG_KONG] + MINUTE, amount_minor=25000)

    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        (month,) = dashboard._this_month()

    assert "250.00" in month


@pytest.mark.django_db(transaction=True)
def test_concurrent_receipts_at_new_year_have_no_gap_in_their_numbers() -> None:
    make_charity()
    midnight = NEW_YEAR[HONG_KONG]
    gifts = iter([received_donation(midnight - DAY) for _ in range(40)])
    dealt = [[next(gifts) for _ in range(5)] for _ in range(8)]

    def issue_five(writer: int) -> None:
        for step, gift in enumerate(dealt[writer]):
            receipts.issue(gift, by=None, at=midnight + MINUTE * (1 if (writer + step) % 2 else -1))

    in_threads(issue_five)

    numbers = sorted(Receipt.objects.values_list("number", flat=True))
    assert numbers == [f"HK-{year}-{n:06}" for year in (2026, 2027) for n in range(1, 21)]
    assert dict(NumberSeries.objects.values_list("year", "last")) == {2026: 20, 2027: 20}


DONOR = {"name": "Chan Tai Man", "email": "chan@example.org"}
GIFT = {"amount": "100.00", "currency": "HKD", "donor": DONOR | {"language": "en", "country": "HK"}, "consent": True}
SLUGS = ("mali", "opens-today", "opens-tomorrow", "closes-today", "closed-yesterday")
