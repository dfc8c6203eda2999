"""Donors who give while parts of the product are killed, frozen or cut off, and checks of the final state."""

import hashlib
import json
import time
import uuid
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis
import requests

from tests.journeys.people import Donor
from tests.journeys.story import GOOD_CARD, Place
from tests.processes import Answer, Instance, eventually
from tests.services import services
from tests.shipments import mali
from tests.stand_in.webhooks import sign

# The lease of a killed worker (Job.LEASE, 20 s), the relay's sweep, and the work itself on a very busy machine.
SETTLED_WITHIN_S = 180.0
SETTINGS = {
    "RATE_GIVE": "100000/hour",
    "RATE_ANONYMOUS": "100000/min",
    "GIVE_PER_ADDRESS": "100000",
    "GIVE_PER_EMAIL": "100000",
    "GIVE_PER_HOUR": "100000",
    "DATABASE_STATEMENT_TIMEOUT_MS": "120000",  # no timeout: a program waits at a barrier until the test opens it
}
WORLD = """
from tests.makers.appeals import make_appeal
from tests.makers.charity import make_charity
make_charity()
make_appeal()
"""
LABELS = 40  # long enough to report progress half-way
# An advisory lock held by the test: programs wait at the barrier until the test releases it.
BARRIER = 4_242


@dataclass
class Gift:
    """A gift in progress, and its donor."""

    donor: Donor
    email: str
    answer: dict[str, Any]

    @property
    def reference(self) -> str:
        return str(self.answer["reference"])

    def pay(self) -> None:
        """Pay at the checkout; the page the donor returns to may be down."""
        self.donor.pay(self.answer["checkout_url"], GOOD_CARD)


@dataclass
class Givers:
    """A charity with an open appeal in a product of real processes."""

    product: Instance
    place: Place
    gifts: list[Gift] = field(default_factory=list)

    @classmethod
    @contextmanager
    def started(cls, folder: Path, *more: str) -> Iterator["Givers"]:
        with Instance.started(folder, "web", "worker", *more, "relay", "stripe", settings=SETTINGS) as product:
            product.manage("shell", "-v", "0", "-c", WORLD)
            mailbox = Path(product.env["VAR_DIR"]) / "mail"
            yield cls(
                product, Place(product.env["PUBLIC_URL"], product.env["STRIPE_API_BASE"], mailbox, folder, password="")
            )

    def make_whole(self) -> None:
        """Restart everything that a test has stopped."""
        if not self.product.broker.valkey.answers():
            self.product.broker.kill()
            self.product.broker.start()
            eventually(self.product.broker.valkey.answers)
        self.start(*(name for name, running in self.product.running.items() if not running.running))
        self.place.control("switches", hold=False, times=1, order="given")

    def start(self, *names: str) -> None:
        """Restart programs and return when all of them are ready."""
        for name in names:
            running = self.product[name]
            running.log.unlink(missing_ok=True)  # "ready" must come from the new process
            running.start()
        for name in names:
            self.product.wait_for(name)

    def consumers(self) -> int:
        """Return how many workers wait at the broker for work."""
        try:
            with redis.Redis.from_url(self.product.broker.valkey.url) as broker:
                return sum("brpop" in str(client["cmd"]) for client in broker.client_list())
        except redis.ConnectionError:
            return 0

    # --- Donors and Stripe ------------------------------------------------------------------

    def give(self) -> Gift:
        """Create a gift over the API; nothing is paid yet."""
        donor, email = Donor(self.place.base_url), f"donor-{uuid.uuid4().hex[:12]}@example.org"
        body = {
            "amount": "500.50",
            "currency": "HKD",
            "appeal": "mali",
            "donor": {"name": "Chan Tai Man", "email": email, "language": "en", "country": "HK"},
            "consent": True,
        }
        gift = Gift(donor, email, donor.post("/api/v1/donations/", body))
        self.gifts.append(gift)
        return gift

    def pay_at_stripe(self, gift: Gift) -> None:
        """Pay without opening our own pages, which are down."""
        requests.post(
            gift.answer["checkout_url"],
            {"number": GOOD_CARD, "expiry": "12/34", "cvc": "123", "name": "A Donor"},
            allow_redirects=False,
            timeout=10,
        )

    def events(self, *, before: str | None = None) -> list[dict[str, Any]]:
        """Return the newest hundred Stripe events, or the hundred before one of them, oldest first."""
        found = requests.get(
            f"{self.place.stand_in_url}/v1/events",
            params={"limit": 100} | ({"starting_after": before} if before else {}),
            headers={"Authorization": f"Bearer {self.product.env['STRIPE_SECRET_KEY']}"},
            timeout=10,
        ).json()["data"]
        return list(reversed(found))

    def paid_unheard(self) -> tuple[Gift, list[dict[str, Any]]]:
        """Return a paid gift, and its Stripe events, which are not delivered yet."""
        before = {event["id"] for event in self.events()}
        self.place.control("switches", hold=True)
        gift = self.give()
        self.pay_at_stripe(gift)
        return gift, [event for event in self.events() if event["id"] not in before]

    def deliver(self, event: dict[str, Any], *, timeout: float = 30.0) -> Answer:
        """Post one signed event to our webhook. Raises OSError if the server is down."""
        body = json.dumps(event).encode()
        secret, at = self.product.env["STRIPE_WEBHOOK_SECRETS"].split(",")[0], int(time.time())
        return self.product.post(
            "/api/v1/stripe/events/",
            body,
            headers={"Content-Type": "application/json", "Stripe-Signature": f"t={at},v1={sign(body, secret, at)}"},
            timeout=timeout,
        )

    def held_at(self, table: str, when: str) -> AbstractContextManager["Barrier"]:
        """Block updates of a table's rows; see `held_at`."""
        return held_at(self.product, table, when)

    # --- What must be true ------------------------------------------------------------------

    def papers_of(self, gift: Gift) -> tuple[Any, ...] | None:
        """Return receipt number, documents, printing attempts and mails of a gift, or None while jobs remain."""
        rows = self.product.rows(
            """SELECT r.number, p.attempts, p.state, d.state, e.state,
                      (SELECT count(*) FROM logistics_document WHERE kind = 'receipt' AND number = r.number),
                      (SELECT count(*) FROM logistics_email WHERE "to" = %s)
               FROM donations_donation g
               JOIN donations_receipt r ON r.donation_id = g.id
               JOIN logistics_document p ON p.id = r.document_id
               JOIN donations_receiptdelivery d ON d.receipt_id = r.id
               LEFT JOIN logistics_email e ON e.id = d.email_id
               WHERE g.reference = %s""",
            gift.email,
            gift.reference,
        )
        if not rows or any(state != "done" for row in rows for state in row[2:5]):
            return None
        assert len(rows) == 1, f"one receipt and one delivery, not {rows}"
        number, attempts, *_, documents, mails = rows[0]
        assert (documents, mails) == (1, 1), f"{number}: one document and one mail, not {documents} and {mails}"
        return number, attempts

    def settled(self, gift: Gift, *, within: float = SETTLED_WITHIN_S) -> int:
        """Wait until a gift's receipt is issued, printed and mailed, each exactly once; return print attempts."""
        _, attempts = eventually(
            lambda: self.papers_of(gift), within=within, what=f"the receipt of {gift.reference} to be mailed"
        )
        assert len(self.place.mails_to(gift.email)) == 1
        self.numbers_have_no_gap()
        return int(attempts)

    def numbers_have_no_gap(self) -> None:
        # One statement, so one moment: receipts of other gifts are being issued.
        ((numbers, last),) = self.product.rows(
            "SELECT array(SELECT sequence FROM donations_receipt ORDER BY sequence), last"
            " FROM logistics_numberseries WHERE name = 'HK receipts'"
        )
        assert numbers == list(range(1, last + 1))

    def owe_long_paper(self) -> str:
        """Queue a paper of several pages without notifying a worker, and return its number."""
        number = f"LONG-{uuid.uuid4().hex[:8]}"
        context = json.dumps(mali.labels(labels=mali.labels()["labels"][:LABELS]))
        self.product.rows(
            """INSERT INTO logistics_document (id, kind, number, version, template, context, content_sha256, languages,
                   requested_at, issued_on, token, storage_name, sha256, state, attempts, last_error_code, progress)
               VALUES (%s, 'labels', %s, 1, 'shipments/papers/labels.html', %s, %s, '{en}',
                   now(), '2026-03-02', %s, '', '', 'pending', 0, '', 0)
               RETURNING id""",
            *(uuid.uuid4(), number, context, hashlib.sha256(context.encode()).hexdigest(), number),
        )
        return number

    def document(self, number: str) -> tuple[str, int]:
        """Return state and attempts of the one document with this number."""
        ((state, attempts),) = self.product.rows(
            "SELECT state, attempts FROM logistics_document WHERE number = %s", number
        )
        return state, attempts

    def stored_events(self, events: list[dict[str, Any]]) -> dict[str, int]:
        """Return how often each of these events is stored, counting only done ones."""
        return dict(
            self.product.rows(
                "SELECT stripe_id, count(*) FROM donations_stripeevent WHERE stripe_id = ANY(%s) AND state = 'done'"
                " GROUP BY 1",
                [event["id"] for event in events],
            )
        )


