"""Papers, numbers and pages of shipments use dates in the charity's time zone, not in UTC."""

import re
from datetime import UTC, date, datetime
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.test import APIClient

from logistics.charity.models import Charity
from logistics.documents import services as documents
from logistics.documents.models import Document, NumberSeries
from logistics.mail.models import Email
from logistics.roles import Role
from shipments.papers.models import Paper
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.clients import client_of, key_client, once
from tests.days import (
    DAY,
    HONG_KONG,
    IN_UTC,
    MINUTE,
    NEW_YEAR,
    NEW_YORK,
    around_both_midnights,
    clock_at,
    verified,
)
from tests.journeys.papers import words_of
from tests.makers.charity import make_charity
from tests.makers.partners import make_contact, make_key, make_partner, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, pack
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
ISO_DAY = re.compile(r"20\d\d-\d\d-\d\d")
DAYS_OF_A_PAPER = ("issued_on", "received_on", "recorded_on")


def post(client: APIClient, path: str, told: Any = None) -> dict[str, Any]:
    answer = client.post(f"/api/v1/shipments/{path}", told or {}, format="json", headers=once())
    assert answer.status_code in (200, 201), answer.content
    said: dict[str, Any] = answer.json()
    return said


def opened(client: APIClient) -> Shipment:
    partner = make_partner()
    make_contact(partner)
    sites = [{"code": make_site(partner).code, "label": "A"}]
    wanted = {"title": "Beds", "customs_currency": "HKD", "consignee": partner.code, "sites": sites}
    return Shipment.objects.get(number=post(client, "", wanted)["number"])


def dispatched(client: APIClient) -> Shipment:
    shipment = pack(opened(client))
    post(client, f"{shipment.number}/seal/")
    post(client, f"{shipment.number}/dispatch/", {"reason": "The truck leaves now."})
    return shipment


def confirm(shipment: Shipment, *, stated_at: datetime) -> None:
    told = {"client_id": str(uuid4()), "stated_at": stated_at.isoformat(), "received_by": "Awa", "default": "good"}
    key = make_key(shipment.consignee)
    post(key_client(key), f"{shipment.number}/deliveries/", told)


def issue_waybills(client: APIClient, shipment: Shipment) -> None:
    """Issue a waybill and replace it with another one."""
    waybill = {"kind": "waybill"}
    post(client, f"{shipment.number}/papers/", waybill)
    replacing = {"replaces": f"{shipment.number}-WB-1", "reason": "Another lorry."}
    post(client, f"{shipment.number}/papers/", waybill | replacing)


def with_all_papers() -> Shipment:
    """A shipment that is created, sealed, dispatched and confirmed at this moment; its waybill is replaced."""
    client = client_of(make_packer())
    shipment = dispatched(client)
    for kind in ("labels", "goods-received-form"):
        post(client, f"{shipment.number}/papers/", {"kind": kind})
    issue_waybills(client, shipment)
    confirm(shipment, stated_at=datetime.now(UTC))
    return shipment


def days_on(paper: Paper) -> set[str]:
    """Return the dates in a paper's context."""
    return {paper.document.context[name] for name in DAYS_OF_A_PAPER if name in paper.document.context}


@pytest.mark.long
@around_both_midnights
def test_papers_verification_and_numbers_use_the_charitys_time_zone(zone: str, moment: datetime, day: date) -> None:
    make_charity(time_zone=zone)

    with clock_at(moment):
        shipment = with_all_papers()

    number = f"SHP-{day.year}-00001"
    papers = list(shipment.papers.select_related("document").order_by("kind", "number"))
    assert [(paper.kind, paper.number) for paper in papers] == [
        ("goods-received-form", number),
        ("goods-received-note", f"{number}-GRN-1"),
        ("labels", number),
        ("packing-list", number),
        ("waybill", f"{number}-WB-1"),
        ("waybill", f"{number}-WB-2"),
    ]
    for paper in papers:
        told = verified(paper.document)
        is_replaced = paper.number.endswith("-WB-1")
        assert days_on(paper) == {day.isoformat()} == {told["issued_on"]}
        assert told["no_longer_valid_since"] == (day.isoformat() if is_replaced else None)
    assert Email.objects.filter(kind="shipment-dispatched", body__contains=number).count() == 1


def test_the_printed_date_matches_the_verification_page(files: Any) -> None:
    make_charity()
    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        shipment = with_all_papers()

    for paper in shipment.papers.exclude(kind=Paper.Kind.LABELS).exclude(number__endswith="-WB-1"):
        assert documents.render(str(paper.document_id))
        document = Document.objects.get(pk=paper.document_id)
        printed = set(ISO_DAY.findall(words_of(documents.read(document))))
        assert printed == {"2027-01-01"} == {verified(document)["issued_on"]}


