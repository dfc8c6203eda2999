"""The total of an appeal follows its gifts, however they are booked, and the hourly checks compare it with them."""

from typing import Any

import pytest
from django.db import transaction

from donations.appeals import services as appeals
from donations.appeals.models import Appeal, GiftTotal
from donations.gifts import services as gifts
from donations.gifts import totals
from donations.gifts.models import Donation
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.makers.moments import NOON
from tests.rights import as_superuser
from tests.threads import in_threads


def shown(appeal: Appeal) -> list[tuple[str, int, int]]:
    return [(one.currency, one.amount_minor, one.gifts) for one in appeals.received([appeal])[appeal.pk]]


def returned(gift: Donation, *, refunded_minor: int, charged_back_minor: int = 0) -> None:
    outcome = gifts.outcome_after(
        gift.amount_minor, refunded_minor=refunded_minor, charged_back_minor=charged_back_minor
    )
    gifts.settle(gift, outcome, received_at=NOON, at=NOON)


@pytest.mark.django_db
def test_a_total_follows_gifts_refunds_and_chargebacks_in_each_currency() -> None:
    make_charity()
    appeal, other = make_appeal(), make_appeal(slug="other")
    first = received_donation(NOON, appeal=appeal, amount_minor=10_000)
    second = received_donation(NOON, appeal=appeal, amount_minor=5_000)
    received_donation(NOON, appeal=appeal, amount_minor=700, currency="USD")
    received_donation(NOON, appeal=None, amount_minor=9)
    Donation.objects.create(
        donor=first.donor, appeal=appeal, amount_minor=1, currency="HKD", created_at=NOON, channel="online"
    )

    assert (shown(appeal), shown(other)) == ([("HKD", 15_000, 2), ("USD", 700, 1)], [])

    returned(first, refunded_minor=4_000)
    assert shown(appeal)[0] == ("HKD", 11_000, 2)

    returned(first, refunded_minor=0)  # the refund failed later
    # Refunded, and charged back besides: no gift counts for less than nothing.
    returned(second, refunded_minor=5_000, charged_back_minor=5_000)
    assert shown(appeal)[0] == ("HKD", 10_000, 2)

    second.appeal = other
    second.save(update_fields=["appeal"])
    assert (shown(appeal)[0], shown(other)) == (("HKD", 10_000, 1), [("HKD", 0, 1)])


@pytest.mark.django_db(transaction=True)
def test_eight_gifts_booked_at_once_are_all_in_the_total() -> None:
    make_charity()
    appeal = make_appeal()

    def book(number: int) -> None:
        for _ in range(5):
            with transaction.atomic():
                gift = received_donation(NOON, appeal=appeal, amount_minor=1_000)
            with transaction.atomic():
                returned(gift, refunded_minor=number)

    in_threads(book, 8)

    assert shown(appeal) == [("HKD", 40 * 1_000 - 5 * sum(range(8)), 40)]
    assert totals.more_wrong_totals({}) == ({"after": 0, "wrong": []}, [])


@pytest.fixture
def three(db: Any) -> list[GiftTotal]:
    """Return three totals, of two gifts each."""
    make_charity()
    for slug in "abc":
        for _ in range(2):
            received_donation(
                NOON,
                appeal=make_appeal(slug=slug)
                if not Appeal.objects.filter(slug=slug)
                else Appeal.objects.get(slug=slug),
            )
    return list(GiftTotal.objects.order_by("pk"))


def test_each_hour_a_part_of_the_totals_is_checked_in_turn(three: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "CHECKED", 4)
    with as_superuser() as cursor:
        cursor.execute("UPDATE donations_gifttotal SET amount_minor = amount_minor + 1 WHERE id = %s", [three[2].pk])

    bookmark, wrong = totals.more_wrong_totals({})
    assert (bookmark["after"], wrong) == (three[1].pk, [])
    bookmark, wrong = totals.more_wrong_totals(bookmark)
    assert (bookmark["after"], wrong) == (0, [str(three[2].pk)])
    # What was wrong is checked again each time, until it is put right.
    bookmark, wrong = totals.more_wrong_totals(bookmark)
    assert (bookmark["after"], wrong) == (three[1].pk, [str(three[2].pk)])

    GiftTotal.objects.filter(pk=three[2].pk).update(amount_minor=three[2].amount_minor)
    assert totals.more_wrong_totals(bookmark)[1] == []


def test_verify_checks_all_totals_and_tells_its_progress(three: Any) -> None:
    with as_superuser() as cursor:
        cursor.execute("UPDATE donations_gifttotal SET gifts = gifts + 1 WHERE id = %s", [three[0].pk])
    told: list[tuple[int, int]] = []

    assert [*totals.wrong_totals(lambda *step: told.append(step))] == [str(three[0].pk)]
    assert told[-1] == (told[-1][1], told[-1][1])