@dataclass
class Barrier:
    """A barrier where programs wait; see Givers.held_at."""

    keeper: psycopg.Connection[Any]

    def reached(self, *, by: int = 1) -> None:
        """Wait until this many programs wait at it."""

        def they_wait() -> bool:
            row = self.keeper.execute(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = %s AND NOT granted", [BARRIER]
            ).fetchone()
            return bool(row and row[0] >= by)

        eventually(they_wait, within=120, what="programs to reach the barrier")

    def open(self) -> None:
        self.keeper.execute("SELECT pg_advisory_unlock(%s)", [BARRIER])


@contextmanager
def held_at(product: Instance, table: str, when: str) -> Iterator[Barrier]:
    """Block any update of a table's row that makes `when` true, just before it happens.

    The barrier is in the database, so the blocked program is the real one and may be killed there.
    What a killed program had asked of the database there is done once the barrier opens, but its transaction is not
    committed.
    """
    url = services().postgres.conninfo(product.database)
    with psycopg.connect(url, autocommit=True) as keeper:
        keeper.execute("SELECT pg_advisory_lock(%s)", [BARRIER])
        keeper.execute(
            f"""CREATE FUNCTION wait_at_barrier() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = 0
                AS 'BEGIN PERFORM pg_advisory_xact_lock_shared({BARRIER}); RETURN NEW; END';
                CREATE TRIGGER aa_barrier BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({when})
                EXECUTE FUNCTION wait_at_barrier()""".encode()
        )
        try:
            yield Barrier(keeper)
        finally:
            keeper.execute("SELECT pg_advisory_unlock_all()")
            keeper.execute(f"DROP TRIGGER aa_barrier ON {table}; DROP FUNCTION wait_at_barrier()".encode())
