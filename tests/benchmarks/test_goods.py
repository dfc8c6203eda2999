"""A manifest: read from a spreadsheet, printed, confirmed by the partner."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction

from logistics.documents.rendering import to_pdf
from shipments.shipments import lifecycle
from tests.benchmarks.asking import bare, signals_of_requests  # noqa: F401  a fixture
from tests.benchmarks.measuring import Figure, Report, cost, statements
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_key, make_partner
from tests.makers.people import make_packer
from tests.makers.shipments import MARKS, make_shipment, mali_shipment
from tests.shipments import mali
from tests.shipments.sheets import MALI_XLSX, mali_rows, read, xlsx

LINES = 10_000
IMPORTERS = {"ours": "import", "openpyxl and bulk_create": "bulk", "openpyxl and save() of each row": "save"}


def test_packing_list_of_the_mali_shipment(report: Report):
    context = {**mali.packing_list(), **mali.FACTS}

    def print_it() -> None:
        to_pdf("shipments/papers/packing_list.html", context, languages=["en", "fr"])

    took = cost(print_it, times=3, warm=1)
    size = len(to_pdf("shipments/papers/packing_list.html", context, languages=["en", "fr"]).pdf)
    report.add(
        "packing list, 270 packages and 323 lines, warm",
        Figure("CPU", took.cpu_ms / 1000, "s", most=0.5),
        Figure("size", size / 1024, "KiB"),
    )


def many_lines() -> bytes:
    """The Mali shipment's rows again and again, in packages of their own."""
    head, *rows = mali_rows(323)
    package, sscc, serials = (head.index(name) for name in ("package_no", "sscc", "serial_numbers"))
    made = []
    for number in range(LINES):
        row = list(rows[number % len(rows)])
        row[package] = int(row[package]) + number // len(rows) * 270
        row[sscc] = row[serials] = None  # these may occur once only
        made.append(row)
    return xlsx([head, *made])


@pytest.mark.django_db(transaction=True)
def test_import_of_10000_lines(report: Report, tmp_path: Path):
    """Each way runs in a fresh process, to measure its own peak memory."""
    sheet = tmp_path / "lines.xlsx"
    sheet.write_bytes(many_lines())
    mali_shipment()
    shipments = {way: make_shipment(marks=MARKS) for way in IMPORTERS}
    told: dict[str, Any] = {}
    for way, shipment in shipments.items():
        done = subprocess.run(
            [sys.executable, "-m", "tests.benchmarks.importing", IMPORTERS[way], str(sheet), str(shipment.pk)],
            env=os.environ,
            check=True,
            stdout=subprocess.PIPE,
            text=True,
        )
        told[way] = json.loads(done.stdout.splitlines()[-1])
        assert told[way]["lines"] == LINES
    ours = told["ours"]
    report.add(
        "import of 10,000 manifest lines",
        Figure("CPU", ours["cpu_s"], "s"),
        Figure("wall", ours["wall_s"], "s", most=5),
        Figure("peak memory of the process", ours["peak_mb"], "MB", most=300),
        Figure("of which before the import began", ours["before_mb"], "MB"),
        Figure("SQL statements that write, beside the upload's own state", ours["writes"], "", most=10),
        Figure("SQL statements in all", ours["statements"], ""),
        Figure(
            "less CPU than openpyxl and bulk_create",
            told["openpyxl and bulk_create"]["cpu_s"] / ours["cpu_s"],
            "×",
            least=8,
        ),
        *(
            Figure(f"{way}: {name}", told[way][key], unit)
            for way in list(IMPORTERS)[1:]
            for name, key, unit in (("CPU", "cpu_s", "s"), ("wall", "wall_s", "s"), ("peak memory", "peak_mb", "MB"))
        ),
    )


@pytest.mark.usefixtures("signals_of_requests")
@pytest.mark.django_db
def test_a_partner_confirms_270_packages(report: Report):
    partner = make_partner()
    make_contact(partner)
    shipment = mali_shipment(partner=partner)
    read(shipment, MALI_XLSX.read_bytes())
    sealed = lifecycle.seal(shipment, by=make_packer(), at=NOON)
    lifecycle.dispatch(sealed, reason="The truck leaves now.", by=make_packer(), at=NOON)
    key = f"Bearer {make_key(partner).text}"
    url = f"/api/v1/shipments/{shipment.number}/deliveries/"
    body = {"client_id": str(uuid4()), "stated_at": NOON, "received_by": "Awa Diarra", "default": "good"}
    ask, answers = bare(url, body=body, HTTP_AUTHORIZATION=key), []

    def confirm() -> None:
        with transaction.atomic():
            answers.append(ask())
            transaction.set_rollback(True)

    took = cost(confirm, times=10, warm=2)
    report.add(
        "confirmation of 270 packages, all sound",
        Figure("CPU", took.cpu_ms, "ms", most=50),
        Figure("SQL statements, those of the key included", len(statements(confirm)), "", most=10),
        Figure("wall", took.wall_ms, "ms"),
        Figure("bytes up", len(json.dumps(body, default=str)), "B", most=2000),
        Figure("bytes down", len(answers[-1]), "B", most=1000),
    )
