"""`make seed ARGS="--gifts 1000000"`: a database with so many gifts and all that belongs to them, kept in var/bench.

One row of each table is made by the services; the others are written by PostgreSQL itself from it (INSERT ... SELECT,
without triggers, the indexes rebuilt afterwards), which is as fast as COPY and needs no data to be sent. What triggers
and constraints would have kept is right all the same: receipts are numbered without gaps, the trail's entries follow
from each other, the totals of the appeals are those of their gifts.
"""

import argparse
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.benchmarks.kept import database_of, kept_server, use

APPEALS, PARTNERS, ITEMS, LINES = 30, 40, 200, 20
FIRST, DAYS = "timestamptz '2024-01-02 08:00Z'", 1_060
FAMILIES = "Chan,Lee,Wong,Cheung,Lau,Ho,Ng,Traoré,Diarra,Keita,Coulibaly,Martin,Bernard,Dubois,Smith,Jones,Brown,Müller"
GIVEN = "Tai Man,Ka Yan,Siu Ming,Mei Ling,Awa,Moussa,Fatou,Ibrahim,Anne,Paul,Claire,Luc,Mary,John,Emma,Peter,Ruth,Hans"


def rolled(salt: int, of: str = "g") -> str:
    """Return SQL for a number from 0 to 1 that looks random and is always the same for a row."""
    return f"((hashint8extended({of}, {salt}) & 2147483647) / 2147483648.0)"


def picked(words: str, salt: int) -> str:
    """Return SQL for one of these words."""
    choices = words.split(",")
    listed = ",".join(f"'{word}'" for word in choices)
    return f"(ARRAY[{listed}])[1 + floor({rolled(salt)} * {len(choices)})::int]"


def weighed(salt: int, **shares: float) -> str:
    """Return SQL for one of these words, each with its share; the last one has the rest."""
    told, most = "", 0.0
    names = list(shares)
    for name in names[:-1]:
        most += shares[name]
        told += f" WHEN {rolled(salt)} < {most} THEN '{name}'"
    return f"(CASE{told} ELSE '{names[-1]}' END)"


def id_at(moment: str, number: str) -> str:
    """Return SQL for an id of this moment, as version 7 of UUID."""
    ms = f"lpad(to_hex((extract(epoch FROM {moment}) * 1000)::bigint), 12, '0')"
    return f"(substr({ms}, 1, 8) || '-' || substr({ms}, 9) || '-7000-8000-' || lpad(to_hex({number}::bigint), 12, '0'))::uuid"


# Each gift, before its rows are written. `at` grows with the number g.
GIFTS = f"""
CREATE UNLOGGED TABLE seeded AS SELECT g, {id_at("at", "g")} AS id, at, (at AT TIME ZONE 'Asia/Hong_Kong')::date AS day,
    extract(year FROM at AT TIME ZONE 'Asia/Hong_Kong')::int AS year, status, currency, channel, amount, appeal,
    CASE WHEN status = 'refunded' THEN amount WHEN status = 'partially_refunded' THEN amount / 4 ELSE 0 END AS refunded,
    CASE WHEN status = 'charged_back' THEN amount ELSE 0 END AS charged_back, NULL::int AS sequence
FROM (SELECT g, {FIRST} + g * (interval '{DAYS} days' / %(gifts)s) AS at,
    {weighed(1, pending=0.13, refunded=0.01, partially_refunded=0.005, disputed=0.002, charged_back=0.003, received=0.85)}
    AS status, {weighed(2, USD=0.08, EUR=0.04, GBP=0.005, HKD=0.875)} AS currency,
    {weighed(3, bank=0.04, cash=0.005, cheque=0.002, online=0.953)} AS channel,
    (CASE WHEN {rolled(4)} < 0.6 THEN (ARRAY[10000,20000,50000,50050,100000,200000])[1 + floor({rolled(5)} * 6)::int]
     ELSE 2000 + floor({rolled(6)} * {rolled(7)} * 1000000) END)::bigint AS amount,
    CASE WHEN {rolled(8)} < 0.85 THEN 1 + floor(power({rolled(9)}, 3) * {APPEALS - 1})::int END AS appeal
    FROM generate_series(1, %(gifts)s::int) g) AS drawn;
UPDATE seeded SET sequence = numbered.n + coalesce(
    (SELECT last FROM logistics_numberseries AS used WHERE used.name = 'HK receipts' AND used.year = seeded.year), 0) FROM (
    SELECT g, row_number() OVER (PARTITION BY year ORDER BY g) AS n FROM seeded WHERE status <> 'pending') AS numbered
WHERE seeded.g = numbered.g;
CREATE INDEX ON seeded (g); ANALYZE seeded;
"""
DIGITS = "0123456789" + "ABCDEFGHJKMNPQRSTVWXYZ"  # as public_reference draws
# Each digit of a number that is as good as random, and different for each gift: multiplying by an odd number is a
# permutation of 40 bits.
REFERENCE = "'GFT-' || " + " || '-' || ".join(
    " || ".join(
        f"substr('{DIGITS}', 1 + (((g * 733007751851) & 1099511627775) >> {5 * (7 - place)} & 31)::int, 1)"
        for place in half
    )
    for half in (range(4), range(4, 8))
)
NUMBER = "'HK-' || year || '-' || lpad(sequence::text, greatest(6, length(sequence::text)), '0')"
RECEIPTED = "sequence IS NOT NULL"
DONE = {"state": "'done'", "ended_at": "at + interval '5 s'", "run_after": "at", "created_at": "at", "progress": "100"}
TIME = "to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"


