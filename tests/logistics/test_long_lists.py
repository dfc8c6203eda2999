"""Lists that may get long: the admin's pages, what sorts and filters them, and searches by several words."""

import re
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.contrib import admin
from django.db import connection, transaction
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics import lists
from logistics.audit import services as audit
from logistics.catalogue.models import Item
from logistics.mail.models import Email
from logistics.roles import STAFF_ROLES, Role
from shipments.shipments.models import Shipment
from tests.clients import signed_in
from tests.lists import World
from tests.makers.moments import NOON
from tests.rights import as_superuser

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


@pytest.mark.parametrize("word", ["traore", "TRAORÉ", "Traoré", "strasse oeuvre", "Tra\u006f\u0300ré"])
def test_words_are_found_whatever_their_accents(staff: Client, word: str) -> None:
    donor = Donor.objects.order_by("pk")[80]
    Donor.objects.filter(pk=donor.pk).update(name="Aïssata Tràoré", organisation="Œuvre de la Straße")
    gift = donor.donations.get()
    word = word.replace("traore", "traore aissata")

    shown = [
        page(staff, list_of(label) + f"?q={word}").result_list for label in ("donations.Donation", "donations.Donor")
    ]
    over_api = [
        [row["id"] for row in staff.get(f"/api/v1/{name}/", {"search": word}).json()["results"]]
        for name in ("donations", "donors")
    ]

    assert shown == [[gift], [donor]]
    assert over_api == [[str(gift.pk)], [str(donor.pk)]]


def test_a_donor_is_filtered_by_name_without_accents(staff: Client) -> None:
    donor = Donor.objects.order_by("pk")[81]
    Donor.objects.filter(pk=donor.pk).update(name="Zoë Müller")

    found = [staff.get("/api/v1/donors/", {"name": name}).json()["results"] for name in ("zoe mu", "muller zoe")]

    assert [[row["id"] for row in rows] for rows in found] == [[str(donor.pk)], []]


@pytest.mark.parametrize("label", ["donations.Receipt", "donations.PaymentAttempt"])
def test_receipts_and_payments_are_found_by_their_donor(staff: Client, label: str) -> None:
    donor = Donor.objects.order_by("pk")[82]
    Donor.objects.filter(pk=donor.pk).update(name="Ngozi Øvergård", organisation="Ovrum Ltd")
    donor.refresh_from_db()
    gift = donor.donations.get()

    for words in ("overgard", "ngozi ovrum", donor.email, f"{gift.reference} Ngozi"):
        found = page(staff, f"{list_of(label)}?q={words}").result_list
        assert found and all(row.donation_id == gift.pk for row in found), words
    assert page(staff, f"{list_of(label)}?q=ngozi nobody").result_list == []


def test_who_may_not_see_addresses_cannot_search_for_them(staff: Client) -> None:
    donor = Donor.objects.order_by("pk")[83]
    auditor = signed_in(Role.AUDITOR)

    for label in ("donations.Receipt", "donations.PaymentAttempt", "donations.Donation"):
        assert page(staff, f"{list_of(label)}?q={donor.email}").result_list
        assert page(auditor, f"{list_of(label)}?q={donor.email}").result_list == []


def test_the_trail_is_found_by_the_numbers_that_it_shows(staff: Client) -> None:
    gift, shipment = Donation.objects.filter(receipts__isnull=False).latest("pk"), Shipment.objects.latest("pk")
    item = Item.objects.latest("pk")
    for subject in (gift, shipment, item):
        audit.record("tried", subject, by=None, at=NOON)

    def found(word: str) -> list[set[UUID]]:
        over_api = staff.get("/api/v1/audit-entries/", {"search": f"{word} tried"}).json()["results"]
        shown = page(staff, f"{list_of('logistics.AuditEntry')}?q={word} tried").result_list
        return [{row.subject_id for row in shown}, {UUID(row["subject_id"]) for row in over_api}]

    receipt = gift.receipts.latest("pk")
    asked: list[tuple[str, Model]] = [
        (gift.reference, gift),
        (gift.reference.lower(), gift),
        (receipt.number, gift),  # the entries about a receipt are those of its gift
        (shipment.number, shipment),
        (item.code, item),
    ]
    for word, row in asked:
        assert found(word) == [{row.pk}] * 2, word
    assert found("GFT-0000-0000") == [set()] * 2


def test_amounts_are_sorted_within_their_currency(staff: Client) -> None:
    with as_superuser() as cursor:  # what was given is frozen by a trigger
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE donations_donation SET currency = 'JPY',"
            " amount_minor = 1 + ('x' || left(md5(reference), 6))::bit(24)::int"
            # Few: other tests look at the table's size.
            " WHERE id IN (SELECT id FROM donations_donation ORDER BY id LIMIT 30)"
        )
        cursor.execute("SET LOCAL session_replication_role = DEFAULT")
    url, column = list_of("donations.Donation"), page(staff, list_of("donations.Donation")).list_display.index("amount")
    for sign in ("", "-"):
        shown = page(staff, f"{url}?o={sign}{column}")
        pairs = [(row.currency, row.amount_minor) for row in shown.result_list]
        answer = staff.get("/api/v1/donations/", {"ordering": f"{sign}amount_minor", "page_size": "50"}).json()

        assert pairs == sorted(pairs, reverse=bool(sign))
        assert [row["id"] for row in answer["results"]] == [str(row.pk) for row in shown.result_list]
        assert answer["next"] and shown.pages["next"]
    assert {row.currency for row in page(staff, f"{url}?o={column}&currency=JPY").result_list} == {"JPY"}


@pytest.mark.parametrize(
    ("label", "english", "french"),
    [("donations.Donation", "Donations", "Dons"), ("shipments.Shipment", "Shipments", "Expéditions")],
)
def test_a_list_is_titled_by_what_it_holds(staff: Client, label: str, english: str, french: str) -> None:
    for language, title in (("en", english), ("fr", french)):
        text = staff.get(list_of(label), headers={"Accept-Language": language}).content.decode()

        assert re.search(rf"<title>\s*{title} \|", text)
        assert "Select " + title.lower()[:-1] not in text  # as Django's titles are


def test_a_whole_number_or_address_finds_its_own_rows_only(staff: Client) -> None:
    """Numbers are much alike, and a part of one is in many others."""
    first, second = Donor.objects.order_by("pk")[84:86]
    Donor.objects.filter(pk=first.pk).update(email="lee@example.org")
    Donor.objects.filter(pk=second.pk).update(email="ashlee@example.org", organisation="lee@example.org.hk Ltd")

    def found(words: str, label: str = "donations.Donation") -> set[str]:
        return {row.donor.email for row in page(staff, f"{list_of(label)}?q={words}").result_list}

    assert found("lee@example.org") == found("LEE@example.org") == {"lee@example.org"}
    assert found("lee@example.or") == {"lee@example.org", "ashlee@example.org"}
    # Not among the gifts with this reference, where it is a part of another address.
    assert found(f"lee@example.org {second.donations.get().reference}") == {"ashlee@example.org"}
    receipt = Receipt.objects.latest("pk")
    for words in (receipt.number, receipt.number.lower(), f"{receipt.number} {receipt.donation.reference}"):
        assert page(staff, f"{list_of('donations.Receipt')}?q={words}").result_list == [receipt]
