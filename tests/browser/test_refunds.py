"""A gift's page and its refunds in a real browser: in parts, by two persons, what was paid twice, sent again."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.browser import member as acts
from tests.browser.claims import submits
from tests.browser.gifts import pay
from tests.browser.member import SignIn
from tests.browser.visitor import Visitor
from tests.processes import Instance, eventually

pytestmark = pytest.mark.processes
GIFT, REFUND = "donations/donation", "donations/refund"
READ = "SELECT d.id FROM donations_donation d JOIN donations_donor o ON o.id = d.donor_id WHERE o.email = %s"
WAITING = "SELECT id FROM donations_refund WHERE state = 'awaiting_approval' ORDER BY id DESC LIMIT 1"
# A second payment of a gift, as the booking of a late checkout leaves it: Stripe does not know it.
PAID_AGAIN = """INSERT INTO donations_paymentattempt SELECT (jsonb_populate_record(a, jsonb_build_object(
    'id', gen_random_uuid(), 'number', 2, 'counts', false, 'session_id', 'cs_' || gen_random_uuid(),
    'payment_intent_id', 'pi_' || gen_random_uuid(), 'succeeded_at', now()))).*
    FROM donations_paymentattempt a WHERE a.donation_id = %s RETURNING id"""


@pytest.fixture
def paid(product: Instance) -> Callable[..., str]:
    """Give and pay, and return the id of the received gift."""

    def make(amount: str = "250") -> str:
        email = f"giver-{uuid4().hex[:8]}@example.org"
        pay(product, email, amount=amount)
        ((gift,),) = eventually(
            lambda: product.rows(f"{READ} AND d.status = 'received'", email), what="a gift to be received"
        )
        return str(gift)

    return make


def refunds_of(product: Instance, gift: str) -> list[tuple[str, int]]:
    query = """SELECT r.state, r.amount_minor FROM donations_refund r
        JOIN donations_paymentattempt a ON a.id = r.attempt_id WHERE a.donation_id = %s ORDER BY r.id"""
    return [(str(state), int(amount)) for state, amount in product.rows(query, gift)]


def refund(member: Visitor, gift: str, amount: str = "") -> str:
    """Request a refund from the gift's page; return the text of the next page."""
    member.open(f"/admin/{GIFT}/{gift}/change/")
    member.follow(member.page.locator("#content-main a[href$='/refund/']"))
    acts.enter(member, {"amount": amount, "reason": "requested_by_customer", "note": "She telephoned."})
    return member.press("Refund").text()


@submits("admin:donations_donation_refund")
def test_a_part_of_a_gift_is_refunded_and_the_page_tells_it(
    staff: SignIn, product: Instance, paid: Callable[..., str]
) -> None:
    gift, finance = paid(), staff("finance")
    first = refund(finance, gift, "100")
    eventually(lambda: refunds_of(product, gift) == [("succeeded", 10000)], what="the refund to succeed")
    too_much = refund(finance, gift, "1,000,000")
    finance.open(f"/admin/{GIFT}/{gift}/change/")
    shown = finance.text()

    assert "100.00 HKD is on its way to Stripe" in first
    assert "This is more than is left to refund" in too_much
    for words in ("Refund of 100.00 HKD requested", "“She telephoned.”", "Partially Refunded", "What happened"):
        assert words in shown, words
    assert gift not in finance.page.locator("#content-main").inner_text()
    ((number, replaced),) = product.rows(
        "SELECT n.number, o.number FROM donations_receipt n JOIN donations_receipt o ON o.id = n.replaces_id"
        " WHERE n.donation_id = %s", gift,
    )  # fmt: skip
    assert number in shown and f"replaces {replaced}" in shown


@submits("admin:donations_donation_refund", "admin:donations_refund_approve", "admin:donations_refund_reject")
def test_a_large_refund_needs_two_persons(staff: SignIn, product: Instance, paid: Callable[..., str]) -> None:
    gift = paid(amount="40000.00")
    finance = staff("finance")
    asked = refund(finance, gift, "20000")
    ((row,),) = product.rows(WAITING)
    acts.begin(finance, REFUND, row, "Approve")
    alone = finance.text()
    other = staff("root")
    acts.begin(other, REFUND, row, "Approve")
    other.press("Approve")
    eventually(lambda: refunds_of(product, gift) == [("succeeded", 2_000_000)], what="the refund to succeed")
    refund(finance, gift, "15000")
    ((row,),) = product.rows(WAITING)
    acts.begin(other, REFUND, row, "Reject")
    acts.enter(other, {"note": "Once is enough."})
    other.press("Reject")

    assert "awaits the approval of another person" in asked
    assert "Another person in finance must approve it" in alone
    assert refunds_of(product, gift)[-1] == ("rejected", 1_500_000)
    assert "Once is enough." in other.open(f"/admin/{GIFT}/{gift}/change/").text()


@submits("admin:donations_donation_refund_surplus", "admin:donations_refund_send_again")
def test_what_was_paid_twice_goes_back_in_one_step(staff: SignIn, product: Instance, paid: Callable[..., str]) -> None:
    gift, finance = paid(), staff("finance")
    product.rows(PAID_AGAIN, gift)
    finance.open(f"/admin/{GIFT}/{gift}/change/")
    told = finance.text()
    finance.follow(finance.page.locator("#content-main").get_by_role("link", name="Refund what was paid twice"))
    finance.press("Refund what was paid twice")
    # Stripe does not know that payment, and says so.
    eventually(lambda: [state for state, _ in refunds_of(product, gift)] == ["failed"], what="Stripe's refusal")
    stopped = """UPDATE donations_refund SET state = 'requested', failure_reason = '' WHERE id = (
        SELECT r.id FROM donations_refund r JOIN donations_paymentattempt a ON a.id = r.attempt_id
        WHERE a.donation_id = %s) RETURNING id"""
    ((row,),) = product.rows(stopped, gift)
    product.rows("UPDATE donations_refundsending SET state = 'dead' WHERE refund_id = %s RETURNING 1", row)
    acts.begin(finance, REFUND, row, "Send again")
    finance.press("Send again")
    eventually(lambda: [state for state, _ in refunds_of(product, gift)] == ["failed"], what="Stripe's refusal again")

    assert "The donor paid more than once" in told
    assert product.rows("SELECT status FROM donations_donation WHERE id = %s", gift) == [("received",)]


@submits("admin:donations_donation_issue_receipt", "admin:donations_donation_revoke_link")
def test_a_receipt_is_issued_and_a_link_revoked_from_the_gift(staff: SignIn, product: Instance) -> None:
    email = f"nameless-{uuid4().hex[:8]}@example.org"
    pay(product, email, name="", anonymous=True)
    blocked = f"{READ} AND d.status = 'received' AND d.receipt_blocked_by <> '{{}}'"
    ((gift,),) = eventually(lambda: product.rows(blocked, email), what="a gift whose receipt lacks a name")
    finance = staff("finance").open(f"/admin/{GIFT}/{gift}/change/")
    before = finance.text()
    acts.open_row(finance, "donations/donor", email)
    acts.enter(finance, {"name": "Ho Ka Yan"})
    acts.save(finance)
    acts.begin(finance, GIFT, gift, "Issue missing receipt")
    finance.press("Issue missing receipt")
    acts.begin(finance, GIFT, gift, "Revoke secret link")
    revoked = finance.press("Revoke secret link").text()

    assert "No receipt can be issued. Missing: the donor’s name." in before
    assert "links sent earlier no longer work" in revoked
    assert product.rows("SELECT count(*) FROM donations_receipt WHERE donation_id = %s", gift) == [(1,)]