class Filler:
    """Writes rows like one that the services made."""

    def __init__(self, cursor: Any) -> None:
        self.cursor = cursor

    def fill(self, row: Any, source: str, /, **values: str) -> None:
        """Write a row for each of the source, with these values in terms of its columns; the rest is as in `row`."""
        from django.db import connection  # Django is set up by now

        quote, table = connection.ops.quote_name, row._meta.db_table
        columns = [str(field.column) for field in row._meta.concrete_fields if not field.generated]
        told = ", ".join(f"({values[name]})" if name in values else f"(like_it.r).{quote(name)}" for name in columns)
        unknown = set(values) - set(columns)
        assert not unknown, unknown
        began = time.monotonic()
        self.cursor.execute(
            f"INSERT INTO {table} ({', '.join(map(quote, columns))}) SELECT {told}"
            f" FROM (SELECT * FROM {source}) AS s, (SELECT t AS r FROM {table} t WHERE t.{quote(row._meta.pk.column)} = %s) AS like_it",
            [row.pk],
        )
        print(f"  {table}: {self.cursor.rowcount:,} rows, {time.monotonic() - began:.0f} s", flush=True)

    def do(self, statement: str, **values: object) -> None:
        self.cursor.execute(statement, values or None)


@contextmanager
def without_indexes(cursor: Any) -> Iterator[None]:
    """Drop the indexes of large tables that no constraint needs, and build them again afterwards, in one go each."""
    cursor.execute(
        "SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = indrelid"
        " WHERE c.relnamespace = 'public'::regnamespace AND NOT indisunique AND NOT indisprimary"
    )
    found = cursor.fetchall()
    for name, _definition in found:
        cursor.execute(f"DROP INDEX {name}")
    yield
    cursor.execute("SET maintenance_work_mem = '512MB'; SET max_parallel_maintenance_workers = 1")
    for name, definition in found:
        began = time.monotonic()
        cursor.execute(definition)
        if time.monotonic() - began > 5:
            print(f"  index {name}: {time.monotonic() - began:.0f} s", flush=True)


