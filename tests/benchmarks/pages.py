"""`make bench-pages`: every page in a small and in a large database; fails if one does not stay as fast, or is slow.

The databases are kept (`make seed`); a missing one is filled first. Prints the pages that are outside of the limits
and the indexes that no page used; all figures are left in var/bench/pages.md. Exit code 1 if any page is outside.
"""

import argparse
import json
import os
import re
import sys
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from tests.benchmarks import seed
from tests.benchmarks.kept import Kept, database_of, kept_server, use
from tests.benchmarks.measuring import FOLDER, quantile

RATIO, FLOOR_MS, MOST_MS, PAGES = 1.3, 10.0, 100.0, 60
# Rows that a filter or an ordering picks from all over a table lie in as many of its pages, and so do the rows that are
# related to them. Each costs its page and the way to it through an index: up to so many for each page of the rows of a
# list, and for each key by which related rows are read.
APART = 5
WARM = 1
KEYS = re.compile(r"= ANY\('\{[^}]*\}'|\bIN \('[^)]*\)")
# A page whose time is outside is measured again, in both databases in turn, and the lowest p95 of each counts: what
# other programs cost it (caches, the other thread of a core) is only ever added.
AGAIN = 4
SHOWN = 15
# Indexes that no page uses, and what does.
ELSEWHERE = {
    "donations_refund_attempt_id": "what went back of a payment",
    "donations_dispute_attempt_id": "what went back of a payment",
    "_jobs": "workers and the relay look for jobs that are due",
    "attempts_by_age": "limits for card testers",
    "attempts_living": "the check of overdue checkouts",
    "declines_by_age": "limits for card testers",
    "challenges_by_age": "forgetting used challenges",
    "sign_ins_by_age": "forgetting used links",
    "idempotency_by_age": "forgetting used keys",
    "events_in_quarantine": "the count of events in quarantine",
    "discrepancies_unclosed": "whether a shipment may be closed",
    "documents_of_later_versions": "?version=2; the seed has first versions only",
    "shipments_shipmentsite_site_id": "what a key that is bound to a site may see",
}


@dataclass(frozen=True)
class Taken:
    """What one page took."""

    p95_ms: float
    most_pages: int  # of one statement
    excess: int  # pages of one statement beyond its limit
    all_pages: int
    statements: int
    lie_in: int  # pages of the table, which hold the rows shown
    rows: int

    def better(self, other: "Taken") -> "Taken":
        """Return the same with the lower time."""
        return replace(self, p95_ms=min(self.p95_ms, other.p95_ms))


Found = dict[str, tuple[Any, Taken]]


def measured(page: Any, times: int, *, with_statements: bool) -> Taken:
    took = []
    for number in range(times + WARM):
        began = _cpu_s()
        answer = page.client.get(page.url)
        if number >= WARM:
            took.append((_cpu_s() - began) * 1000)
        if answer.status_code != 200:
            print(f"{page.name}: {page.url} answered {answer.status_code}: {answer.content[:300]!r}", file=sys.stderr)
            return Taken(float("inf"), 0, 0, 0, 0, 0, 0)
    rows, lie_in = _lie_in(answer)
    each = [(_pages_of(sql), _allowed(sql, lie_in)) for sql in _statements(page)] if with_statements else []
    read = [pages for pages, _most in each]
    excess = max((pages - most for pages, most in each), default=0)
    return Taken(quantile(took, 0.95), max(read, default=0), max(0, excess), sum(read), len(read), lie_in, rows)


def _allowed(sql: str, lie_in: int) -> int:
    """Return how many pages a statement may read."""
    keys = max((len(found[0].split(",")) for found in KEYS.finditer(sql)), default=0)
    return max(PAGES, APART * (keys or lie_in))


def _cpu_s() -> float:
    """Return the CPU time of this thread and of its database session: what a page takes when nothing else is running.

    Time on the clock would measure the other programs of a busy machine. The session has no parallel workers here.
    """
    from django.db import connection

    connection.ensure_connection()
    pid = connection.connection.info.backend_pid
    if pid not in _serial:
        with connection.cursor() as cursor:
            cursor.execute("SET max_parallel_workers_per_gather = 0")
        _serial.add(pid)
    return time.thread_time() + int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


_serial: set[int] = set()  # sessions whose parallel workers are off


def _statements(page: Any) -> list[str]:
    from tests.benchmarks.measuring import statements  # Django is set up by now

    return [
        sql for sql in statements(lambda: page.client.get(page.url)) if sql.lstrip("( ").startswith(("SELECT", "WITH"))
    ]


def _pages_of(sql: str) -> int:
    from django.db import connection, transaction

    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}")
        plan = cursor.fetchone()[0]
    top = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(top["Shared Hit Blocks"] + top["Shared Read Blocks"])


def _lie_in(answer: Any) -> tuple[int, int]:
    """Return the number of rows that a list shows, and in how many pages of their table these lie."""
    from django.db import connection

    view = (getattr(answer, "renderer_context", None) or {}).get("view")
    shown = (getattr(answer, "context_data", None) or {}).get("cl")
    if view is not None:
        model, keys = view.queryset.model, [UUID(row["id"]) for row in answer.json()["results"]]
    elif shown is not None:
        model, keys = shown.model, [row.pk for row in shown.result_list]
    else:
        return 0, 0
    found = f"SELECT count(DISTINCT (ctid::text::point)[0]) FROM {model._meta.db_table} WHERE {model._meta.pk.column}"
    with connection.cursor() as cursor:
        cursor.execute(f"{found} = ANY(%s)", [keys])
        return len(keys), int(cursor.fetchone()[0])


