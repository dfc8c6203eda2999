"""Lists that may get long: the admin's pages, what sorts and filters them, and searches by several words."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from donations.donors.models import Donor
from donations.gifts.models import Donation
from logistics import lists
from logistics.mail.models import Email
from logistics.roles import STAFF_ROLES
from tests.clients import signed_in
from tests.lists import World

# A count that ends after a thousand rows costs the same in every list.
MOVED = re.compile(r"COUNT\(\*\)(?!.*LIMIT 1001\b)|OFFSET", re.IGNORECASE | re.DOTALL)
LONG = ["donations.Donation", "donations.Donor", "donations.Receipt", "logistics.AuditEntry", "logistics.Document",
        "logistics.Email", "shipments.Package", "shipments.Shipment"]  # fmt: skip


@pytest.fixture(scope="module")
def staff(django_db_setup: None, django_db_blocker: Any) -> Iterator[Client]:
    """Grow some lists to 120 rows, more than two pages."""
    with django_db_blocker.unblock(), transaction.atomic():
        World().grow(2, 120)
        yield signed_in(*STAFF_ROLES)
        transaction.set_rollback(True)


def list_of(label: str) -> str:
    app, name = label.lower().split(".")
    return reverse(f"admin:{app}_{name}_changelist")


def page(client: Client, url: str) -> Any:
    answer = client.get(url)
    assert answer.status_code == 200, url
    return answer.context["cl"]


@pytest.mark.parametrize("label", LONG)
def test_the_pages_of_an_admin_list_show_each_row_once_in_both_directions(staff: Client, label: str) -> None:
    url = list_of(label)
    columns = page(staff, url)
    orderings = ["", *(f"?o={columns.list_display.index(each)}" for each in columns.sortable_by)]
    for ordering in orderings:
        shown = [page(staff, url + ordering)]
        while shown[-1].pages["next"]:
            shown.append(page(staff, url + shown[-1].pages["next"]))
        forwards = [row.pk for each in shown for row in each.result_list]
        back = [page(staff, url + shown[0].pages["last"])]
        while back[-1].pages["previous"]:
            back.append(page(staff, url + back[-1].pages["previous"]))

        assert len(set(forwards)) == len(forwards) >= 120, ordering
        assert [row.pk for each in reversed(back) for row in each.result_list] == forwards
        assert [bool(shown[0].pages[name]) for name in ("first", "previous", "next", "last")] == [False] * 2 + [
            True
        ] * 2


@pytest.mark.parametrize("label", LONG)
def test_no_admin_list_counts_its_rows_or_skips_some(staff: Client, label: str) -> None:
    url = list_of(label)
    asked = [*page(staff, url).pages.values(), "?q=no row", "?p=last"]
    for query in asked:
        with CaptureQueriesContext(connection) as told:
            staff.get(url + query)

        assert [each["sql"] for each in told if MOVED.search(each["sql"])] == []


def test_a_list_of_up_to_a_thousand_rows_says_how_many_there_are(staff: Client) -> None:
    found = page(staff, list_of("donations.Donation"))
    text = staff.get(list_of("donations.Donation")).content.decode()

    assert (found.is_estimated, found.result_count) == (False, Donation.objects.count())
    assert f"{found.result_count} donations" in text and "about" not in text


def test_a_long_list_says_about_how_many_rows_there_are(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lists, "COUNTED", 10)
    found = page(staff, list_of("donations.Donation"))
    text = staff.get(list_of("donations.Donation")).content.decode()

    assert (found.is_estimated, 60 < found.result_count < 240) == (True, True)
    assert f"about {found.result_count} donations" in text
    assert "more than one page" in staff.get(list_of("donations.Donation") + "?q=GFT").content.decode()


def test_a_made_up_place_or_a_column_that_does_not_sort_shows_the_first_page(staff: Client) -> None:
    url = list_of("donations.Donation")
    first = [row.pk for row in page(staff, url).result_list]
    columns = page(staff, url).list_display
    unsorted = columns.index("kept")

    assert [row.pk for row in page(staff, f"{url}?o={unsorted}").result_list] == first
    assert staff.get(f"{url}?p=nonsense").status_code == 302


@pytest.mark.django_db
def test_the_values_of_a_column_are_found_without_reading_every_row(staff: Client) -> None:
    stored = set(Email.objects.values_list("kind", flat=True))

    assert set(lists.stored_values(Email, "kind")) == stored != set()


def test_about_counts_up_to_a_thousand_and_estimates_beyond(staff: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Donation.objects.all()
    assert lists.about(rows) == (rows.count(), True)

    monkeypatch.setattr(lists, "COUNTED", 10)
    number, is_exact = lists.about(rows)
    assert (is_exact, 60 < number < 240) == (False, True)


def test_words_are_found_in_several_tables_page_after_page(staff: Client) -> None:
    """A gift's reference and its donor's name are in two tables; each page is looked for in both."""
    donors = [*Donor.objects.order_by("pk")[:60]]
    Donor.objects.filter(pk__in=[donor.pk for donor in donors]).update(name="Ab Zwingli")
    wanted = set(Donation.objects.filter(donor__in=donors).values_list("pk", flat=True))
    for words in ("zwingli", "ab zwingli", "GFT zwingli"):
        shown: Any = staff.get("/api/v1/donations/", {"search": words, "page_size": 25}).json()
        found = [row["id"] for row in shown["results"]]
        while shown["next"]:
            shown = staff.get(shown["next"]).json()
            found += [row["id"] for row in shown["results"]]

        assert sorted(found) == sorted(map(str, wanted)), words
        assert len(found) == len(set(found))
    assert staff.get("/api/v1/donations/", {"search": "zwingli nobody"}).json()["results"] == []


def test_one_or_two_letters_are_looked_for_where_a_word_begins(staff: Client) -> None:
    donor = Donor.objects.order_by("pk")[70]
    Donor.objects.filter(pk=donor.pk).update(name="Quentin Xavier")

    def found(word: str) -> list[str]:
        return [row["id"] for row in staff.get("/api/v1/donors/", {"search": word}).json()["results"]]

    assert [found("qu"), found("XA"), found("x"), found("vie")] == [[str(donor.pk)]] * 4
    assert found("vi") == []


def test_every_admin_list_has_pages_of_this_kind() -> None:
    other = {
        model._meta.label
        for model, page in admin.site._registry.items()
        if page.get_changelist(None).__name__ != "KeysetChangeList"  # type: ignore[arg-type]
    }

    assert other == {"logistics.Membership"}  # for superusers, a row for each user of a partner
