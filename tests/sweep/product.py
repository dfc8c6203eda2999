"""The product that the long form sweeps: real processes, in which the main story happens, with planted texts."""

import base64
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import openpyxl
import redis
from requests.adapters import HTTPAdapter
from urllib3.util.retry import Retry

from config.local import account
from tests.journeys.goods import WORKBOOK, GoodsStory
from tests.journeys.people import Person, Staff
from tests.journeys.place import place_of
from tests.journeys.story import eventually, must
from tests.processes import Instance
from tests.services import services
from tests.sweep import planting
from tests.sweep.planting import ADDRESS, CONTROLS, PASSWORD

LIMITS = {
    **dict.fromkeys(("RATE_ANONYMOUS", "RATE_CALLER", "RATE_GIVE"), "1000000/min"),
    **dict.fromkeys(("GIVE_PER_ADDRESS", "GIVE_PER_EMAIL", "GIVE_PER_HOUR"), "100000"),
}
# Papers and people may take long: the sweep runs on busy machines too.
SETTINGS = {
    **{**LIMITS, "PAPER_WALL_SECONDS": "99", "RECENT_SIGN_IN_MINUTES": "600"},
    # The first gift of the story is already more than usual, so that finance gets the alarm.
    **dict.fromkeys(("GIVE_ALARM_ATTEMPTS", "GIVE_ALARM_DECLINES", "GIVE_ALARM_CHALLENGES"), "0"),
}
PROGRAMS = ("web", "worker", "beat", "relay", "stripe")
PACKAGES = 3
ROOT = "root@example.org"
DONOR = "wong@example.org"  # of the story's first gift
DIRECTOR = "direction@example.org"  # administrator of the partner, who is told when an address was read
INVITED = "ines@example.org"
CAUTIOUS = "cautious@example.org"  # a donor who confirms a gift by mail
WAYBILL = {"kind": "waybill", "mode": "road", "carrier": "Transport Sahel", "loading_place": "Dakar, port"}


@contextmanager
def started(folder: Path) -> Iterator[tuple[Instance, "SecretStory"]]:
    """Start the product with its staff and a superuser, and a story that has not begun."""
    keep = folder / "keep"
    keep.mkdir()
    with Instance.started(folder, *PROGRAMS, settings=SETTINGS) as product:
        place = place_of(product, keep=keep, password=PASSWORD)
        product.env["DJANGO_SUPERUSER_PASSWORD"] = PASSWORD
        product.manage("createsuperuser", "--no-input", f"--email={ROOT}", "--name=Ruth Root")
        yield product, SecretStory(place)


