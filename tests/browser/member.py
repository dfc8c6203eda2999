"""Helpers to use the admin as a member of staff: its menu, lists, forms and widgets."""

from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from playwright.sync_api import Locator

from tests.browser.visitor import Visitor

PASSWORD = "browser-only-Passw0rd"
SignIn = Callable[[str], Visitor]


def log_in(member: Visitor, email: str, password: str) -> None:
    """Sign in to the admin."""
    member.open("/admin/login/").fill(username=email, password=password)
    member.press(member.page.locator("button[type=submit]"))


def enter(member: Visitor, fields: Mapping[str, str]) -> None:
    """Fill in a form by field names; a choice by its value, a related row by a part of its name."""
    for name, value in fields.items():
        field = member.page.locator(f"[name={name}]:not([type=hidden])").first
        if "admin-autocomplete" in (field.get_attribute("class") or ""):
            choose(member, field, value)
        elif field.evaluate("field => field.tagName") == "SELECT":
            field.select_option(value)
        elif field.get_attribute("type") == "checkbox":
            member.page.locator(f"[name={name}][value={value}]").check()
        else:
            field.fill(value)


def choose(member: Visitor, field: Locator, text: str) -> None:
    """Select a row in an autocomplete field."""
    field.locator("xpath=following-sibling::span").first.click()
    with member.page.expect_response(lambda answer: "/autocomplete/" in answer.url and "term=" in answer.url):
        member.page.locator(".select2-search__field").last.fill(text)
    member.page.locator(".select2-results__option[aria-selected]").first.click()


def save(member: Visitor) -> str:
    """Save a form, and return the text of the next page. Fails if the form is refused."""
    text = member.press("Save").text()
    refused = member.page.locator("ul.errorlist li, .errorlist, [id^=error]").all_inner_texts()
    assert not refused, f"{member.page.url}: {refused}"
    return text


def search(member: Visitor, label: str, text: str) -> None:
    """Search a list, from its page if it is open."""
    if urlsplit(member.page.url).path != f"/admin/{label}/":
        member.open(f"/admin/{label}/")
    box = member.page.locator("#changelist-search [name=q]")
    box.fill(text)
    member.submit(box)


def open_row(member: Visitor, label: str, text: str) -> None:
    """Find a row by searching its list, and open its page."""
    search(member, label, text)
    member.follow(member.page.locator("#result_list tbody th a, #result_list tbody td a").first)


def run(member: Visitor, label: str, pk: object, act: str) -> str:
    """Tick one row of a list, run an action on it, and return the text of the next page."""
    member.open(f"/admin/{label}/")
    member.page.locator(f"input.action-select[value='{pk}']").check()
    member.page.locator("select[name=action]").select_option(act)
    return member.press("Run").text()


def begin(member: Visitor, label: str, pk: object, link: str) -> None:
    """Open the page of an action on one row, by its link on the row's page."""
    member.open(f"/admin/{label}/{pk}/change/")
    found = member.page.get_by_role("link", name=link, exact=False)
    more = member.page.get_by_text("more_horiz")
    if more.is_visible():
        more.click()
    member.follow(found.first)


def open_menu(member: Visitor) -> None:
    """Open the menu of the signed-in person, below the sidebar."""
    entry = member.page.locator("[x-on\\:click='openUserLinks = !openUserLinks']")
    if not entry.is_visible():
        member.page.get_by_text("dock_to_right").filter(visible=True).click()
    entry.click()
