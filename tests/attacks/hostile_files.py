"""Hostile spreadsheets, uploaded by somebody who may upload: `python -m tests.attacks hostile_files`.

All are dry runs, so a file that is read writes nothing; whatever is in it, the worker must live and answer in time.
"""

import io
import random
import time
import zipfile
from collections import Counter
from collections.abc import Iterator

import psutil

from tests.attacks._product import attacked
from tests.journeys.goods import WORKBOOK, XLSX
from tests.journeys.people import Staff
from tests.journeys.place import PASSWORD
from tests.journeys.story import Place, eventually
from tests.processes import Instance

SHEET = "xl/worksheets/sheet1.xml"
MEMORY_MAX_MB = 600  # the reader's own limit is 400, beside a worker
SECONDS_MAX = 60  # the reader's own limit is 20 s of CPU, on a busy machine
CANARY = "root:x:0"
ENTITIES = "".join(f'<!ENTITY e{n} "{f"&e{n - 1};" * 10}">' for n in range(1, 12))
BOMB = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY e0 "ha">{ENTITIES}]><worksheet>&e11;</worksheet>'
FOREIGN = '<?xml version="1.0"?><!DOCTYPE w [<!ENTITY x SYSTEM "file:///etc/passwd">]><worksheet>&x;</worksheet>'
WIDE = (
    '<worksheet><dimension ref="A1:XFD1048576"/><sheetData><row r="1048576"><c r="XFD1048576"/></row></sheetData>'
    "</worksheet>"
)


def run(mutations: int = 40, seed: int = 1) -> dict[str, int]:
    """Upload each file to a product of its own, and return the figures."""
    with attacked("web", "worker", "relay") as (product, place):
        warehouse = Staff(place.base_url, "warehouse@example.org", PASSWORD)
        shipment = a_draft(product, place, warehouse)
        worker = psutil.Process(product["worker"].mine().pid)
        outcomes: Counter[str] = Counter()
        slowest, peak, canaries = 0.0, 0, 0
        files = [*crafted(), *mutated(mutations, seed)]
        for name, content in files:
            began = time.monotonic()
            outcome, text, memory = upload(warehouse, shipment, name, content, worker)
            slowest, peak = max(slowest, time.monotonic() - began), max(peak, memory)
            outcomes[outcome] += 1
            canaries += CANARY in text
        sound = upload(warehouse, shipment, "sound.xlsx", WORKBOOK.read_bytes(), worker)[0]
        written = warehouse.get(shipment)["totals"]["packages"]
    return {
        "hostile files": len(files),
        "refused at the door": outcomes["at the door"],
        "refused by the reader": outcomes["refused"],
        "read, as what they say": outcomes["would_import"],
        "given up": outcomes["dead"],
        "server errors": outcomes["server error"],
        "files of the server in an answer": canaries,
        "packages written": int(written),
        "slowest, seconds": round(slowest),
        "memory of the worker and its readers, MB": peak,
        "sound files read afterwards": int(sound == "would_import"),
    }


def holds(figures: dict[str, int]) -> bool:
    nothing = ("given up", "server errors", "files of the server in an answer", "packages written")
    return (
        not any(figures[name] for name in nothing)
        and figures["slowest, seconds"] <= SECONDS_MAX
        and figures["memory of the worker and its readers, MB"] <= MEMORY_MAX_MB
        and figures["sound files read afterwards"] == 1
    )


def a_draft(product: Instance, place: Place, warehouse: Staff) -> str:
    """Return the URL of a draft that the sound workbook fits."""
    product.env["DEMO_PASSWORD"] = place.password  # a new password would end the sign-in of the warehouse
    product.manage("demonstrate")
    found = warehouse.get("/api/v1/shipments/")
    draft = next(row for row in found["results"] if row["status"] == "draft")
    return f"/api/v1/shipments/{draft['number']}/"


def upload(warehouse: Staff, shipment: str, name: str, content: bytes, worker: psutil.Process) -> tuple[str, str, int]:
    """Return how it ended, the whole answer, and how many MB the worker and its children had at most."""
    answer = warehouse.send(
        "POST",
        f"{shipment}imports/",
        files={"file": (name, io.BytesIO(content), XLSX)},
        data={"dry_run": "true"},
        status=tuple(range(200, 600)),
    )
    if answer.status_code != 202:
        return ("server error" if answer.status_code >= 500 else "at the door"), answer.text, 0
    peak = 0

    def ended() -> dict[str, object] | None:
        nonlocal peak
        peak = max(peak, memory_of(worker))
        seen: dict[str, object] = warehouse.get(f"{shipment}imports/{answer.json()['id']}/")
        return seen if seen["state"] in ("done", "dead") else None

    seen = eventually(f"{name} is read", ended, within_s=180)
    return str(seen["outcome"] or seen["state"]), str(seen), peak


def memory_of(worker: psutil.Process) -> int:
    """Return the largest resident memory, in MB, of a worker and each of its children."""
    sizes = [0]
    for process in [worker, *worker.children(recursive=True)]:
        try:
            sizes.append(process.memory_info().rss // 1_000_000)
        except psutil.NoSuchProcess:
            continue
    return max(sizes)


def crafted() -> Iterator[tuple[str, bytes]]:
    good = WORKBOOK.read_bytes()
    yield "empty.xlsx", b""
    yield "text.xlsx", b"package_no,marks\n1,A\n"
    yield "page.xlsx", b"<html><script>alert(1)</script></html>"
    yield "paper.xlsx", b"%PDF-1.7\n%%EOF"
    yield "old.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4096)
    yield "../../etc/cron.d/x.xlsx", good[: len(good) // 2]
    yield "nul\x00.xlsx", good[:-100]
    yield "before.xlsx", b"MZ" + good
    yield "behind.xlsx", good + b"\0" * 1000
    yield "entities.xlsx", changed(good, {SHEET: BOMB.encode()})
    yield "strings.xlsx", changed(good, {"xl/sharedStrings.xml": BOMB.encode()})
    yield "foreign.xlsx", changed(good, {SHEET: FOREIGN.encode()})
    yield "wide.xlsx", changed(good, {SHEET: WIDE.encode()})
    yield "zeros.xlsx", changed(good, {SHEET: bytes(300_000_000)})
    yield "deep.xlsx", changed(good, {SHEET: b"<a>" * 200_000})
    yield "rows.xlsx", changed(good, {SHEET: b"<worksheet><sheetData>" + b"<row/>" * 3_000_000})
    yield "macro.xlsx", changed(good, {"xl/vbaProject.bin": b"\xd0\xcf\x11\xe0" + bytes(1000)})
    yield "climbs.xlsx", changed(good, {"../../../../tmp/climbed": b"climbed"})
    yield "many.xlsx", changed(good, {f"xl/worksheets/s{number}.xml": b"<a/>" for number in range(5000)})


def changed(good: bytes, members: dict[str, bytes]) -> bytes:
    """Return the workbook with members added or replaced."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good)) as old, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as book:
        for member in old.namelist():
            if member not in members:
                book.writestr(member, old.read(member))
        for name, data in members.items():
            book.writestr(name, data)
    return made.getvalue()


def mutated(count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield the workbook with some bytes changed: in the archive, or in the sheet inside it."""
    chance, good = random.Random(seed), WORKBOOK.read_bytes()
    with zipfile.ZipFile(io.BytesIO(good)) as book:
        sheet = book.read(SHEET)
    for number in range(count):
        content = bytearray(good if number % 2 else sheet)
        for _ in range(chance.randint(1, 40)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        yield f"mutated{number}.xlsx", bytes(content) if number % 2 else changed(good, {SHEET: bytes(content)})
