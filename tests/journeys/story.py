"""The main job from gift to delivery, through HTTP only. `make demo` tells it, test_main_story.py proves it."""

import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import requests

from tests.journeys import papers
from tests.journeys.people import Donor, Person, Refused, Staff, checked

DATA = Path(__file__).parent.parent / "data" / "mali_shipment"
GOOD_CARD, DECLINED_CARD = "4242 4242 4242 4242", "4000 0000 0000 0002"
Watch = Callable[[str, int], None]  # what, per cent


def eventually(what: str, ask: Callable[[], Any], *, within_s: float = 60) -> Any:
    """Poll `ask` and return its first true result; fail after `within_s`. Used for results over the network."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := ask():
            return answer
        time.sleep(0.1)
    raise Refused(f"not within {within_s:.0f} s: {what}")


def must(holds: object, claim: str) -> None:
    if not holds:
        raise Refused(f"does not hold: {claim}")


@dataclass
class Place:
    """Where the story happens: a running product, its mailbox, and the stand-in for Stripe."""

    base_url: str
    stand_in_url: str
    mailbox: Path
    keep: Path  # where the papers are saved
    password: str  # of the staff: finance@, warehouse@, coordinator@example.org

    def mails(self) -> Iterator[EmailMessage]:
        for file in sorted(self.mailbox.glob("*.log")):
            *whole, _being_written = file.read_bytes().split(b"\n" + b"-" * 79 + b"\n")
            for part in whole:
                yield message_from_bytes(part, policy=policy.default)

    def mails_to(self, address: str) -> list[EmailMessage]:
        return [mail for mail in self.mails() if mail["To"] == address]

    def control(self, what: str, **values: Any) -> Any:
        return checked(requests.post(f"{self.stand_in_url}/_control/{what}", json=values, timeout=10), 200).json()


@dataclass
class Story:
    place: Place
    watch: Watch = lambda what, percent: None
    facts: dict[str, Any] = field(default_factory=dict)

    def staff(self, role: str) -> Staff:
        if role not in self.facts:
            self.facts[role] = Staff(self.place.base_url, f"{role}@example.org", self.place.password)
        return self.facts[role]

    # --- Money ------------------------------------------------------------------------------

    def finance_sets_up_the_charity_and_the_appeal(self) -> str:
        finance = self.staff("finance")
        finance.send(
            "PUT",
            "/api/v1/charity/",
            {
                "name": "Harbour Relief Hong Kong (fictional)",
                "name_local": "海港救援會（虛構）",
                "address": "Unit 5, 12/F, Example Centre\nTuen Mun, New Territories\nHong Kong",
                "country": "HK",
                "registration": "91/00000",
                "jurisdiction": "HK",
                "time_zone": "Asia/Hong_Kong",
                "email": "giving@example.org",
                "phone": "+852 2345 6789",
                "website": "https://example.org",
                "signatory": "Chan Tai Man 陳大文",
                "signatory_title": "Honorary Treasurer",
                "currencies": ["HKD", "XOF", "USD", "EUR"],
            },
        )
        appeal = finance.post(
            "/api/v1/appeals/",
            {
                "slug": "mali",
                "title_en": "Mali: rescue and rehabilitation for survivors of trafficking",
                "title_fr": "Mali : secours et réinsertion pour les survivants de la traite",
                "story_en": "Beds, stoves, sewing machines and school books for five homes and training centres.",
                "story_fr": "Des lits, des cuisinières, des machines à coudre et des livres pour cinq foyers.",
                "target_amount": "1500000.00",
                "currency": "HKD",
                "country": "ML",
                "opens_on": "2026-01-01",
            },
        )
        self.facts["appeal"] = appeal
        return f"appeal {appeal['slug']}, target HK$1,500,000"

    def _give(self, name: str, email: str, amount: str, currency: str, language: str) -> dict[str, Any]:
        body = {
            "amount": amount,
            "currency": currency,
            "appeal": self.facts["appeal"]["slug"],
            "donor": {"name": name, "email": email, "language": language, "country": "HK"},
            "consent": True,
        }
        donor, key = Donor(self.place.base_url), str(uuid.uuid4())
        answer = donor.post("/api/v1/donations/", body, key=key)
        again = donor.send("POST", "/api/v1/donations/", body, key=key)
        must(again.json() == answer, "the same request again gets the same answer")
        must(again.headers.get("Idempotent-Replayed") == "true", "and says that it is a replay")
        return answer

    def _receipted(self, gift: dict[str, Any]) -> dict[str, Any]:
        donor = Person(self.place.base_url)

        def ask() -> dict[str, Any] | None:
            seen: dict[str, Any] = donor.get(gift["url"])
            return seen if seen["receipt"] and seen["receipt"]["state"] == "done" else None

        return eventually("the receipt is printed", ask)

    def _keep_receipt(self, seen: dict[str, Any], email: str, name: str) -> tuple[str, str]:
        """Download the receipt, compare it with the mailed one, and return its number and text."""
        pdf = Person(self.place.base_url).get(seen["receipt"]["pdf_url"])
        mails = eventually("the receipt is mailed", lambda: self.place.mails_to(email))
        must(len(mails) == 1, f"exactly one mail to donor, not {len(mails)}")
        attached = [part.get_content() for part in mails[0].iter_attachments()]
        must(attached == [pdf], "the mailed receipt is the downloaded one, byte for byte")
        (self.place.keep / name).write_bytes(pdf)
        return seen["receipt"]["number"], papers.text_of(pdf)

    def a_donor_gives_hkd(self) -> str:
        # From now on every webhook is delivered twice and out of order.
        self.place.control("switches", times=2, order="shuffled")
        gift = self._give("Wong Siu Ming 黃小明", "wong@example.org", "500.50", "HKD", "en")
        Donor(self.place.base_url).pay(gift["checkout_url"], GOOD_CARD)
        number, text = self._keep_receipt(self._receipted(gift), "wong@example.org", "receipt-hkd.pdf")
        must("HK$500.50" in text, "the receipt says HK$500.50")
        must("黃小明" in text, "the receipt has the donor's Chinese name")
        self.facts["numbers"] = [number]
        return f"receipt {number}, HK$500.50"

    def a_donor_gives_xof(self) -> str:
        gift = self._give("Aïssata Traoré", "aissata@example.org", "65500", "XOF", "fr")
        Donor(self.place.base_url).pay(gift["checkout_url"], GOOD_CARD)
        number, text = self._keep_receipt(self._receipted(gift), "aissata@example.org", "receipt-xof.pdf")
        must(re.search(r"65\s500", text) and "XOF" in text, "the receipt says XOF 65 500")
        must("655.00" not in text and "655,00" not in text, "and not 655.00")
        self.facts["numbers"].append(number)
        return f"receipt {number}, XOF 65 500"

    def a_card_is_declined_and_another_one_pays(self) -> str:
        gift = self._give("Jean Dupont", "jean@example.org", "200.00", "HKD", "fr")
        donor = Donor(self.place.base_url)
        page = donor.pay(gift["checkout_url"], DECLINED_CARD)
        must(re.search(r"declin|refus", page.text, re.I), "the checkout page says why")
        must(donor.get(gift["url"])["status"] == "pending", "nothing is received yet")
        donor.pay(gift["checkout_url"], GOOD_CARD)
        number, _ = self._keep_receipt(self._receipted(gift), "jean@example.org", "receipt-second-card.pdf")
        self.facts["numbers"].append(number)
        return f"receipt {number}, after one declined card"

    def repeated_webhooks_changed_nothing(self) -> str:
        eventually(
            "every webhook is delivered twice",
            lambda: requests.get(f"{self.place.stand_in_url}/_control/", timeout=10).json()["undelivered"] == 0,
        )
        finance = self.staff("finance")
        eventually(
            "every event is applied",
            lambda: not finance.get("/api/v1/stripe-events/", state="pending")["results"],
        )
        receipts = finance.get("/api/v1/receipts/")["results"]
        numbers = sorted(receipt["number"] for receipt in receipts)
        must(numbers == sorted(self.facts["numbers"]), f"three receipts, not {numbers}")
        last = [int(number.rpartition("-")[2]) for number in numbers]
        must(last == [1, 2, 3], f"numbers without gap, not {last}")
        for address in ("wong@example.org", "aissata@example.org", "jean@example.org"):
            must(len(self.place.mails_to(address)) == 1, "one mail for each donor")
        return "3 receipts, 3 mails, numbers 1 to 3"

    def a_cheque_is_typed_twice(self) -> str:
        # A fresh sign-in: these acts need one of the last five minutes.
        finance = Staff(self.place.base_url, "finance@example.org", self.place.password)
        cheque = {
            "amount": "5000.00",
            "currency": "HKD",
            "channel": "cheque",
            "received_on": (datetime.now(UTC) - timedelta(days=3)).date().isoformat(),
            "payment_reference": "HSBC 000123",
            "donor": {"organisation": "Ho & Sons", "email": "hoo@example.org"},
        }
        first = finance.post("/api/v1/donations/offline/", cheque)
        warned = finance.send("POST", "/api/v1/donations/offline/", cheque, status=(409,)).json()
        must(warned["duplicates"] == [first["reference"]], "the second time, the first cheque is shown")
        second = finance.post("/api/v1/donations/offline/", cheque | {"another_than": warned["duplicates"]})
        void = finance.post(f"/api/v1/donations/{second['id']}/void/", {"reason": "The same cheque after all."})
        must(void["status"] == "voided", "the second one is void")
        self.facts["cheque"] = first
        return f"{first['reference']} was shown, {second['reference']} is void"

    def an_email_is_corrected_and_a_receipt_reissued(self) -> str:
        finance = Staff(self.place.base_url, "finance@example.org", self.place.password)
        eventually("the receipt is mailed to the wrong address", lambda: self.place.mails_to("hoo@example.org"))
        donor = finance.get(f"/api/v1/donors/{self.facts['cheque']['donor']}/")
        version = {"If-Match": f'"{donor["version"]}"'}
        path = f"/api/v1/donors/{donor['id']}/"
        finance.send("PATCH", path, {"email": "ho@example.org"}, headers=version)
        [old] = finance.get(f"{path}outdated-receipts/")
        new = finance.post(f"/api/v1/receipts/{old['receipt']}/replace/")
        must(new["replaces"] == old["number"], "the new receipt names the number of the old one")
        [mail] = eventually("the new receipt is mailed", lambda: self.place.mails_to("ho@example.org"))
        body = mail.get_body(("plain",))
        must(body is not None and old["number"] in body.get_content(), "its mail names the old number too")
        numbers = [receipt["number"] for receipt in finance.get("/api/v1/receipts/")["results"]]
        last = sorted(int(number.rpartition("-")[2]) for number in numbers)
        must(last == [1, 2, 3, 4, 5, 6], f"numbers without gap, not {last}")
        return f"receipt {new['number']} replaces {old['number']}"

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        """Return the steps of the story in order: description, and the function that runs and checks it."""
        return [
            ("Finance sets up the charity and an appeal", self.finance_sets_up_the_charity_and_the_appeal),
            ("A donor gives HK$500.50, pays by card, gets a receipt", self.a_donor_gives_hkd),
            ("A donor gives XOF 65 500", self.a_donor_gives_xof),
            ("A declined card, then a good one: exactly one receipt", self.a_card_is_declined_and_another_one_pays),
            ("Every webhook came twice and out of order; nothing changed", self.repeated_webhooks_changed_nothing),
            ("Finance types a cheque twice, is warned, and voids one", self.a_cheque_is_typed_twice),
            (
                "An email address is corrected and the receipt reissued",
                self.an_email_is_corrected_and_a_receipt_reissued,
            ),
        ]
