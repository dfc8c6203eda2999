"""Finance at its desk: a cheque typed twice, corrected and voided; a donor's email corrected, and receipts replaced."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tests.browser import member as acts
from tests.browser.claims import submits
from tests.browser.member import SignIn
from tests.browser.visitor import Visitor, mail_to
from tests.processes import Instance, eventually

RECEIPTS = """SELECT r.number, r.state, coalesce(o.number, ''), r.amount_minor FROM donations_receipt r
    LEFT JOIN donations_receipt o ON o.id = r.replaces_id JOIN donations_donation d ON d.id = r.donation_id
    JOIN donations_donor p ON p.id = d.donor_id WHERE p.organisation = %s ORDER BY r.sequence"""


def look(member: Visitor, name: str) -> None:
    """Keep a picture of the page, for people, if a folder for them is set."""
    folder = member.product.env.get("PICTURES", "")
    if folder:
        size = member.page.viewport_size
        width = size["width"] if size else 0
        member.page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)


def type_cheque(member: Visitor, donor: str, **changes: str) -> None:
    member.open("/admin/donations/donation/add/")
    on = (datetime.now(UTC) - timedelta(days=3)).date().isoformat()
    fields = {"amount": "5,000", "currency": "HKD", "channel": "cheque", "payment_reference": donor, "received_on": on}
    new = {"organisation": donor, "email": f"{donor}@example.org", "country": "HK", "donor_language": "en"}
    acts.enter(member, fields | new | changes)


@submits(
    "admin:donations_donation_add", "admin:donations_donation_correct_gift", "admin:donations_donation_void_gift",
)  # fmt: skip
def test_a_cheque_is_typed_twice_corrected_and_voided(staff: SignIn, product: Instance) -> None:
    donor = f"chan-{uuid4().hex[:8]}"
    finance = staff("finance")
    type_cheque(finance, donor)
    look(finance, "add")
    faults = finance.faults()
    acts.save(finance)
    ((first, number),) = product.rows(
        "SELECT id, reference FROM donations_donation WHERE payment_reference = %s", donor
    )

    type_cheque(finance, donor, amount="5 000,00", currency="HKD")
    finance.press("Save")
    look(finance, "alike")
    faults += finance.faults()
    warned = finance.text()
    link = finance.page.get_by_role("link", name=number)
    assert number in warned and "Recorded already?" in warned
    assert (link.get_attribute("href"), link.is_visible()) == (f"/admin/donations/donation/{first}/change/", True)
    finance.press("Save")
    assert product.rows("SELECT count(*) FROM donations_donation WHERE payment_reference = %s", donor) == [(1,)]
    finance.page.locator("[name=another]").check()
    acts.save(finance)
    ((second,),) = product.rows(
        "SELECT id FROM donations_donation WHERE payment_reference = %s AND id <> %s", donor, first
    )

    acts.begin(finance, "donations/donation", first, "Correct")
    acts.enter(finance, {"amount": "500", "reason": "The cheque is for HK$500."})
    look(finance, "correct")
    faults += finance.faults()
    corrected = finance.press("Correct").text()
    acts.begin(finance, "donations/donation", second, "Void")
    acts.enter(finance, {"reason": "Typed twice."})
    look(finance, "void")
    faults += finance.faults()
    voided = finance.press("Void").text()

    assert not faults, "\n".join(faults)
    assert f"{number} was corrected." in corrected and "is void." in voided
    rows = product.rows(RECEIPTS, donor)
    (one, _, _, _), (two, _, _, _), _ = rows
    assert [row[1:] for row in rows] == [
        ("replaced", "", 500_000),
        ("cancelled", "", 500_000),
        ("issued", one, 50_000),
    ]
    assert int(two[-6:]) - int(one[-6:]) >= 1


@submits("admin:donations_donor_reissue", "admin:donations_donor_change")
def test_an_email_is_corrected_and_the_receipt_reissued(staff: SignIn, product: Instance) -> None:
    donor = f"ho-{uuid4().hex[:8]}"
    right = f"right-{donor}@example.org"
    finance = staff("finance")
    type_cheque(finance, donor)
    acts.save(finance)
    mail_to(product, f"{donor}@example.org")

    acts.open_row(finance, "donations/donor", donor)
    acts.enter(finance, {"email": right})
    led = finance.press("Save").text()
    look(finance, "reissue")
    faults = finance.faults()
    assert f"it was mailed to {donor}@example.org" in led and f"They are mailed to {right}." in led
    done = finance.press("Continue").text()
    rows = eventually(lambda: product.rows(RECEIPTS, donor)[1:], what="the replacement")

    assert not faults, "\n".join(faults)
    ((new, state, old, _),) = rows
    assert (state, f"{old} was replaced by {new}." in done) == ("issued", True)
    mail = mail_to(product, right)
    body = mail.get_body(("plain",))
    assert body is not None and f"It replaces receipt {old}, which is no longer valid." in body.get_content()


def test_the_forms_are_in_french_and_a_known_donor_is_chosen(staff: SignIn, product: Instance) -> None:
    donor = f"keita-{uuid4().hex[:8]}"
    finance = staff("finance")
    type_cheque(finance, donor)
    acts.save(finance)
    finance.page.context.add_cookies([{"name": "django_language", "value": "fr", "url": product.env["PUBLIC_URL"]}])
    finance.open("/admin/donations/donation/add/")
    acts.enter(finance, {"donor": donor, "amount": "10.000", "currency": "HKD", "channel": "bank"})
    asked = finance.press("Enregistrer").text()
    look(finance, "asked-fr")
    acts.enter(finance, {"amount": "10 000"})
    finance.press("Enregistrer")
    finance.page.context.clear_cookies(name="django_language")

    assert "Voulez-vous dire" in asked
    query = """SELECT d.amount_minor, d.channel FROM donations_donation d JOIN donations_donor p ON p.id = d.donor_id
        WHERE p.organisation = %s ORDER BY d.id"""
    assert product.rows(query, donor) == [(500_000, "cheque"), (1_000_000, "bank")]