@dataclass
class SecretStory(GoodsStory):
    """The main story, whose confidential sites have the planted address; and what the story leaves out."""

    refusals: list[tuple[str, bytes]] = field(default_factory=list)  # what refused requests with secrets were answered

    def refused(self, person: Person, method: str, path: str, body: Any, *, status: int) -> None:
        """Send a request with a secret, which must be refused with this status; the answer must not repeat it."""
        answer = person.send(method, path, body, status=(status,))
        self.refusals.append((f"{method} {path}", repr(sorted(answer.headers.items())).encode() + answer.content))

    def coordinator_registers_the_partner(self) -> str:
        told = super().coordinator_registers_the_partner()
        coordinator, officer = self.staff("coordinator"), self.staff("safety")
        partner = coordinator.get("/api/v1/partners/", code="AMAR")["results"][0]
        director = {"partner": partner["id"], "name": "Oumou Sidibé", "email": DIRECTOR, "language": "fr"}
        coordinator.post("/api/v1/contacts/", director | {"is_notified": False, "is_administrator": True})
        reason = {"reason": "The driver stands before a closed door."}
        for site in self.facts["sites"].values():
            at = f"/api/v1/sites/{site['id']}/"
            seen = coordinator.get(at)
            if seen["kind"] == "confidential":
                body = {**ADDRESS, "version": seen["version"]}
                coordinator.send("PUT", f"{at}address/", body, status=(204,))
                self.refused(coordinator, "PUT", f"{at}address/", {**body, "phone": [7]}, status=400)
                self.refused(coordinator, "PUT", f"{at}address/", body, status=412)
                self.refused(coordinator, "POST", f"{at}address/reveal/", reason, status=403)
                shown = officer.post(f"{at}address/reveal/", reason)
                must(shown == ADDRESS, "a safety officer reads the address")
        named = {"address": f"{ADDRESS['address']}, {ADDRESS['town']}", "version": partner["version"]}
        self.refused(coordinator, "PATCH", f"/api/v1/partners/{partner['id']}/", named, status=400)
        return told

    def a_sealed_address_is_named_by_a_text(self) -> str:
        """Seal an address of which a text in use says a word; another one, as this text stays."""
        coordinator = self.staff("coordinator")
        partner = coordinator.get("/api/v1/partners/", code="OTHER")["results"][0]["id"]
        contact = {"partner": partner, "name": "Yandubelo Sissoko", "email": "yandubelo@example.org", "language": "en"}
        coordinator.post("/api/v1/contacts/", contact)
        site = {"partner": partner, "kind": "confidential", "public_name": "", "region": "", "hand_over_point": "Port"}
        made = coordinator.post("/api/v1/sites/", site)
        address = {"name": "Maison Yandubelo", "address": "", "town": "", "phone": "", "version": made["version"]}
        coordinator.send("PUT", f"/api/v1/sites/{made['id']}/address/", address, status=(204,))
        return "the safety officers are told"

    def an_administrator_invites_a_colleague(self) -> str:
        administrator, path = self.staff("administrator"), "/admin/logistics/user/add/"
        form = {"email": INVITED, "name": "Inès Lo", "roles": "administrator", "language": "fr"}
        form |= {"csrfmiddlewaretoken": csrf(administrator, path)}
        url = administrator.url(path)
        page = administrator.http.post(url, data=form, headers={"Referer": url, "Accept": "text/html"}, timeout=60)
        must(page.url != url and page.ok, "the administrator may invite")
        eventually("the invitation is mailed", lambda: self.place.mails_to(INVITED))
        return "invited"

    def steps(self) -> list[tuple[str, Any]]:
        """Return the story without what `make attack` and the story itself prove, and with the rest of the papers."""
        steps = [(title, step) for title, step in super().steps() if not title.startswith(("Bad files", "A dry run"))]
        sealed = next(place for place, (title, _) in enumerate(steps) if title.startswith("Sealed"))
        steps.insert(sealed + 1, ("Every other paper", self.every_other_paper_is_issued))
        return [
            *steps,
            ("A text names a sealed address", self.a_sealed_address_is_named_by_a_text),
            ("An administrator invites a colleague", self.an_administrator_invites_a_colleague),
            ("A refund, a sign-in, gifts that are not paid, an alarm", self.the_rest_of_the_mails),
            ("Two links for drivers, one of them used", self.drivers_get_links),
        ]

    def the_spreadsheet_is_imported(self) -> str:
        """Import the first packages only: a busy machine would not print the papers of all 270 in time."""
        book = openpyxl.load_workbook(WORKBOOK)
        sheet = book.worksheets[0]
        column = [str(cell.value) for cell in sheet[1]].index("package_no") + 1
        numbers = (sheet.cell(row, column).value for row in range(2, sheet.max_row + 1))
        first = next(row for row, number in enumerate(numbers, 2) if str(number) == str(PACKAGES + 1))
        sheet.delete_rows(first, sheet.max_row)
        path = self.place.keep / "few.xlsx"
        book.save(path)
        seen = self._upload(path, dry_run=False)
        must(seen["outcome"] == "imported", f"it is imported, not {seen['outcome']}: {seen['errors'][:3]}")
        return f"{PACKAGES} packages"

    def it_is_sealed_and_the_packing_list_printed(self) -> str:
        warehouse = self.staff("warehouse")
        warehouse.post(f"{self.shipment}seal/", {})
        self._paper(warehouse, f"{self.shipment}packing-list/", "packing list")
        return "sealed"

    def the_partner_confirms_delivery(self) -> str:
        body = {
            **{"client_id": str(uuid4()), "stated_at": datetime.now(UTC).isoformat(), "received_by": "Awa Diarra"},
            **{"seal_intact": True, "default": "good"},
            "exceptions": [{"package": 1, "missing": True, "reason": "not in the container"}],
        }
        self.facts["confirmation"], self.facts["key"] = body, str(uuid4())
        answer = self.facts["partner"].send("POST", f"{self.shipment}deliveries/", body, key=self.facts["key"])
        self.facts["delivery"] = answer.json()
        return "confirmed"

    def the_goods_received_note_and_the_discrepancy(self) -> str:
        warehouse = self.staff("warehouse")
        at = f"{self.shipment}deliveries/{self.facts['delivery']['id']}/goods-received-note/"
        self._paper(warehouse, at, "note")
        opened = warehouse.get("/api/v1/discrepancies/", shipment=self.facts["shipment"], state="open")["results"]
        must(opened, "there is a discrepancy")
        self.facts["discrepancies"] = opened
        return f"{len(opened)} discrepancies"

    def every_other_paper_is_issued(self) -> str:
        warehouse = self.staff("warehouse")

        def printed() -> bool:
            papers = warehouse.get(f"{self.shipment}papers/")["results"]
            dead = [paper["number"] for paper in papers if paper["state"] == "dead"]
            must(not dead, f"every paper is printed, not dead: {dead}")
            return all(paper["state"] == "done" for paper in papers)

        for body in ({"kind": "labels"}, {"kind": "goods-received-form"}, WAYBILL):
            warehouse.post(f"{self.shipment}papers/", body)
            eventually("the paper is printed", printed, within_s=600)
        return "labels, goods-received form, waybill"

    def the_rest_of_the_mails(self) -> str:
        """Refund a gift, dispute another, ask for a sign-in link, leave gifts unpaid, wait for the alarm to finance."""
        finance = self.staff("finance")
        self.place.control("dispute", payment_intent=self.facts["disputed"]())
        eventually("the dispute is recorded", lambda: finance.get("/api/v1/donations/?status=disputed")["results"])
        self.place.control("refund", payment_intent=self.facts["intent"]())
        eventually("the receipt is cancelled", lambda: finance.get("/api/v1/receipts/", state="cancelled")["results"])
        donor = Person(self.place.base_url)
        donor.get("/my-gifts/")
        form = {"email": DONOR, "csrfmiddlewaretoken": csrf(donor, "/my-gifts/")}
        donor.http.post(donor.url("/my-gifts/"), data=form, timeout=30)
        unpaid = self._give("Mme Diop", "diop@example.org", "20.00", "HKD", "fr")
        again = donor.post(f"/api/v1/donations/{unpaid['token']}/checkout/", {})
        self.facts["unpaid"] = again["token"]
        cautious = {
            **{"amount": "30.00", "currency": "HKD", "confirm_by_mail": True},
            "donor": {"name": "Tam Ka Yan", "email": CAUTIOUS},
        }
        donor.post("/api/v1/donations/", cautious)
        eventually("the sign-in link is mailed", self.sign_in_link)
        eventually("the link to a payment is mailed", self.payment_link)
        auditor = self.staff("auditor")  # who sees mails of all kinds
        emails = "/api/v1/emails/"
        eventually("the alarm is mailed", lambda: auditor.get(emails, kind="giving-alarm")["results"], within_s=300)
        eventually("all mails are sent", lambda: not auditor.get(emails, state="pending")["results"])
        return "receipt cancelled, links mailed"

    def drivers_get_links(self) -> str:
        """A second shipment to a confidential site, so that a link still works when the story is over."""
        warehouse = self.staff("warehouse")
        officer = Staff(self.place.base_url, "safety@example.org", PASSWORD)  # who has just signed in
        code = next(site["code"] for site in self.facts["sites"].values() if site["kind"] == "confidential")
        asked = {"title": "Desks", "consignee": "AMAR", "customs_currency": "HKD"}
        shipment = warehouse.post("/api/v1/shipments/", asked | {"sites": [{"code": code, "label": "A"}]})
        at = f"/api/v1/shipments/{shipment['number']}/"
        item = warehouse.get("/api/v1/items/")["results"][0]["code"]
        line = {"item": item, "quantity": 1, "unit_value": "450.00", "origin": "CN", "unit_weight_kg": "1.000"}
        warehouse.post(f"{at}packages/", {"kind": "CT", "gross_kg": "45", "destination": code, "lines": [line]})
        warehouse.post(f"{at}seal/", {})
        waybill = warehouse.post(f"{at}papers/", WAYBILL)["number"]
        used, self.facts["drivers_token"] = (self._link_for_driver(officer, waybill) for _ in range(2))
        page = Person(self.place.base_url).http.post(f"{self.place.base_url}/d/{used}/", timeout=30)
        must(ADDRESS["town"] in page.text, f"the driver sees the address, not {page.status_code}")
        eventually("the viewing is mailed", lambda: self._mailed(DIRECTOR, re.escape(waybill)))
        return "one used, one left"

    def _link_for_driver(self, officer: Person, waybill: str) -> str:
        """Make a link in the admin, and return its token."""
        add = "/admin/shipments/reveal/add/"
        page = officer.http.get(officer.url(add), headers={"Accept": "text/html"}, timeout=30).text
        leg = re.search(rf'<option value="([^"]+)"[^>]*>\s*{waybill}', page)
        must(leg, f"the form offers {waybill}")
        form = {
            **{"leg": leg[1] if leg else "", "driver": "Moussa Keita", "hours": "12"},
            **{"reason": "He brings the desks on Friday.", "csrfmiddlewaretoken": csrf(officer, add)},
        }
        headers = {"Referer": officer.url(add), "Accept": "text/html"}
        made = officer.http.post(officer.url(add), data=form, headers=headers, timeout=30).text
        found = re.search(r"/d/([\w-]{32})/", made)
        must(found, "the page shows the link")
        return found[1] if found else ""

    def sign_in_link(self) -> str:
        """Return the token of the mailed link; "" before."""
        return self._mailed(DONOR, r"/my-gifts/in/([^/\s]+)/")

    def payment_link(self) -> str:
        """Return the code of the mailed link with which a gift is paid; "" before."""
        return self._mailed(CAUTIOUS, r"\?confirm=(\S+)")

    def invitation(self) -> tuple[str, str]:
        """Return whose the mailed link is with which a new colleague sets a password, and its token."""
        user, _, token = self._mailed(INVITED, r"/admin/\S+/([^/\s]+/[^/\s]+)/").partition("/")
        return user, token

    def _mailed(self, to: str, pattern: str) -> str:
        """Return what the newest mail to somebody has here; "" if there is none."""
        texts = [str(mail.get_body(("plain",)).get_content()) for mail in self.place.mails_to(to)]  # type: ignore[union-attr]
        found = re.findall(pattern, "\n".join(texts))
        return found[-1] if found else ""