def books(filler: Filler, made: Any) -> None:
    """Write appeals, donors, gifts and what follows from them."""
    appeal_id = id_at(FIRST, "appeal")
    filler.fill(
        made.appeal, f"generate_series(1, {APPEALS}) AS appeal", id=appeal_id, slug="'appeal-' || appeal",
        title_en="'Appeal ' || appeal", title_fr="'Appel ' || appeal", opens_on="date '2024-01-01'", closes_on="NULL",
    )  # fmt: skip
    name = f"{picked(FAMILIES, 21)} || ' ' || {picked(GIVEN, 22)}"
    filler.fill(
        made.donor, "seeded", id="s.id", name=name, email="'donor' || g || '@example.org'", created_at="at",
        organisation=f"CASE WHEN {rolled(23)} < 0.03 THEN {picked(FAMILIES, 24)} || ' Trading ' || g ELSE '' END",
        country=weighed(25, FR=0.1, ML=0.02, US=0.05, HK=0.83), language=weighed(26, fr=0.12, en=0.88), address="''",
    )  # fmt: skip
    received = "CASE WHEN s.status <> 'pending' THEN {} END".format
    filler.fill(
        made.donation, "seeded", id="s.id", reference=REFERENCE, donor_id="s.id", appeal_id=appeal_id,
        amount_minor="amount", currency="s.currency", channel="s.channel", created_at="at", status="s.status",
        received_at=received("at"), received_on=received("day"), refunded_minor="refunded", language="'en'",
        charged_back_minor="charged_back", receipt_blocked_by="ARRAY[]::varchar[]", link_renewed_at="at",
    )  # fmt: skip
    online = "seeded WHERE channel = 'online'"
    filler.fill(
        made.attempt, online, id="s.id", donation_id="s.id", amount_minor="amount", currency="s.currency",
        state="CASE WHEN s.status = 'pending' THEN 'expired' ELSE 'succeeded' END", counts="s.status <> 'pending'",
        succeeded_at=received("at"), created_at="at", expires_at="at + interval '23 h'",
        session_id="'cs_live_' || md5(g::text)", payment_intent_id="'pi_' || md5('pi' || g)",
    )  # fmt: skip
    filler.fill(
        made.event, online, **DONE, id="s.id", stripe_id="'evt_' || md5('evt' || g)", attempt_id="s.id",
        object_id="'cs_live_' || md5(g::text)", payment_intent_id="'pi_' || md5('pi' || g)", happened_at="at",
        received_at="at", object_type="'checkout.session'", outcome="'applied'", livemode="true",
        kind="CASE WHEN s.status = 'pending' THEN 'checkout.session.expired' ELSE 'checkout.session.completed' END",
        source=weighed(31, list=0.001, webhook=0.999),
    )  # fmt: skip
    for kind, model in (("refunded", made.refund), ("charged_back", made.dispute)):
        filler.fill(
            model, f"{online} AND {kind} > 0", id="s.id", attempt_id="s.id", stripe_id=f"'{kind}_' || md5(g::text)",
            amount_minor=kind, currency="s.currency", created_at="at",
        )  # fmt: skip


def papers(filler: Filler, made: Any) -> None:
    """Write receipts, their documents, mails and deliveries."""
    source, ended = f"seeded WHERE {RECEIPTED}", "s.status IN ('refunded', 'charged_back', 'disputed')"
    filler.fill(
        made.receipt.document, source, **DONE, id="s.id", number=NUMBER, kind="'receipt'", requested_at="at",
        issued_on="day", token="md5('token' || g)::varchar(30)", storage_name="md5('file' || g)", sha256="md5(g::text) || md5(g::text)",
        size="20000", pages="1", content_sha256="md5(g::text) || md5(g::text)", replaces_id="NULL::uuid",
        context="jsonb_build_object('amount_minor', amount - refunded, 'currency', s.currency)",
        superseded_at=f"CASE WHEN {ended} THEN at END", superseded_on=f"CASE WHEN {ended} THEN day END",
    )  # fmt: skip
    filler.fill(
        made.receipt, source, id="s.id", donation_id="s.id", document_id="s.id", number=NUMBER, year="s.year",
        sequence="s.sequence", amount_minor=f"CASE WHEN {ended} THEN amount ELSE amount - refunded END",
        currency="s.currency", issued_at="at", issued_on="day", kind="'single'",
        state=f"CASE WHEN {ended} THEN 'cancelled' ELSE 'issued' END", ended_at=f"CASE WHEN {ended} THEN at END",
        end_reason=f"CASE WHEN {ended} THEN s.status ELSE '' END",
    )  # fmt: skip
    filler.fill(
        made.email, source, **DONE, id="s.id", kind="'receipt'", to="'donor' || g || '@example.org'", body="''",
        subject=f"'Your receipt ' || {NUMBER}", language=weighed(26, fr=0.12, en=0.88),
    )  # fmt: skip
    filler.fill(made.mailing, source, **DONE, id="s.id", receipt_id="s.id", email_id="s.id")
    filler.do(
        "UPDATE logistics_numberseries n SET last = s.last FROM (SELECT year, max(sequence) AS last FROM seeded"
        " GROUP BY year) s WHERE n.name = 'HK receipts' AND n.year = s.year"
    )
    filler.do(
        "INSERT INTO logistics_numberseries (name, year, last) SELECT 'HK receipts', year, max(sequence) FROM seeded"
        " GROUP BY year ON CONFLICT (name, year) DO NOTHING"
    )


