from typing import Any

import pytest

from shipments import demonstration
from shipments.shipments.models import Shipment
from tests.makers.charity import make_charity
from tests.makers.moments import NOON


@pytest.mark.django_db
def test_running_the_demonstration_again_continues_and_duplicates_nothing(files: Any) -> None:
    make_charity()

    demonstration.demonstrate(NOON)
    demonstration.demonstrate(NOON)

    made = dict(Shipment.objects.values_list("status", "package_count"))
    assert made == {"draft": None, "dispatched": 270}
    said = Shipment.objects.get(status="dispatched").papers.get(kind="packing-list").document.context
    declared = {(line["item_code"], line["un_number"]) for package in said["packages"] for line in package["lines"]} - {
        (line["item_code"], "") for package in said["packages"] for line in package["lines"]
    }
    assert declared == {("CR-LAPTOP", "UN3481"), ("CR-UPS", "UN2800")}
    assert (said["un_numbers"], said["totals"]["gross_kg"]) == (["UN2800", "UN3481"], "6490.110")
