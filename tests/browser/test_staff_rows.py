"""Staff edit rows of the admin in a real browser: find, add, change, delete."""

import base64
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.contrib import admin

from tests.browser import member as acts
from tests.browser.claims import submits
from tests.browser.member import PASSWORD, SignIn
from tests.browser.visitor import Visitor, text_mailed_to
from tests.processes import Instance

pytestmark = pytest.mark.processes


class Row(NamedTuple):
    """A kind of row: who may write it, what is typed, what is changed afterwards, and how to read it back.

    "NEW" stands for a word that no other test uses; it is part of the search words.
    """

    role: str
    label: str
    add: dict[str, str]
    change: dict[str, str]
    found_by: str
    read: str
    added: tuple[object, ...]
    changed: tuple[object, ...]


ROWS = [
    Row(
        "finance",
        "donations/appeal",
        {
            "slug": "wells-NEW",
            "title_en": "Wells NEW",
            "title_fr": "Puits NEW",
            "story_en": "Clean water.",
            "story_fr": "De l’eau propre.",
            "target_amount": "12500.50",
            "currency": "HKD",
            "country": "ML",
            "opens_on": "2026-01-05",
        },
        {"target_amount": "13000"},
        "wells-NEW",
        "SELECT title_fr, target_minor, opens_on::text FROM donations_appeal WHERE slug = 'wells-NEW'",
        ("Puits NEW", 1250050, "2026-01-05"),
        ("Puits NEW", 1300000, "2026-01-05"),
    ),
    Row(
        "warehouse",
        "shipments/shipment",
        {"title": "Stoves NEW", "consignee": "AMAR-ML", "customs_currency": "HKD"},
        {"title": "Stoves and beds NEW", "port_of_loading": "HKHKG"},
        "NEW",
        "SELECT title, status, port_of_loading FROM shipments_shipment WHERE title LIKE '%%NEW'",
        ("Stoves NEW", "draft", ""),
        ("Stoves and beds NEW", "draft", "HKHKG"),
    ),
    Row(
        "warehouse",
        "logistics/item",
        {
            "code": "CR-NEW",
            "name_en": "Bed",
            "name_fr": "Lit",
            "category": "Household furniture",
            "unit": "H87",
            "hs6": "940320",
        },
        {"unit_weight_kg": "1.250"},
        "CR-NEW",
        "SELECT name_fr, hs6, unit_weight_kg::text FROM logistics_item WHERE code = 'CR-NEW'",
        ("Lit", "940320", None),
        ("Lit", "940320", "1.250"),
    ),
    Row(
        "coordinator",
        "logistics/category",
        {"name_en": "Lamps NEW", "name_fr": "Lampes"},
        {"name_fr": "Luminaires"},
        "Lamps NEW",
        "SELECT name_fr FROM logistics_category WHERE name_en = 'Lamps NEW'",
        ("Lampes",),
        ("Luminaires",),
    ),
    Row(
        "coordinator",
        "logistics/partner",
        {"code": "NEW", "name": "School NEW", "languages": "fr", "country": "SN"},
        {"status": "suspended"},
        "School NEW",
        "SELECT code, status, languages FROM logistics_partner WHERE name = 'School NEW'",
        ("NEW", "approved", ["fr"]),
        ("NEW", "suspended", ["fr"]),
    ),
    Row(
        "coordinator",
        "logistics/contact",
        {"partner": "AMAR-ML", "name": "Kadi NEW", "email": "NEW@example.org", "language": "fr"},
        {"phone": "+223 20 22 33 44"},
        "Kadi NEW",
        "SELECT language, phone FROM logistics_contact WHERE name = 'Kadi NEW'",
        ("fr", ""),
        ("fr", "+223 20 22 33 44"),
    ),
    Row(
        "coordinator",
        "logistics/site",
        {"partner": "AMAR-ML", "kind": "open", "public_name": "School NEW", "hand_over_point": "Gate NEW"},
        {"region": "ML03"},
        "Gate NEW",
        "SELECT kind, region FROM logistics_site WHERE hand_over_point = 'Gate NEW'",
        ("open", ""),
        ("open", "ML03"),
    ),
]