def csrf(person: Person, path: str) -> str:
    page = person.http.get(person.url(path), headers={"Accept": "text/html"}, timeout=30).text
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    return found[1] if found else ""


def caller(person: Person) -> Any:
    """Return a function that sends a request as this person, with a CSRF token as its pages would."""
    # The server closes idle connections, and some when a worker has answered its share: send the request again.
    again = Retry(3, allowed_methods=None, backoff_factor=0.5, respect_retry_after_header=False)
    person.http.mount(person.base_url, HTTPAdapter(max_retries=again))

    def ask(method: str, path: str) -> tuple[int, bytes, bytes]:
        headers = {"Idempotency-Key": str(uuid4()), "Accept": "*/*", "Accept-Encoding": "identity"}
        if token := person.http.cookies.get("csrftoken"):
            headers |= {"X-CSRFToken": token, "Referer": person.base_url}
        body: Any = None if method == "GET" else {}
        answer = person.http.request(
            method, person.url(path), json=body, headers=headers, allow_redirects=False, timeout=60
        )
        return answer.status_code, repr(sorted(answer.headers.items())).encode(), answer.content

    return ask


@dataclass
class Monitor:
    """Every command that the Redis-protocol server gets, so that what is deleted at once is seen too."""

    url: str
    heard: list[bytes] = field(default_factory=list)

    def listen(self) -> None:
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        try:
            with redis.Redis.from_url(self.url, decode_responses=False) as client, client.monitor() as monitor:
                for command in monitor.listen():
                    text = command["command"]
                    self.heard.append(text.encode(errors="surrogateescape") if isinstance(text, str) else text)
        except redis.RedisError:  # the server has stopped
            return


