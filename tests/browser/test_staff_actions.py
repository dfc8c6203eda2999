"""Staff actions in a real browser: shipment actions, retries, keys."""

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest

from tests.browser import member as acts
from tests.browser.claims import submits
from tests.browser.gifts import pay
from tests.browser.member import SignIn
from tests.browser.visitor import Visitor
from tests.journeys.people import Program
from tests.processes import Instance, eventually

pytestmark = pytest.mark.processes
SHIPMENT = "admin:shipments_shipment"


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.long)])
def width(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def warehouse(programs: dict[str, Program]) -> Program:
    """The warehouse's API client, which creates a test's initial data."""
    return programs["warehouse"]


@pytest.fixture
def packed(warehouse: Program, product: Instance) -> Callable[..., str]:
    """Create a shipment of one package, take the given actions, and return its id."""
    ((site,),) = product.rows("SELECT code FROM logistics_site WHERE kind = 'confidential' ORDER BY code LIMIT 1")

    def make(*moves: str) -> str:
        asked = {"title": f"Desks {uuid4().hex[:6]}", "consignee": "AMAR-ML", "customs_currency": "HKD"}
        number = warehouse.post("/api/v1/shipments/", asked | {"sites": [{"code": site, "label": "A"}]})["number"]
        line = {"item": "CR-BUNK", "quantity": 1, "unit_value": "450.00", "origin": "CN"}
        package = {"kind": "CT", "length_cm": "120", "width_cm": "60", "height_cm": "75", "gross_kg": "45"}
        warehouse.post(f"/api/v1/shipments/{number}/packages/", package | {"destination": site, "lines": [line]})
        for move in moves:
            body = {"reason": "The truck leaves now."} if move == "dispatch" else {}
            warehouse.send("POST", f"/api/v1/shipments/{number}/{move}/", body)
        return str(product.rows("SELECT id FROM shipments_shipment WHERE number = %s", number)[0][0])

    return make


def status_of(product: Instance, shipment: str) -> str:
    return str(product.rows("SELECT status FROM shipments_shipment WHERE id = %s", shipment)[0][0])


def move(member: Visitor, shipment: str, button: str, **fields: str) -> str:
    """Open an action's page from the shipment's page and press its button; return the new state of the row."""
    acts.begin(member, "shipments/shipment", shipment, button)
    acts.enter(member, fields)
    member.press(button)
    return status_of(member.product, shipment)


def dispatch_printed(member: Visitor, shipment: str) -> str:
    printed = (
        "SELECT 1 FROM shipments_paper p JOIN logistics_document d ON d.id = p.document_id"
        " WHERE p.shipment_id = %s AND p.kind = 'packing-list' AND d.state = 'done' AND d.superseded_at IS NULL"
    )
    eventually(lambda: member.product.rows(printed, shipment) != [], within=60, what="the packing list to be printed")
    return move(member, shipment, "Dispatch")


@submits(*(f"{SHIPMENT}_do_{name}" for name in ("check", "seal", "reopen", "dispatch", "arrive", "lose", "find")))
def test_a_shipment_is_packed_sent_lost_and_found(staff: SignIn, product: Instance, packed: Callable[..., str]) -> None:
    shipment = packed()
    member = staff("coordinator")
    move(member, shipment, "Checked")
    states = [
        move(member, shipment, "Seal"),
        move(member, shipment, "Reopen", reason="A package was forgotten."),
        move(member, shipment, "Seal"),
        dispatch_printed(member, shipment),
        move(member, shipment, "Lost", reason="No trace of it."),
        move(member, shipment, "Found"),
    ]

    assert states == ["sealed", "packing", "sealed", "dispatched", "lost", "arrived"]
    papers = product.rows(
        "SELECT d.version, d.superseded_at IS NULL FROM shipments_paper p JOIN logistics_document d"
        " ON d.id = p.document_id WHERE p.shipment_id = %s AND p.kind = 'packing-list' ORDER BY d.version",
        shipment,
    )
    assert papers == [(1, False), (2, True)]
    verbs = {verb for (verb,) in product.rows("SELECT verb FROM logistics_auditentry WHERE subject_id = %s", shipment)}
    assert len(verbs) >= 6
    other = packed("seal", "dispatch")
    assert move(member, other, "Arrived") == "arrived"


@submits(f"{SHIPMENT}_do_return", f"{SHIPMENT}_do_cancel")
def test_a_shipment_is_returned_or_cancelled(staff: SignIn, packed: Callable[..., str]) -> None:
    member = staff("warehouse")

    assert move(member, packed("seal", "dispatch"), "Returned to us", reason="Refused at the border.") == "returned"
    assert move(member, packed(), "Cancel shipment", reason="Sent by another way.") == "cancelled"


@submits(f"{SHIPMENT}_do_close", "admin:shipments_discrepancy_decide", "admin:shipments_discrepancy_close")
def test_a_lost_shipment_is_decided_on_and_closed(
    staff: SignIn, product: Instance, warehouse: Program, packed: Callable[..., str]
) -> None:
    shipment = packed("seal", "dispatch")
    member = staff("coordinator")
    move(member, shipment, "Lost", reason="No trace of it.")
    ((row,),) = product.rows("SELECT id FROM shipments_discrepancy WHERE shipment_id = %s", shipment)
    acts.begin(member, "shipments/discrepancy", row, "Decide")
    acts.enter(member, {"decision": "write_off", "note": "The insurer pays."})
    member.press("Decide")
    acts.begin(member, "shipments/discrepancy", row, "Close")
    member.press("Close")

    columns = "state, decision, decision_note"
    ((state, decision, note),) = product.rows(f"SELECT {columns} FROM shipments_discrepancy WHERE id = %s", row)
    assert (state, decision, note) == ("closed", "write_off", "The insurer pays.")
    assert move(member, shipment, "Close") == "closed"


@submits(f"{SHIPMENT}_upload")
def test_a_spreadsheet_is_checked_then_imported(staff: SignIn, product: Instance) -> None:
    ((shipment,),) = product.rows("SELECT id FROM shipments_shipment WHERE title LIKE 'School supplies%%' LIMIT 1")
    file = Path("tests/data/mali_shipment/packing_list_clean.xlsx")
    member = staff("warehouse")
    acts.begin(member, "shipments/shipment", shipment, "Spreadsheet")
    member.page.locator("input[type=file]").set_input_files(file)
    member.press("Send")
    member.page.get_by_text("270 packages (1 to 270) with 323 lines.").wait_for()

    assert "Would import" in member.text() or "would" in member.text().lower()
    newest = "SELECT dry_run, state, outcome FROM shipments_upload WHERE shipment_id = %s ORDER BY id DESC LIMIT 1"
    assert product.rows(newest, shipment) == [(True, "done", "would_import")]


@submits("admin:logistics_partner_issue_key", "admin:logistics_apikey_changelist revoke")
def test_a_key_is_issued_works_and_is_revoked(staff: SignIn, product: Instance) -> None:
    name = f"phone {uuid4().hex[:6]}"
    ((partner,),) = product.rows("SELECT id FROM logistics_partner WHERE code = 'AMAR-ML'")
    member = staff("coordinator")
    acts.begin(member, "logistics/partner", partner, "Issue a key")
    acts.enter(member, {"name": name, "valid_days": "30"})
    member.press("Issue the key")
    phone = Program(product.env["PUBLIC_URL"], member.page.locator("p.select-all").inner_text())
    before = phone.answer("/api/v1/shipments/").status_code
    ((key,),) = product.rows("SELECT id FROM logistics_apikey WHERE name = %s", name)
    acts.run(member, "logistics/apikey", key, "revoke")

    assert (before, phone.answer("/api/v1/shipments/").status_code) == (200, 401)


@submits("admin:logistics_site_reveal", "admin:logistics_refusedtext_review")
def test_a_safety_officer_reads_an_address_and_allows_a_text(
    staff: SignIn, product: Instance, warehouse: Program
) -> None:
    ((site,),) = product.rows("SELECT id FROM logistics_site WHERE hand_over_point LIKE %s", "%Mopti%")
    reason = f"Planning the lorry {uuid4().hex[:6]}."
    officer = staff("safety")
    acts.begin(officer, "logistics/site", site, "Read the address")
    acts.enter(officer, {"reason": reason})
    right = officer.press("Read the address").text()
    shipment = {"title": f"Book: Jigiya {reason}", "consignee": "AMAR-ML", "customs_currency": "HKD"}
    warehouse.post("/api/v1/shipments/", shipment, status=(400,))
    ((text,),) = product.rows("SELECT id FROM logistics_refusedtext ORDER BY id DESC LIMIT 1")
    acts.begin(officer, "logistics/refusedtext", text, "Read the text")
    shown = officer.press("Read the text").text()
    acts.enter(officer, {"reason": "The title of a novel."})
    allowed = officer.press("Allow the text").text()

    assert "porte 263" in right
    assert shipment["title"] in shown
    assert "can now be entered" in allowed
    assert product.rows("SELECT verb FROM logistics_auditentry WHERE reason = %s", reason) == [("address read",)]


@submits("admin:logistics_site_enter_address")
def test_a_coordinator_enters_an_address(staff: SignIn, product: Instance) -> None:
    # The address of the open site, which no other test reads.
    ((site,),) = product.rows("SELECT id FROM logistics_site WHERE kind = 'open' ORDER BY code LIMIT 1")
    coordinator = staff("coordinator")
    acts.begin(coordinator, "logistics/site", site, "Enter the address")
    acts.enter(coordinator, {"name": "Lycée Zamblara", "town": "Zamblara"})
    stored = coordinator.press("Enter the address").text()

    assert "was stored, encrypted" in stored and "Zamblara" not in stored


@submits("admin:shipments_reveal_add", "admin:shipments_reveal_revoke", "drivers-link")
def test_a_driver_reads_an_address_once_in_french(
    staff: SignIn,
    visit: Callable[..., Visitor],
    product: Instance,
    warehouse: Program,
    packed: Callable[..., str],
) -> None:
    waybill = warehouse.post(f"/api/v1/shipments/{packed('seal')}/papers/", {"kind": "waybill"})["number"]
    officer, driver = staff("safety"), visit(locale="fr-FR")

    def make() -> str:
        officer.open("/admin/shipments/reveal/add/")
        leg = officer.page.locator("[name=leg] option", has_text=waybill).first.get_attribute("value") or ""
        told = {"leg": leg, "driver": "Moussa Keïta", "hours": "3", "reason": "He brings the desks on Friday."}
        acts.enter(officer, told)
        return officer.press("Save").page.locator("p.select-all").inner_text()

    link = make()
    faults = driver.open(link).faults()
    asked = driver.text()
    shown = driver.press("Afficher l’adresse").text()
    faults += driver.faults()
    with driver.refused(410):
        again = driver.open(link).text()
    make()
    ((unused,),) = product.rows("SELECT id FROM shipments_reveal WHERE seen_at IS NULL")
    acts.begin(officer, "shipments/reveal", unused, "Revoke")
    officer.press("Revoke")

    assert faults == []
    assert ("Bamako" in shown or "porte" in shown, "porte" in asked, "porte" in again) == (True, False, False)
    assert "Ce lien ne fonctionne plus" in again
    assert product.rows("SELECT ended_because FROM shipments_reveal WHERE id = %s", unused) == [("revoked",)]


@submits(
    "admin:donations_donor_change", "admin:donations_donor_changelist search",
    "admin:donations_donation_changelist issue_receipts", "admin:donations_donation_changelist revoke_links",
    "admin:donations_receipt_changelist send_again",
)  # fmt: skip
def test_a_receipt_that_lacked_a_name_is_issued_and_resent(staff: SignIn, product: Instance) -> None:
    email = f"nameless-{uuid4().hex[:8]}@example.org"
    pay(product, email, name="", anonymous=True)
    read = "SELECT d.id FROM donations_donation d JOIN donations_donor o ON o.id = d.donor_id WHERE o.email = %s"
    blocked = f"{read} AND d.status = 'received' AND d.receipt_blocked_by <> '{{}}'"
    ((donation,),) = eventually(lambda: product.rows(blocked, email), what="a gift whose receipt lacks a name")
    finance = staff("finance")
    acts.open_row(finance, "donations/donor", email)
    acts.enter(finance, {"name": "Ho Ka Yan"})
    acts.save(finance)
    acts.run(finance, "donations/donation", donation, "issue_receipts")
    ((receipt, number),) = product.rows("SELECT id, number FROM donations_receipt WHERE donation_id = %s", donation)
    deliveries = "SELECT count(*) FROM donations_receiptdelivery WHERE state = 'done' AND receipt_id = %s"
    eventually(lambda: product.rows(deliveries, receipt) == [(1,)], what="the receipt to be mailed")
    told = acts.run(finance, "donations/receipt", receipt, "send_again")
    revoked = acts.run(finance, "donations/donation", donation, "revoke_links")

    assert number in told
    assert "links sent earlier no longer work" in revoked
    eventually(lambda: product.rows(deliveries, receipt) == [(2,)], what="the receipt to be mailed again")


# Dead jobs. Finished documents and uploads never change, so these are copies of done ones.
GIVEN_UP = "UPDATE {} SET state = 'dead', ended_at = now() WHERE id = (SELECT id FROM {} WHERE {} LIMIT 1) RETURNING id"
COPY_GIVEN_UP = """INSERT INTO {} SELECT (jsonb_populate_record(done, jsonb_build_object(
    'id', gen_random_uuid(), 'state', 'dead', {}))).* FROM {} done WHERE {} LIMIT 1 RETURNING id"""
DIFFERS = {
    "logistics/document": """'token', left(gen_random_uuid()::text, 30), 'version', 1000 + floor(random() * 30000)::int,
        'superseded_at', now(), 'superseded_on', current_date, 'storage_name', '', 'sha256', '', 'size', NULL,
        'pages', NULL""",
    "shipments/upload": r"'outcome', '', 'plan', NULL, 'dry_run', true, 'content', '\x6e6f207368656574'",
}
SECOND_TRIES = {
    "logistics/document": ("finance", "retry_jobs", "kind = 'receipt'"),
    "logistics/email": ("finance", "retry_jobs", "kind = 'receipt'"),
    "shipments/upload": ("warehouse", "retry_jobs", "true"),
    "donations/stripeevent": ("finance", "retry_events", "true"),
}


@pytest.mark.parametrize(
    "label",
    [
        pytest.param(
            label,
            marks=[
                submits(f"admin:{label.replace('/', '_')}_changelist {act}"),
                *([] if label == "logistics/email" else [pytest.mark.long]),
            ],
        )
        for label, (_role, act, _which) in SECOND_TRIES.items()
    ],
)
def test_dead_jobs_are_retried(label: str, staff: SignIn, product: Instance) -> None:
    (role, act, which), table = SECOND_TRIES[label], label.replace("/", "_")
    pay(product, f"paying-{uuid4().hex[:8]}@example.org")  # so that there is a row of each kind
    done = f"state = 'done' AND {which}"
    eventually(lambda: product.rows(f"SELECT 1 FROM {table} WHERE {done}"), what=f"a {label} to be done")
    copy = COPY_GIVEN_UP.format(table, DIFFERS.get(label, ""), table, done)
    ((pk,),) = product.rows(copy if label in DIFFERS else GIVEN_UP.format(table, table, done))
    acts.run(staff(role), label, pk, act)

    state = f"SELECT state FROM {table} WHERE id = %s"
    eventually(lambda: product.rows(state, pk) == [("done",)], what="its second try to end well")


def test_everybody_can_use_the_pages_of_the_admin(staff: SignIn) -> None:
    member = staff("warehouse")
    faults = member.open("/admin/").faults()
    faults += member.open("/admin/shipments/shipment/").faults()
    faults += member.open("/admin/shipments/shipment/add/").faults()
    member.press("Save")
    faults += member.faults()
    acts.open_row(member, "shipments/shipment", "SHP")
    faults += member.faults()
    faults += member.open("/admin/logistics/item/").faults()

    assert not faults, "\n".join(faults)