def goods(filler: Filler, made: Any, shipments: int) -> None:
    """Write shipments of twenty lines in ten packages, to some partners."""
    filler.fill(
        made.partner, f"generate_series(1, {PARTNERS}) AS g", id=id_at(FIRST, "g"), code="'P' || lpad(g::text, 3, '0')",
        name="'Partner ' || g",
    )  # fmt: skip
    filler.fill(made.site, f"generate_series(1, {PARTNERS}) AS g", id=id_at(FIRST, "g"),
        partner_id=id_at(FIRST, "g"), code="'S' || lpad(g::text, 4, '0')")  # fmt: skip
    filler.fill(made.item, f"generate_series(1, {ITEMS}) AS g", id=id_at(FIRST, "g"), code="'GOODS-' || g",
        name_en=f"{picked('Desk,Chair,Bed,Stove,Book,Lamp', 41)} || ' ' || g")  # fmt: skip
    filler.do(
        f"CREATE UNLOGGED TABLE carried AS SELECT g, at, {id_at('at', 'g')} AS id, {id_at(FIRST, f'1 + mod(g, {PARTNERS})')}"
        f" AS partner FROM (SELECT g, {FIRST} + g * (interval '{DAYS} days' / %(shipments)s) AS at"
        " FROM generate_series(1, %(shipments)s::int) g) AS drawn",
        shipments=shipments,
    )
    status = weighed(42, partially_received=0.03, in_transit=0.05, arrived=0.02, received=0.9)
    filler.fill(
        made.shipment, "carried", id="s.id", number="'SHP-2025-' || lpad(g::text, 6, '0')", consignee_id="s.partner",
        title=f"{picked('Beds,Books,Stoves,Desks,School kits', 43)} || ' for ' || {picked('Bamako,Gao,Mopti,Kayes', 44)}",
        reference="'CGD-' || g", status=status.replace("in_transit", "dispatched"), created_at="at", sealed_at="at",
        dispatched_at="at", arrived_at="at", package_count="10", line_count=str(LINES), mode=weighed(45, air=0.05, sea=0.95),
        container_number="'CSQU' || lpad(mod(g, 10000000)::text, 7, '0')", bill_of_lading="'HKG' || md5(g::text)::varchar(12)",
    )  # fmt: skip
    filler.fill(made.shipment_site, "carried", id="s.id", shipment_id="s.id", site_id="s.partner")
    package = "carried, generate_series(1, 10) AS n"
    filler.fill(
        made.package, package, id=id_at("at", "g * 100 + n"), shipment_id="s.id", number="n", destination_id="s.id",
        token="('t' || g || '-' || n)", marks="'CGD ' || g || ' ' || n || '/10'", kind=weighed(46, PX=0.02, BL=0.1, CT=0.88),
        sscc="''", flags="ARRAY[]::varchar[]",
    )  # fmt: skip
    filler.fill(
        made.line, f"{package}, generate_series(1, 2) AS position", id=id_at("at", "g * 1000 + n * 10 + s.position"),
        package_id=id_at("at", "g * 100 + n"), shipment_id="s.id", position="s.position", serials="ARRAY[]::varchar[]",
        item_id=id_at(FIRST, f"1 + mod(g * 7 + n + s.position, {ITEMS})"),
    )  # fmt: skip
    filler.fill(
        made.paper.document, "carried", **DONE, id=id_at("at", "g + 100000000000"), kind="'packing-list'", requested_at="at",
        number="'SHP-2025-' || lpad(g::text, 6, '0')", token="('p' || g)", storage_name="('p' || g)", context="'{}'::jsonb",
        sha256="md5(g::text) || md5(g::text)", size="90000", pages="3", replaces_id="NULL::uuid", version="1",
    )  # fmt: skip
    filler.fill(
        made.paper, "carried", id="s.id", shipment_id="s.id", document_id=id_at("at", "g + 100000000000"),
        number="'SHP-2025-' || lpad(g::text, 6, '0')", version="1",
    )  # fmt: skip