def walked(server: Kept, gifts: int, arguments: argparse.Namespace, again: set[str] | None = None) -> Found:
    """Return what each page took in the database of this size; `again`: only these pages."""
    if not server.is_filled(gifts):
        use(server, database_of(server, gifts))
        seed.fill(gifts)
        server.finished(gifts)
    use(server, database_of(server, gifts))
    from django.db import connection

    from tests.benchmarks.walk import pages

    if again is None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_stat_reset()")
    found: Found = {}
    for page in pages():
        wanted = page.name in again if again is not None else arguments.only in page.name
        if wanted and page.name not in found:
            reads = gifts == arguments.large and again is None
            found[page.name] = (page, measured(page, arguments.times, with_statements=reads))
            if len(found) % 100 == 0:
                print(f"  {gifts:,} gifts: {len(found)} pages", file=sys.stderr, flush=True)
    return found


def measured_again(server: Kept, arguments: argparse.Namespace, small: Found, large: Found) -> None:
    """Measure the pages whose time is outside once more, in both databases, and keep the lower time of each."""
    slower = {
        name
        for name, (page, took) in large.items()
        if any("pages" not in wrong for wrong in outside(page, compared(small, name, page, took), took))
    }
    slower |= {large[name][0].first for name in slower} & small.keys()  # what some are compared with
    for gifts, found in ((arguments.small, small), (arguments.large, large)):
        if slower and gifts:
            for name, (_page, took) in walked(server, gifts, arguments, slower).items():
                page, before = found.get(name, (_page, took))
                found[name] = (page, before.better(took))


def outside(page: Any, small: Taken | None, large: Taken) -> list[str]:
    """Return what is wrong with a page."""
    wrong = []
    if large.p95_ms > MOST_MS:
        wrong.append(f"over {MOST_MS:.0f} ms")
    if small and large.p95_ms > RATIO * small.p95_ms and large.p95_ms - small.p95_ms > FLOOR_MS:
        wrong.append(f"{large.p95_ms / small.p95_ms:.1f} x the small one")
    if page.is_list and not page.is_search and large.excess:
        wrong.append(f"reads {large.most_pages} pages")
    return wrong


def compared(small: Found, name: str, page: Any, large: Taken) -> Taken | None:
    """Return what a page of the large database is compared with: the same page of the small one.

    Where that shows fewer rows, which take less to write: the list's first page, if that takes longer.
    """
    _page, same = small.get(name, (None, None))
    _page, first = small.get(page.first, (None, None))
    if same and first and same.rows < large.rows <= first.rows and same.p95_ms < first.p95_ms:
        return first
    return same


def unused(server: Kept) -> list[str]:
    """Return the indexes of large tables that were not used, but those that something else uses."""
    from django.db import connection

    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # its sessions report what they used when they end
    time.sleep(1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT s.relname || ': ' || indexrelname, greatest(reltuples, 0)::bigint FROM pg_stat_user_indexes s"
            " JOIN pg_index USING (indexrelid) JOIN pg_class t ON t.oid = s.relid WHERE s.idx_scan = 0"
            " AND NOT indisunique AND s.schemaname = 'public' AND reltuples >= 1000 ORDER BY 2 DESC, 1"
        )
        return [f"{name} ({rows:,} rows)" for name, rows in cursor.fetchall() if not _is_used_elsewhere(name)]


def _is_used_elsewhere(name: str) -> bool:
    return any(known in name for known in ELSEWHERE)


def table(rows: list[tuple[str, Taken | None, Taken, list[str]]], sizes: tuple[int, int]) -> str:
    lines = [
        f"| page | p95 at {sizes[0]:,} | p95 at {sizes[1]:,} | pages, most of a statement | in all | statements"
        " | the rows lie in | |",
        "|---|--:|--:|--:|--:|--:|--:|---|",
    ]
    for name, small, large, wrong in rows:
        first = f"{small.p95_ms:.1f} ms" if small else "–"
        read = f"{large.most_pages} | {large.all_pages} | {large.statements} | {large.lie_in}"
        told = f"| {name} | {first} | {large.p95_ms:.1f} ms | {read} | {'; '.join(wrong)} |"
        lines.append(told)
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make bench-pages", description=__doc__)
    parser.add_argument("--small", type=int, default=10_000, help="gifts in the small database; 0: leave it out")
    parser.add_argument("--large", type=int, default=1_000_000, help="gifts in the large database")
    parser.add_argument("--times", type=int, default=10, help="how often each page is asked for")
    parser.add_argument("--only", default="", help="pages whose name holds this")
    arguments = parser.parse_args()
    sizes = (arguments.small, arguments.large)
    with kept_server() as server:
        small = walked(server, arguments.small, arguments) if arguments.small else {}
        large = walked(server, arguments.large, arguments)
        idle = unused(server)
        for _ in range(AGAIN):
            measured_again(server, arguments, small, large)
    rows = [
        (name, known, took, outside(page, known, took))
        for name, (page, took) in large.items()
        for known in [compared(small, name, page, took)]
    ]
    rows.sort(key=lambda row: -row[2].p95_ms)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "pages.md").write_text(table(rows, sizes) + "\n", encoding="utf-8")
    bad_rows = [row for row in rows if row[3]]
    print(table(bad_rows or rows[:SHOWN], sizes))
    print(f"\n{len(rows)} pages, {len(bad_rows)} outside; slowest {rows[0][2].p95_ms:.0f} ms ({rows[0][0]})")
    print(f"load {os.getloadavg()[0]:.1f}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
    print("Indexes that no page used:", *(idle or ["none"]), sep="\n  ")
    return 1 if bad_rows else 0


if __name__ == "__main__":
    sys.exit(main())
