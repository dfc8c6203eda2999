"""One import in its own process: `python -m tests.benchmarks.importing import|bulk|save FILE SHIPMENT`.

`import` is ours. `bulk` and `save` are what one writes first: openpyxl, a look at each cell, and Django's
bulk_create, or save() of each row. They check less than ours does.
"""

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import django

django.setup()

import openpyxl  # noqa: E402
from django.db import connection, transaction  # noqa: E402
from django.utils import timezone  # noqa: E402

from logistics.catalogue.models import Category, Item  # noqa: E402
from logistics.people.models import User  # noqa: E402
from shipments.imports import services  # noqa: E402
from shipments.packing.models import ManifestLine, Package  # noqa: E402
from shipments.shipments.models import Shipment  # noqa: E402

WRITING = {"INSERT", "UPDATE", "DELETE", "COPY"}


def ours(file: Path, shipment: Shipment) -> None:
    by = User.objects.filter(roles__contains=["warehouse"]).first()
    assert by is not None
    row = services.upload(shipment, file.read_bytes(), dry_run=False, replace=False, by=by, at=timezone.now())
    row.refresh_from_db()
    if row.state == row.State.PENDING:
        services.read_upload(str(row.pk), at=timezone.now())
        row.refresh_from_db()
    assert row.outcome == "imported", row.errors[:3] or row.last_error_code


def rows_of(file: Path) -> list[dict[str, Any]]:
    sheet = openpyxl.load_workbook(file, read_only=True, data_only=True)["lines"]
    rows = sheet.iter_rows(values_only=True)
    names = [str(name) for name in next(rows)]
    return [dict(zip(names, row, strict=True)) for row in rows]


def decimal(value: Any) -> Decimal | None:
    return None if value in (None, "") else Decimal(str(value))


@transaction.atomic
def by_hand(file: Path, shipment: Shipment, keep: Callable[[Any, list[Any]], None]) -> None:
    """Make a row for each package, item and line; `keep` stores those of one model."""
    category = Category.objects.first()
    assert category is not None
    packages: dict[int, Package] = {}
    items = {item.code: item for item in Item.objects.all()}
    known = set(items)
    lines: list[ManifestLine] = []
    for row in rows_of(file):
        number = int(row["package_no"])
        if number not in packages:
            packages[number] = Package(
                shipment=shipment,
                number=number,
                kind=row["package_type"],
                length_cm=decimal(row["length_cm"]),
                width_cm=decimal(row["width_cm"]),
                height_cm=decimal(row["height_cm"]),
                gross_kg=decimal(row["gross_kg"]),
            )
        code = row["item_code"]
        if code not in items:
            words = {"name_en": row["description_en"], "name_fr": row["description_fr"]}
            items[code] = Item(code=code, category=category, hs6=str(row["hs6"]), **words)
        quantity = int(row["quantity"])
        if quantity <= 0:
            raise ValueError(f"package {number}: the quantity is {quantity}")
        lines.append(
            ManifestLine(
                package=packages[number],
                position=1 + len([line for line in lines[-20:] if line.package is packages[number]]),
                item=items[code],
                description_en=row["description_en"],
                description_fr=row["description_fr"] or "",
                quantity=quantity,
                unit=row["unit"],
                unit_weight_kg=decimal(row["unit_weight_kg"]),
                hs6=str(row["hs6"]),
                origin=row["country_of_origin"] or "",
                unit_value_minor=int(Decimal(str(row["unit_value_hkd"])) * 100),
            )
        )
    keep(Item, [item for code, item in items.items() if code not in known])
    keep(Package, list(packages.values()))
    keep(ManifestLine, lines)


def bulk(model: Any, rows: list[Any]) -> None:
    model.objects.bulk_create(rows, batch_size=1000)


def save(model: Any, rows: list[Any]) -> None:
    for row in rows:
        row.save(force_insert=True)


def main(way: str, file: Path, shipment: Shipment) -> dict[str, Any]:
    seen: Counter[str] = Counter()

    def count(execute: Any, sql: str, *rest: Any) -> Any:
        # Apart: what the upload's own row says of its lease and progress.
        verb = "" if '"shipments_upload"' in sql else sql.lstrip().split(None, 1)[0].upper()
        seen[verb] += 1
        return execute(sql, *rest)

    before = peak_mb()
    began, cpu = time.perf_counter(), cpu_seconds()
    with connection.execute_wrapper(count):
        ours(file, shipment) if way == "import" else by_hand(file, shipment, {"bulk": bulk, "save": save}[way])
    return {
        "cpu_s": cpu_seconds() - cpu,
        "wall_s": time.perf_counter() - began,
        "before_mb": before,
        "peak_mb": peak_mb(),
        "statements": seen.total(),
        "writes": sum(number for verb, number in seen.items() if verb in WRITING),
        "lines": ManifestLine.objects.filter(package__shipment=shipment).count(),
    }


def cpu_seconds() -> float:
    """Return the CPU time of this process and of its ended children, one of which reads the spreadsheet."""
    return sum(os.times()[:4])


def peak_mb() -> float:
    """Return the peak memory of this process; getrusage would include its parent's."""
    told = Path("/proc/self/status").read_text()
    return int(told.partition("VmHWM:")[2].split()[0]) / 1024


if __name__ == "__main__":
    print(json.dumps(main(sys.argv[1], Path(sys.argv[2]), Shipment.objects.get(pk=sys.argv[3]))))