def _forms_of(row: Row) -> list[str]:
    view = "admin:" + row.label.replace("/", "_")
    return [f"{view}_add", f"{view}_change", f"{view}_changelist search"]


@pytest.fixture(params=["desktop", pytest.param("phone", marks=pytest.mark.long)])
def width(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def _marks_of(row: Row) -> list[pytest.MarkDecorator]:
    """Return the forms that the row's test submits. In the short form of the suite, three nouns stand for all."""
    in_short = row.label in ("logistics/item", "logistics/site", "shipments/shipment")
    return [submits(*_forms_of(row)), *([] if in_short else [pytest.mark.long])]


@pytest.mark.parametrize("row", [pytest.param(row, marks=_marks_of(row), id=row.label) for row in ROWS])
def test_a_row_is_added_found_and_changed(row: Row, staff: SignIn, product: Instance) -> None:
    new = "Q" + uuid4().hex[:7].upper()
    if "slug" in row.add:
        new = new.lower()
    member = staff(row.role)
    member.open(f"/admin/{row.label}/add/")
    acts.enter(member, {name: value.replace("NEW", new) for name, value in row.add.items()})
    told = acts.save(member)
    added = product.rows(row.read.replace("NEW", new))
    acts.open_row(member, row.label, row.found_by.replace("NEW", new))
    acts.enter(member, {name: value.replace("NEW", new) for name, value in row.change.items()})
    told_again = acts.save(member)
    changed = product.rows(row.read.replace("NEW", new))

    assert "was added successfully" in told
    assert "was changed successfully" in told_again
    assert added == [tuple(one.replace("NEW", new) if isinstance(one, str) else one for one in row.added)]
    assert changed == [tuple(one.replace("NEW", new) if isinstance(one, str) else one for one in row.changed)]


USERS = "admin:logistics_user"


def set_up_second_factor(member: Visitor) -> None:
    """Set up a second factor from the page of one's own account."""
    member.open("/admin/second-factor/").follow("Set it up")
    assert member.faults() == []
    secret = member.page.locator(".select-all").inner_text().replace("-", "")
    app = TOTP(base64.b32decode(secret), 6, SHA1(), 30)
    member.fill(code=app.generate(int(time.time())).decode()).press("Switch it on")


@submits(
    f"{USERS}_add", f"{USERS}_change", f"{USERS}_changelist search", f"{USERS}_send_link",
    f"{USERS}_remove_second_factor", "admin:logistics_membership_add", "admin:logistics_membership_change",
    "admin:login", "admin:logout", "admin:password_change", "admin:set_password", "admin:code", "admin:confirm",
    "admin:set_up_second_factor", "admin:second_factor renew", "admin:second_factor remove",
)  # fmt: skip
def test_a_new_user_sets_a_password_and_a_second_factor(visit: Callable[..., Visitor], product: Instance) -> None:
    name = f"Awa {uuid4().hex[:7]}"
    email = name.replace(" ", ".").lower() + "@example.org"
    root = visit()
    acts.log_in(root, "root@example.org", PASSWORD)
    root.open("/admin/logistics/user/add/")
    acts.enter(root, {"email": email, "name": name, "language": "en", "roles": "auditor"})
    acts.save(root)
    acts.open_row(root, "logistics/user", name)
    acts.enter(root, {"roles": "partner"})
    acts.save(root)
    ((pk, roles),) = product.rows("SELECT id, roles FROM logistics_user WHERE email = %s", email)
    acts.begin(root, "logistics/user", pk, "Mail a link to set the password")
    root.press("Mail a link to set the password")
    root.open("/admin/logistics/membership/add/")
    acts.enter(root, {"user": name, "partner": "AMAR-ML"})
    acts.save(root)
    ((membership,),) = product.rows("SELECT id FROM logistics_membership WHERE user_id = %s", pk)
    root.open(f"/admin/logistics/membership/{membership}/change/")
    assert "was changed successfully" in acts.save(root)
    assert sorted(roles) == ["auditor", "partner"]

    link = re.search(r"/admin/password/\S+", text_mailed_to(product, email))
    assert link
    member = visit().open(link[0])
    assert member.faults() == []
    member.fill(new_password1=PASSWORD + "2", new_password2=PASSWORD + "2").press("Set the password")
    acts.log_in(member, email, PASSWORD + "2")
    acts.open_menu(member)
    member.follow("Change password")
    acts.enter(member, {"old_password": PASSWORD + "2", "new_password1": PASSWORD, "new_password2": PASSWORD})
    member.press("Change password")

    set_up_second_factor(member)
    member.open("/admin/second-factor/").press("New recovery codes")
    assert member.faults() == []
    codes = member.page.locator("ul.font-mono li").all_inner_texts()
    member.open("/admin/")
    acts.open_menu(member)
    member.press(member.page.locator("#logout-form button"))
    acts.log_in(member, email, PASSWORD)
    assert urlsplit(member.page.url).path == "/admin/code/"
    assert member.faults() == []
    member.fill(code=codes[0]).press("Sign in")
    member.open("/admin/confirm/?next=/admin/second-factor/")
    assert member.faults() == []
    member.fill(confirm_password=PASSWORD, confirm_code=codes[1]).press("Confirm and continue")
    assert "You have 8 unused recovery codes." in member.text()
    member.press("Switch it off")
    set_up_second_factor(member)
    acts.begin(root, "logistics/user", pk, "Remove the second factor")
    root.press("Remove the second factor")
    assert product.rows("SELECT 1 FROM logistics_secondfactor WHERE user_id = %s", pk) == []


@submits("set_language")
def test_the_admin_can_be_switched_to_french(staff: SignIn) -> None:
    member = staff("auditor").open("/admin/")
    acts.open_menu(member)
    member.press(member.page.get_by_role("button", name="français"))

    assert member.page.locator("html").get_attribute("lang") == "fr"
    assert "Vue d’ensemble" in member.text()


@submits("admin:logistics_charity_add", "admin:logistics_charity_change")
def test_the_charity_is_set_up_and_changed(staff: SignIn, product: Instance) -> None:
    columns = "name, address, country, email, phone, jurisdiction, registration, time_zone, signatory, signatory_title"
    ((*kept,),) = product.rows(f"SELECT {columns} FROM logistics_charity")
    ((currencies,),) = product.rows("SELECT currencies FROM logistics_charity")
    product.rows("DELETE FROM logistics_charity RETURNING id")
    finance = staff("finance").open("/admin/logistics/charity/add/")
    acts.enter(finance, dict(zip(columns.split(", "), map(str, kept), strict=True)) | {"currencies": "HKD"})
    told = acts.save(finance)
    finance.follow(finance.page.locator("#result_list tbody th a").first)
    finance.fill(phone="+852 2222 3333")
    acts.save(finance)

    assert "was added successfully" in told
    set_up = product.rows("SELECT phone, currencies FROM logistics_charity")
    product.rows(
        "UPDATE logistics_charity SET currencies = %s RETURNING id", currencies
    )  # other tests give in these currencies
    assert set_up == [("+852 2222 3333", ["HKD"])]


@submits("admin:donations_appeal_add")
def test_back_shows_a_refused_form_again(staff: SignIn) -> None:
    finance = staff("finance").open("/admin/donations/appeal/add/")
    acts.enter(finance, {**ROWS[0].add, "slug": f"back-{uuid4().hex[:8]}", "target_amount": "much"})
    finance.press("Save")
    refused_at = finance.page.url
    finance.page.locator("[name=target_amount]").fill("12")
    acts.save(finance)
    finance.page.go_back()  # fails where the browser has not kept the answer

    assert finance.page.url == refused_at
    assert finance.page.locator("[name=title_en]").input_value().startswith("Wells")


@submits("admin:donations_givingswitch_change")
def test_giving_is_turned_off_and_on(staff: SignIn, visit: Callable[..., Visitor]) -> None:
    finance = staff("finance").open("/admin/donations/givingswitch/")
    texts = []
    for reason in ("Card testing", "It stopped"):
        finance.follow(finance.page.locator("#result_list tbody th a"))
        finance.page.locator("[name=is_on]").set_checked(reason == "It stopped")
        finance.fill(reason=reason, message_en="Back on Monday.")
        acts.save(finance)
        texts.append(visit().open("/give/most-needed/").text())

    assert ["Back on Monday." in text for text in texts] == [True, False]


@submits("admin:donations_appeal_delete", "admin:donations_appeal_changelist delete_selected")
@pytest.mark.long
def test_appeals_without_gifts_are_deleted(staff: SignIn, product: Instance) -> None:
    finance = staff("finance")
    slugs = [f"gone-{uuid4().hex[:8]}" for _ in range(2)]
    for slug in slugs:
        finance.open("/admin/donations/appeal/add/")
        acts.enter(finance, {**ROWS[0].add, "slug": slug})
        acts.save(finance)
    one, other = (product.rows("SELECT id FROM donations_appeal WHERE slug = %s", slug)[0][0] for slug in slugs)
    finance.open(f"/admin/donations/appeal/{one}/change/")
    finance.follow("Delete")
    finance.press("Yes, I’m sure")
    acts.run(finance, "donations/appeal", other, "delete_selected")
    told = finance.press("Yes, I’m sure").text()

    assert "Successfully deleted 1 appeal" in told
    assert not product.rows("SELECT 1 FROM donations_appeal WHERE slug = ANY(%s)", slugs)


@submits("admin:logistics_contact_delete")
def test_a_contact_is_deleted(staff: SignIn, product: Instance) -> None:
    name = f"Kadi {uuid4().hex[:8]}"
    coordinator = staff("coordinator").open("/admin/logistics/contact/add/")
    acts.enter(coordinator, {"partner": "AMAR-ML", "name": name, "email": "k@example.org", "language": "fr"})
    acts.save(coordinator)
    acts.open_row(coordinator, "logistics/contact", name)
    coordinator.follow("Delete")
    coordinator.press("Yes, I’m sure")

    assert not product.rows("SELECT 1 FROM logistics_contact WHERE name = %s", name)


def _lists() -> list[str]:
    """Return the searchable lists that the tests above do not search."""
    return [
        f"{model._meta.app_label}/{model._meta.model_name}"
        for model, page in admin.site._registry.items()
        if page.search_fields and f"{model._meta.app_label}/{model._meta.model_name}" not in {row.label for row in ROWS}
    ]


@pytest.mark.long
@submits(*(f"admin:{label.replace('/', '_')}_changelist search" for label in _lists()))
def test_every_list_can_be_searched_and_filtered(staff: SignIn) -> None:
    root = staff("root")
    said, opened = {}, []
    for label in _lists():
        acts.search(root, label, "nothing-is-called-so")
        said[label] = root.page.locator("#result_list tbody tr").count()
        filters = root.page.locator("[x-on\\:click='filterOpen = true']")
        if filters.count():
            filters.click()
            root.page.locator("#changelist-filter").wait_for(state="visible")
            opened.append(label)

    assert not any(said.values()), said
    assert "donations/receipt" in opened


def test_a_filtered_list_is_downloaded(staff: SignIn) -> None:
    finance = staff("finance").open("/admin/donations/donation/?currency__exact=HKD")
    with finance.page.expect_download() as download:
        finance.page.get_by_role("link", name="CSV").click()

    headings, *rows = Path(download.value.path()).read_text("utf-8-sig").splitlines()
    assert download.value.suggested_filename.startswith("donations-")
    assert headings.startswith("reference,date received,status,amount,kept,currency")
    assert rows
    assert all(",HKD," in row for row in rows)
