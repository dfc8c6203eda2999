"""The second half of the story: a spreadsheet becomes a sealed manifest, a partner confirms what arrived."""

import csv
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.journeys import bad_files, papers
from tests.journeys.people import Program
from tests.journeys.story import DATA, Story, eventually, must
from tests.shipments.mali import CATEGORIES

WORKBOOK = DATA / "packing_list_clean.xlsx"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
TOTALS = {
    "packages": 270,
    "lines": 323,
    "gross_kg": "6490.110",
    "net_kg": "6252.010",
    "volume_m3": "59.053",
    "value": "525094.00",
    "currency": "HKD",
}
PRINTED_TOTALS = ("6 490.110", "6 252.010", "59.053", "525 094.00")
PARTNER_MAIL = "accueil@example.org"


def rows(name: str) -> list[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class GoodsStory(Story):
    """The whole story: money, then goods."""

    @property
    def shipment(self) -> str:
        return f"/api/v1/shipments/{self.facts['shipment']}/"

    def coordinator_registers_the_partner(self) -> str:
        coordinator = self.staff("coordinator")
        told = rows("shipment.csv")[0]
        name, _, town = told["consignee"].rpartition(", ")
        partner = coordinator.post(
            "/api/v1/partners/",
            {
                "code": "AMAR",
                "name": name,
                "languages": ["fr", "en"],
                "country": "ML",
                "address": f"{town}, Mali",
                "tax_number": "081234567X",
            },
        )
        at = f"/api/v1/partners/{partner['id']}"
        contact = {
            "partner": partner["id"],
            "name": "Awa Diarra",
            "email": PARTNER_MAIL,
            "language": "fr",
            "is_notified": True,
        }
        coordinator.post("/api/v1/contacts/", contact)
        self.facts["sites"] = {}
        for site in rows("sites.csv"):
            is_secret = site["location_is_confidential"] == "yes"
            made = coordinator.post(
                "/api/v1/sites/",
                {
                    "partner": partner["id"],
                    "kind": "confidential" if is_secret else "open",
                    "public_name": "" if is_secret else site["name"],
                    "region": site["admin1_pcode"],
                    "hand_over_point": f"Gare routière, {site['admin1_pcode']}",
                },
            )
            address = {"name": site["name"], "address": "", "town": site["town"], "phone": site["phone"]}
            address["version"] = made["version"]
            coordinator.send("PUT", f"/api/v1/sites/{made['id']}/address/", address, status=(200, 201, 204))
            self.facts["sites"][site["site"]] = made
        key = coordinator.post(f"{at}/keys/", {"name": "Awa's phone", "valid_days": 365})
        self.facts["partner"] = Program(self.place.base_url, key["key"])
        other = coordinator.post(
            "/api/v1/partners/", {"code": "OTHER", "name": "Another partner", "languages": ["en"], "country": "SN"}
        )
        key = coordinator.post(f"/api/v1/partners/{other['id']}/keys/", {"name": "laptop", "valid_days": 30})
        self.facts["other"] = Program(self.place.base_url, key["key"])
        return f"5 sites, 3 confidential; keys for {partner['code']} and one other partner"

    def warehouse_opens_a_shipment(self) -> str:
        told = rows("shipment.csv")[0]
        for name_en, name_fr in CATEGORIES.items():
            self.staff("warehouse").post("/api/v1/categories/", {"name_en": name_en, "name_fr": name_fr})
        shipment = self.staff("warehouse").post(
            "/api/v1/shipments/",
            {
                "title": told["title"],
                "reference": told["reference"],
                "consignee": "AMAR",
                "sites": [{"code": site["code"], "label": mark} for mark, site in self.facts["sites"].items()],
                "mode": "sea",
                "incoterm": told["incoterm"],
                "incoterm_place": told["incoterm_place"],
                "port_of_loading": told["port_of_loading"],
                "port_of_discharge": told["port_of_discharge"],
                "place_of_delivery": told["place_of_delivery"],
                "container_number": told["container_no"],
                "container_type": told["container_iso_type"],
                "container_tare_kg": told["container_tare_kg"],
                "container_payload_kg": told["container_max_payload_kg"],
                "seal_number": told["seal_no"],
                "cargo_tracking_note": told["ectn_besc_no"],
                "bill_of_lading": told["bill_of_lading_no"],
                "packed_on": told["packed_on"],
                "departs_on": told["etd"],
                "reaches_port_on": told["eta_port"],
                "arrives_on": told["eta_final"],
                "customs_currency": told["customs_value_currency"],
                "freight": told["freight_hkd"],
                "freight_currency": "HKD",
                "hand_over_point": "Gare routière, Bamako",
            },
        )
        self.facts["shipment"] = shipment["number"]
        return f"{shipment['number']} to {shipment['consignee']['name']}"

    # --- The spreadsheet --------------------------------------------------------------------

    def _upload(self, path: Path, *, dry_run: bool, watched: bool = False) -> dict[str, Any]:
        """Upload a file and return its finished import."""
        warehouse = self.staff("warehouse")
        with path.open("rb") as file:
            begun = warehouse.send(
                "POST",
                f"{self.shipment}imports/",
                files={"file": (path.name, file, XLSX)},
                data={"dry_run": "true" if dry_run else "false"},
                status=(202,),
            ).json()

        def ended() -> dict[str, Any] | None:
            seen: dict[str, Any] = warehouse.get(f"{self.shipment}imports/{begun['id']}/")
            if watched:
                self.watch("reading the spreadsheet", seen["progress"])
            return seen if seen["state"] in ("done", "dead") else None

        return eventually("the import ends", ended, within_s=60)

    def _totals_are(self, totals: dict[str, Any]) -> None:
        for name, expected in TOTALS.items():
            must(totals[name] == expected, f"{name} is {expected}, not {totals[name]}")

    def dry_run_shows_what_would_happen(self) -> str:
        seen = self._upload(WORKBOOK, dry_run=True)
        must(seen["outcome"] == "would_import", f"the dry run finds no error, not {seen['errors'][:3]}")
        self._totals_are(seen["plan"]["totals"])
        now = self.staff("warehouse").get(self.shipment)
        must(now["totals"]["packages"] == 0, "a dry run writes nothing")
        return "270 packages and 323 lines would be written; nothing is"

    def bad_files_are_refused_whole(self) -> str:
        warehouse = self.staff("warehouse")
        refused = []
        for case in bad_files.make(WORKBOOK, self.place.keep.parent / "bad_files"):
            if case.refused_at_once:
                with case.path.open("rb") as file:
                    answer = warehouse.send(
                        "POST",
                        f"{self.shipment}imports/",
                        files={"file": (case.path.name, file, XLSX)},
                        data={"dry_run": "false"},
                        status=(400, 413),
                    )
                must(answer.json()["code"] == case.code, f"{case.name}: {case.code}, not {answer.json()['code']}")
            else:
                seen = self._upload(case.path, dry_run=False)
                must(seen["outcome"] == "refused", f"{case.name} is refused, not {seen['outcome']}")
                codes = {error["code"] for error in seen["errors"]}
                must(case.code in codes, f"{case.name}: {case.code}, not {codes}")
                places = [error for error in seen["errors"] if error["code"] == case.code]
                must(
                    len(places) == case.times, f"{case.name}: every bad row is listed ({case.times}), not {len(places)}"
                )
                must(all(error["detail"] for error in places), f"{case.name}: each row says why")
            refused.append(case.name)
        now = warehouse.get(self.shipment)
        must(now["totals"]["packages"] == 0, "nothing of a bad file is written")
        return f"{len(refused)} files: {', '.join(refused)}"

    def the_spreadsheet_is_imported(self) -> str:
        seen = self._upload(WORKBOOK, dry_run=False, watched=True)
        must(seen["outcome"] == "imported", f"it is imported, not {seen['outcome']}: {seen['errors'][:3]}")
        self._totals_are(self.staff("warehouse").get(self.shipment)["totals"])
        return "270 packages, 323 lines, 6,490.110 kg, 59.053 m3, HK$525,094.00"

    # --- Papers and moves -------------------------------------------------------------------

    def _paper(self, person: Any, path: str, what: str) -> bytes:
        """Watch the progress of a paper and download it once printed."""

        def ask() -> bytes | None:
            answer = person.answer(path)
            if answer.status_code == 200:
                return bytes(answer.content)
            problem = answer.json()
            must(problem["code"] == "document_not_ready", f"{what} is being printed, not {problem}")
            self.watch(f"printing the {what}", problem.get("progress", 0))
            return None

        return eventually(f"the {what} is printed", ask, within_s=90)

    def it_is_sealed_and_the_packing_list_printed(self) -> str:
        warehouse = self.staff("warehouse")
        sealed = warehouse.post(f"{self.shipment}seal/", self._checker())
        must(sealed["status"] == "sealed", "it is sealed")
        pdf = self._paper(warehouse, f"{self.shipment}packing-list/", "packing list")
        (self.place.keep / "packing-list.pdf").write_bytes(pdf)
        text = papers.words_of(pdf)
        marks = {package["marks"] for package in rows("packages.csv")}
        must(len(marks) == 270 and all(mark in text for mark in marks), "all 270 packages are printed")
        printed = sum(text.count(code) for code in {line["item_code"] for line in rows("lines.csv")})
        must(printed >= 323, f"all 323 lines are printed, not {printed}")
        for total in PRINTED_TOTALS:
            must(total in text, f"the total {total} is printed")
        for site in rows("sites.csv"):
            if site["location_is_confidential"] == "yes":
                must(site["name"].split(" (")[0] not in text, "no name of a confidential site is printed")
        return f"{len(pdf) // 1024} kB, all packages, lines and totals found"

    def _checker(self) -> dict[str, Any]:
        return {}

    def it_is_dispatched_and_the_partner_told(self) -> str:
        must(self.facts["partner"].get("/api/v1/shipments/")["results"] == [], "a partner sees nothing before")
        shipment = self.staff("warehouse").post(f"{self.shipment}dispatch/")
        must(shipment["status"] == "dispatched", "it is dispatched")
        mails = eventually("the partner is notified", lambda: self.place.mails_to(PARTNER_MAIL))
        must(shipment["number"] in mails[0]["Subject"], "the mail names the shipment")
        must("expédition" in mails[0]["Subject"].lower(), f"the mail is in French, not “{mails[0]['Subject']}”")
        return f"mail in French: “{mails[0]['Subject']}”"

    # --- The partner ------------------------------------------------------------------------

    def the_partner_confirms_delivery(self) -> str:
        partner: Program = self.facts["partner"]
        listed = partner.get("/api/v1/shipments/")["results"]
        must([row["number"] for row in listed] == [self.facts["shipment"]], "it lists its own shipment")
        pdf = self._paper(partner, f"{self.shipment}packing-list/", "packing list")
        text = papers.words_of(pdf)
        must(PRINTED_TOTALS[0] in text, "it downloads its edition of the packing list")
        must(PRINTED_TOTALS[-1] not in text, "which has no customs values")
        fridge = next(line for line in rows("lines.csv") if "refrigerator" in line["description_en"].lower())
        in_package = [line for line in rows("lines.csv") if line["package_no"] == fridge["package_no"]]
        body = {
            "client_id": str(uuid.uuid4()),
            "stated_at": datetime.now(UTC).isoformat(),
            "received_by": "Awa Diarra",
            "seal_intact": True,
            "default": "good",
            "exceptions": [
                {"package": 17, "missing": True, "reason": "not in the container"},
                {"package": 18, "missing": True, "reason": "not in the container"},
                {
                    "package": int(fridge["package_no"]),
                    "line": in_package.index(fridge) + 1,
                    "damaged": 1,
                    "reason": "door broken",
                },
            ],
        }
        must(len(json.dumps(body)) < 2000, "the confirmation is under 2 kB")
        self.facts["confirmation"], self.facts["key"] = body, str(uuid.uuid4())
        answer = partner.send("POST", f"{self.shipment}deliveries/", body, key=self.facts["key"], status=(201,))
        self.facts["delivery"] = answer.json()
        return f"{len(json.dumps(body))} bytes up, {len(answer.content)} down"

    def the_same_call_again_changes_nothing(self) -> str:
        partner: Program = self.facts["partner"]
        again = partner.send("POST", f"{self.shipment}deliveries/", self.facts["confirmation"], key=self.facts["key"])
        must(again.json() == self.facts["delivery"], "the same key gives the same answer")
        must(again.headers["Idempotent-Replayed"] == "true", "and says that it is a replay")
        partner.send("POST", f"{self.shipment}deliveries/", self.facts["confirmation"])
        deliveries = self.staff("warehouse").get(f"{self.shipment}deliveries/")["results"]
        must(len(deliveries) == 1, "there is one delivery, also after a new key (a reinstalled app)")
        return "one delivery"

    def another_partner_sees_nothing(self) -> str:
        other: Program = self.facts["other"]
        for path in ("", "packing-list/", "deliveries/", "trail/"):
            must(other.answer(self.shipment + path).status_code == 404, f"another partner's key gets 404 for {path!r}")
        other.send("POST", f"{self.shipment}deliveries/", self.facts["confirmation"], status=(404,))
        must(other.get("/api/v1/shipments/")["results"] == [], "and an empty list")
        return "404, as for what does not exist"

    def the_goods_received_note_and_the_discrepancy(self) -> str:
        warehouse = self.staff("warehouse")
        note = self._paper(
            warehouse, f"{self.shipment}deliveries/{self.facts['delivery']['id']}/goods-received-note/", "note"
        )
        (self.place.keep / "goods-received-note.pdf").write_bytes(note)
        must("CGD-ML-26-001 17/270" in papers.words_of(note), "the note names the missing package")
        open_ones = warehouse.get("/api/v1/discrepancies/", shipment=self.facts["shipment"], state="open")["results"]
        kinds = sorted(one["kind"] for one in open_ones)
        must("damage" in kinds and len(kinds) >= 3, f"staff see two missing packages and one damage, not {kinds}")
        self.facts["discrepancies"] = open_ones
        return f"staff see {len(kinds)}: {', '.join(kinds)}"

    def staff_close_it(self) -> str:
        coordinator = self.staff("coordinator")
        coordinator.send("POST", f"{self.shipment}close/", status=(409,))
        for one in self.facts["discrepancies"]:
            at = f"/api/v1/discrepancies/{one['id']}/"
            decided = coordinator.post(
                f"{at}decide/",
                {"decision": "write_off", "note": "Agreed with the partner by phone.", "version": one["version"]},
            )
            coordinator.post(f"{at}close/", {"version": decided["version"]})
        closed = coordinator.post(f"{self.shipment}close/")
        must(closed["status"] == "closed", "the shipment is closed")
        return f"{closed['number']} is closed"

    def the_trail_reads_as_a_story(self) -> str:
        entries = self.staff("auditor").get(f"{self.shipment}trail/")
        told = "\n".join(f"{entry['at'][:19]}  {entry['sentence']}" for entry in entries)
        (self.place.keep / "trail.txt").write_text(told + "\n", encoding="utf-8")
        verbs = [entry["verb"] for entry in entries]
        must(verbs[0] == "created" and verbs[-1] == "closed", f"from created to closed, not {verbs}")
        must(all(entry["by"] for entry in entries), "each entry says who")
        return f"{len(entries)} entries, from “{entries[0]['sentence']}” to “{entries[-1]['sentence']}”"

    def steps(self) -> list[tuple[str, Callable[[], str]]]:
        return [
            *super().steps(),
            ("The coordinator registers the partner and its sites", self.coordinator_registers_the_partner),
            ("Warehouse staff open a shipment", self.warehouse_opens_a_shipment),
            ("A dry run of the spreadsheet", self.dry_run_shows_what_would_happen),
            ("Bad files are refused as a whole", self.bad_files_are_refused_whole),
            ("The spreadsheet is imported", self.the_spreadsheet_is_imported),
            ("Sealed; the packing list is printed", self.it_is_sealed_and_the_packing_list_printed),
            ("Dispatched; the partner is notified by mail", self.it_is_dispatched_and_the_partner_told),
            ("The partner confirms delivery", self.the_partner_confirms_delivery),
            ("The same confirmation again", self.the_same_call_again_changes_nothing),
            ("Another partner's key", self.another_partner_sees_nothing),
            ("The goods-received note and the discrepancy", self.the_goods_received_note_and_the_discrepancy),
            ("Staff close the discrepancies and the shipment", self.staff_close_it),
            ("The audit trail", self.the_trail_reads_as_a_story),
        ]