def test_a_note_has_the_dates_of_receipt_and_of_recording() -> None:
    make_charity()
    midnight = NEW_YEAR[HONG_KONG]
    with clock_at(midnight - DAY):
        shipment = dispatched(client_of(make_packer()))

    with clock_at(midnight + DAY + MINUTE):
        confirm(shipment, stated_at=midnight + MINUTE)

    note = shipment.papers.select_related("document").get(kind="goods-received-note")
    said = note.document.context
    assert (said["received_on"], said["recorded_on"], said["issued_on"]) == ("2027-01-01", "2027-01-02", "2027-01-02")
    assert note.number == "SHP-2026-00001-GRN-1"


def test_papers_keep_their_dates_when_the_time_zone_changes() -> None:
    make_charity()
    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        client = client_of(make_packer())
        shipment = dispatched(client)
        issue_waybills(client, shipment)

    Charity.objects.update(time_zone=NEW_YORK)

    old, new = [paper.document for paper in shipment.papers.filter(kind="waybill").order_by("number")]
    assert (verified(old)["issued_on"], verified(old)["no_longer_valid_since"]) == ("2027-01-01", "2027-01-01")
    assert verified(new)["issued_on"] == "2027-01-01"


@pytest.mark.parametrize("stated_at", ["2026-03-02T23:30:00", "2026-03-02"])
def test_a_time_without_an_offset_is_refused(stated_at: str) -> None:
    shipment = make_dispatched()
    told = {"client_id": str(uuid4()), "stated_at": stated_at, "received_by": "Awa", "default": "good"}
    client = key_client(make_key(shipment.consignee))

    answer = client.post(f"/api/v1/shipments/{shipment.number}/deliveries/", told, format="json", headers=once())

    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [("stated_at", "no_offset")]


class TestNumbers:
    @pytest.mark.parametrize("zone", [HONG_KONG, NEW_YORK])
    def test_restart_at_one_at_new_year_in_the_charitys_time_zone(self, zone: str) -> None:
        make_charity(time_zone=zone)
        by, numbers = make_packer(), []

        for moment in (NEW_YEAR[zone] - MINUTE, NEW_YEAR[zone] - MINUTE, NEW_YEAR[zone], NEW_YEAR[zone] + MINUTE):
            with clock_at(moment):
                numbers.append(opened(client_of(by)).number)

        assert numbers == ["SHP-2026-00001", "SHP-2026-00002", "SHP-2027-00001", "SHP-2027-00002"]

    @pytest.mark.django_db(transaction=True)
    def test_have_no_gaps_for_eight_concurrent_shipments_at_new_year(self) -> None:
        make_charity()
        partner, by, midnight = make_partner(), make_packer(), NEW_YEAR[HONG_KONG]

        def open_five(writer: int) -> None:
            for step in range(5):
                at = midnight + MINUTE * (1 if (writer + step) % 2 else -1)
                shipments.create(title="Beds", consignee=partner, customs_currency="HKD", sites=[], by=by, at=at)

        in_threads(open_five)

        numbers = sorted(Shipment.objects.values_list("number", flat=True))
        assert numbers == [f"SHP-{year}-{n:05}" for year in (2026, 2027) for n in range(1, 21)]
        assert dict(NumberSeries.objects.values_list("year", "last")) == {2026: 20, 2027: 20}

    def test_use_the_year_in_utc_before_the_charity_is_set_up(self) -> None:
        by = make_packer()

        with clock_at(IN_UTC - MINUTE):
            number = opened(client_of(by)).number

        assert number == "SHP-2026-00001"


def test_staff_see_the_charitys_time_and_the_api_uses_utc() -> None:
    make_charity()
    by = make_user(Role.WAREHOUSE, Role.AUDITOR)
    with clock_at(NEW_YEAR[HONG_KONG] + MINUTE):
        shipment = opened(client_of(by))
        client = client_of(by)
        client.force_login(by)

        shown = client.get("/admin/logistics/auditentry/").content.decode()
        first_page = client.get("/admin/").content.decode()
        read = client.get(f"/api/v1/shipments/{shipment.number}/").json()

    assert "1 Jan 2027, 00:01" in shown and "31 Dec 2026" not in shown
    assert "1 Jan 2027, 00:01" in first_page and "31 Dec 2026" not in first_page
    assert read["created_at"] == "2026-12-31T16:01:00Z"


def test_the_admin_dashboard_works_without_a_charity() -> None:
    by = make_user(Role.WAREHOUSE, Role.AUDITOR, Role.FINANCE)
    client = client_of(by)
    client.force_login(by)

    assert client.get("/admin/").status_code == 200
