"""Donors in a real browser: give, fail to pay, pay after all, see their gifts."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.claims import submits
from tests.browser.giving import DECLINED, WORDS, WORKS, gifts_of, pay, promise
from tests.browser.visitor import CHECKOUT, Visitor, mail_to, text_mailed_to
from tests.processes import Instance, eventually


def declines_of(product: Instance, email: str) -> list[tuple[Any, ...]]:
    query = """SELECT 1 FROM donations_paymentattempt p JOIN donations_donation d ON d.id = p.donation_id
        JOIN donations_donor o ON o.id = d.donor_id WHERE o.email = %s AND p.decline_code <> ''"""
    return product.rows(query, email)


@submits("give-to", "gift-pay", CHECKOUT)
def test_a_donor_can_pay_after_a_decline_and_after_leaving(
    donor: Visitor, product: Instance, email: str, words: dict[str, str]
) -> None:
    promise(donor, email, words, to="mali", amount="500.50")
    donor.page.get_by_role("link", name=words["leave"]).click()
    donor.press(words["continue"])
    with donor.refused(402):
        pay(donor, DECLINED)
    eventually(lambda: declines_of(product, email), what="the decline to be told")
    donor.page.get_by_role("link", name=words["leave"]).click()
    declined = donor.text()
    donor.press(words["continue"])
    pay(donor, WORKS)
    eventually(lambda: gifts_of(product, email)[0][2] == "received", what="the gift to be received")
    mail = mail_to(product, email)
    # The page reloads itself until it has the receipt. A reload of ours would now and then collide with that one.
    donor.page.get_by_role("link", name=words["receipt"]).wait_for()

    assert words["declined"] in declined
    assert words["thanks"] in donor.text()
    assert gifts_of(product, email) == [("HKD", 50050, "received", "mali")]
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["application/pdf"]
    with donor.page.expect_download() as receipt:
        donor.page.get_by_role("link", name=words["receipt"]).click(modifiers=["Alt"])
    assert Path(receipt.value.path()).read_bytes().startswith(b"%PDF")


@submits("give-to show", "give-to")
def test_choosing_the_currency_by_a_button_keeps_the_input(
    donor: Visitor, product: Instance, email: str, words: dict[str, str]
) -> None:
    donor.open("/give/most-needed/").fill(name="Moussa Keïta", email=email)
    donor.press("XOF")
    amount = donor.page.get_by_label(words["currency"].format("XOF"))
    amount.fill("65500")
    donor.page.locator("[name=consent]").check()
    donor.press(words["continue"])
    donor.page.go_back()  # to a page that answered a form
    after = donor.text()
    with donor.refused(404):
        missing = donor.open("/give/nothing-here/").text()

    assert words["currency"].format("XOF") in after
    assert words["nothing"] in missing
    assert gifts_of(product, email) == [("XOF", 65500, "pending", "")]
    assert product.rows("SELECT name FROM donations_donor WHERE email = %s", email) == [("Moussa Keïta",)]


@submits("my-gifts", "my-gifts-enter", "my-gifts-leave")
def test_a_donor_sees_gifts_by_the_mailed_link(
    donor: Visitor, product: Instance, email: str, words: dict[str, str]
) -> None:
    promise(donor, email, words)
    donor.open("/my-gifts/").fill(email=email).press(words["ask"])
    asked = donor.text()
    link = re.search(r"http\S+/my-gifts/in/\S+", text_mailed_to(product, email))
    assert link
    donor.open(link[0]).press(words["enter"])
    shown = donor.text()
    donor.press(words["sign_out"])
    signed_out = donor.page.get_by_role("button", name=words["ask"]).is_visible()
    donor.open(link[0])

    assert words["asked"] in asked
    assert email in shown
    assert "300" in shown
    assert signed_out
    assert donor.page.get_by_role("button", name=words["enter"]).count() == 0  # a link works once
    assert email not in donor.text()


@pytest.fixture
def declined_cards(product: Instance) -> Iterator[Callable[[str], None]]:
    """Report as many declined cards as make the address of a donor pass a challenge; take them back afterwards.

    More than GIVE_DECLINES of this product, because each payment of another test allows one more.
    """

    def report(email: str) -> None:
        query = """INSERT INTO donations_decline (id, attempt_id, event_id, declined_at)
            SELECT gen_random_uuid(), p.id, 'evt_' || n, now() FROM generate_series(1, 700) n,
            donations_paymentattempt p JOIN donations_donation d ON d.id = p.donation_id
            JOIN donations_donor o ON o.id = d.donor_id WHERE o.email = %s RETURNING 1"""
        assert len(product.rows(query, email)) == 700

    yield report
    product.rows("DELETE FROM donations_decline RETURNING 1")


@pytest.mark.parametrize("width", ["phone"])
@submits("give-to", "gift-pay")
def test_a_challenge_is_passed_by_the_browser_or_by_mail(
    donor: Visitor,
    product: Instance,
    email: str,
    words: dict[str, str],
    declined_cards: Callable[[str], None],
) -> None:
    promise(donor, email, words)
    declined_cards(email)
    with donor.refused(403):
        promise(donor, email, words, amount="400")
        donor.page.wait_for_url("**/c/pay/**")  # without another press
        donor.page.route("**/altcha-pbkdf2.js", lambda route: route.abort("aborted"))
        promise(donor, email, words, amount="500")
        donor.page.get_by_text(words["failed"]).wait_for()
    shown, faults = donor.text(), donor.faults()
    donor.press(words["ask"])
    asked = donor.text()
    link = re.search(r"http\S+confirm=\S+", text_mailed_to(product, email))
    assert link
    donor.open(link[0]).press(words["continue"])

    assert "/c/pay/" in donor.page.url
    assert words["step"] in shown and email in shown
    assert words["asked"] in asked
    assert not faults, "\n".join(faults)
    assert gifts_of(product, email) == [("HKD", 50000, "pending", "")]


def test_the_secret_url_of_a_gift_is_not_sent_to_other_sites(visitor: Visitor, email: str) -> None:
    promise(visitor, email, WORDS["en"])
    visitor.page.get_by_role("link", name=WORDS["en"]["leave"]).click()
    with visitor.page.expect_request(lambda request: "/c/pay/" in request.url) as told:
        visitor.press(WORDS["en"]["continue"])

    assert "/gifts/" not in str(told.value.all_headers().get("referer"))


def test_an_incomplete_form_shows_errors_and_keeps_the_input(donor: Visitor, words: dict[str, str]) -> None:
    donor.open("/give/most-needed/").fill(amount="300", name="Chan Tai Man", email="no address")
    with donor.refused(422):
        donor.press(words["continue"])

    assert donor.page.locator("[name=email][aria-invalid=true]").input_value() == "no address"
    assert donor.page.locator("[name=amount]").input_value() == "300"
    assert donor.page.locator(".why").count() == 1


def test_the_public_pages_are_accessible(donor: Visitor, product: Instance, email: str, words: dict[str, str]) -> None:
    (token,) = product.rows("SELECT token FROM logistics_document WHERE kind = 'packing-list'")[0]
    faults = [fault for path in ("/give/", "/give/mali/", f"/verify/{token}/") for fault in donor.open(path).faults()]
    with donor.refused(404):
        faults += donor.open("/verify/nothing/").faults()
    with donor.refused(400):
        faults += donor.open("/give/?x=%00").faults()  # the error page
    with donor.refused(410):
        faults += donor.open("/my-gifts/in/nothing/").faults()
    with donor.refused(422):
        faults += donor.open("/give/most-needed/").press(words["continue"]).faults()
    promise(donor, email, words)
    faults += donor.faults()
    donor.page.get_by_role("link", name=words["leave"]).click()
    faults += donor.faults()
    donor.open("/my-gifts/")
    faults += donor.faults()
    donor.fill(email=email).press(words["ask"])
    faults += donor.faults()
    link = re.search(r"http\S+/my-gifts/in/\S+", text_mailed_to(product, email))
    assert link
    faults += donor.open(link[0]).faults()
    donor.press(words["enter"])
    faults += donor.faults()

    assert not faults, "\n".join(faults)
