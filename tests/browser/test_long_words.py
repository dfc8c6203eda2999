"""Long words on pages at the width of a phone: no page is wider than the screen (each visitor checks every page)."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from tests.browser.member import SignIn
from tests.browser.visitor import Visitor
from tests.journeys.people import Program
from tests.processes import Instance

pytestmark = pytest.mark.processes
WORD, CODE = "Rollstuhl" * 22, "A" * 30


@pytest.fixture
def width() -> str:
    return "phone"


def test_no_page_is_wider_than_a_phone(
    visit: Callable[..., Visitor], staff: SignIn, product: Instance, programs: dict[str, Program]
) -> None:
    finance, warehouse = programs["finance"], programs["warehouse"]
    slug = f"long-{uuid4().hex[:8]}"
    words = {"title_en": WORD[:120], "title_fr": WORD[:120], "story_en": WORD, "story_fr": WORD}
    finance.post(
        "/api/v1/appeals/",
        words | {"slug": slug, "currency": "HKD", "target_amount": "1000.00", "opens_on": "2026-01-01"},
    )
    ((category,),) = product.rows("SELECT id::text FROM logistics_category LIMIT 1")
    ((site,),) = product.rows("SELECT code FROM logistics_site ORDER BY code LIMIT 1")
    item = {"code": CODE, "name_en": WORD, "name_fr": WORD, "category": category, "hs6": "940360"}
    warehouse.post("/api/v1/items/", item)
    asked = {"title": WORD, "consignee": "AMAR-ML", "customs_currency": "HKD", "reference": "F" * 40}
    shipment = warehouse.post("/api/v1/shipments/", asked | {"sites": [{"code": site, "label": "A"}]})
    line = {"item": CODE, "quantity": 1, "unit_value": "1.00", "unit_weight_kg": "1", "remark": WORD}
    package = {"kind": "CT", "gross_kg": "2", "marks": "M" * 60, "remark": WORD, "destination": site, "lines": [line]}
    (packed,) = warehouse.post(f"/api/v1/shipments/{shipment['number']}/packages/", package)
    donor, member = visit(), staff("coordinator")

    donor.open("/give/")
    donor.open(f"/give/{slug}/").fill(amount="300", name=WORD[:120], email=f"{'l' * 60}@example.org", message=WORD)
    donor.page.locator("[name=consent]").check()
    donor.press("Continue to payment")
    donor.page.get_by_role("link", name="Back without paying").click()
    donor.open(packed["label_url"])
    for path in (
        f"shipment/{shipment['id']}/change/",
        "shipment/",
        f"package/{packed['id']}/change/",
        "package/",
    ):
        member.open(f"/admin/shipments/{path}")
        assert "Rollstuhl" in member.page.content() or "MMMMM" in member.page.content()

    assert WORD[:120] in donor.open(f"/give/{slug}/").text()