def contents_of_redis(url: str) -> Iterator[tuple[str, bytes]]:
    with redis.Redis.from_url(url) as store:
        for name in store.scan_iter():
            yield name.decode(errors="replace"), name + b" " + (store.dump(name) or b"")


def dump_of(database: str) -> bytes:
    """Return what pg_dump writes."""
    program = account.PACKAGES / account.BIN / "pg_dump"
    done = subprocess.run(
        [str(program), services().postgres.conninfo(database)], capture_output=True, check=True, env=os.environ
    )
    return done.stdout


def plant_in_stores(product: Instance, folder: Path) -> None:
    """Plant a leak in each kind of place that the story does not write to."""
    with redis.Redis.from_url(product.env["REDIS_URL"]) as store:
        store.set("planted", planting.all_escaped(CONTROLS["redis"]))
    for name in ("web", "worker"):
        with product[name].log.open("ab") as log:  # which the program appends to
            log.write(b'{"event": "' + base64.b64encode(b"to: " + CONTROLS[name].encode()) + b'"}\n')
    product.execute(f"DO $$ BEGIN RAISE LOG USING MESSAGE = '{planting.in_hex(CONTROLS['postgres'])}'; END $$")
    product.execute(
        "INSERT INTO sealed.ciphertext (id, content, key_id)"
        f" VALUES (gen_random_uuid(), convert_to('{CONTROLS['sealed']}', 'UTF8'), '')"
    )
    attached, paper = folder / "attached.txt", next((folder / "keep").glob("receipt-hkd.pdf"))
    attached.write_bytes(base64.b64encode(CONTROLS["attachment"].encode()))
    target = Path(product.env["VAR_DIR"]) / "files" / "planted.pdf"
    subprocess.run(
        ["qpdf", str(paper), "--add-attachment", str(attached), "--mimetype=text/plain", "--", str(target)], check=True
    )