def trail(filler: Filler, made: Any) -> None:
    """Write two entries of the trail for each received gift and one for each shipment, with their hashes."""
    subjects = (
        "(SELECT g, id, at, 'donations.donation' AS kind, 1 AS place, 'received' AS verb, '{}' AS told FROM seeded"
        f" WHERE {RECEIPTED} UNION ALL SELECT g, id, at, 'donations.receipt', 2, 'issued', '{{}}' FROM seeded WHERE {RECEIPTED}"
        " UNION ALL SELECT g, id, at, 'shipments.shipment', 3, 'dispatched', '{}' FROM carried) AS e"
    )
    at = TIME.format("date_trunc('second', at)")
    content = (
        "'[\"\", \"' || s.kind || '\", \"' || s.id || '\", 1, \"' || s.verb || '\", \"' || coalesce(s.by::text, 'None') ||"
        f' \'", "\' || {at} || \'", "", \' || told || \', ""]\''
    )
    by = f"(SELECT e.*, CASE WHEN kind = 'shipments.shipment' THEN '{made.user.pk}'::uuid END AS by FROM {subjects}) AS e"
    filler.fill(
        made.entry, by, id=id_at("at", "g * 10 + place"), subject_kind="s.kind", subject_id="s.id", sequence="1",
        verb="s.verb", by_id="s.by", at="date_trunc('second', s.at)", reason="''", details="told::jsonb", request_id="''",
        previous_hash="''", hash=f"encode(sha256(convert_to({content}, 'UTF8')), 'hex')",
    )  # fmt: skip


TOTALS = """
DELETE FROM donations_gifttotal;
INSERT INTO donations_gifttotal (appeal_id, currency, amount_minor, gifts)
SELECT appeal_id, currency, sum(greatest(0, amount_minor - refunded_minor - charged_back_minor)), count(*)
FROM donations_donation WHERE status <> 'pending' AND appeal_id IS NOT NULL GROUP BY 1, 2;
"""


def fill(gifts: int) -> None:
    """Fill the database of the default connection."""
    from django.db import connection, transaction

    from tests.benchmarks.templates import Templates

    with transaction.atomic():
        made = Templates()
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica; SET statement_timeout = 0; SET work_mem = '256MB'")
        filler = Filler(cursor)
        cursor.execute(GIFTS, {"gifts": gifts})
        with without_indexes(cursor):
            books(filler, made)
            papers(filler, made)
            goods(filler, made, max(1, gifts // 20))
            trail(filler, made)
            filler.do(TOTALS)
        cursor.execute("DROP TABLE seeded; DROP TABLE carried; RESET ALL")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("VACUUM (ANALYZE)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make seed", description=__doc__)
    parser.add_argument("--gifts", type=int, default=1_000_000)
    gifts = parser.parse_args().gifts
    began = time.monotonic()
    with kept_server() as server:
        use(server, database_of(server, gifts, again=True))
        fill(gifts)
        server.finished(gifts)
    load = os.getloadavg()[0]
    print(f"{gifts:,} gifts in {time.monotonic() - began:.0f} s, at a load of {load:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
