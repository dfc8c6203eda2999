"""Every door through which a text about a partner comes in: one request for each guarded field (`ATTACKS`)."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import uuid4

from rest_framework.test import APIClient

from donations.switches.models import GivingSwitch
from logistics.partners.models import Partner, Site
from logistics.roles import Role
from shipments.shipments import lifecycle
from tests.clients import client_of, once, signed_in
from tests.makers.appeals import make_appeal
from tests.makers.catalogue import make_category, make_item
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_partner, make_partner_user, make_shelter
from tests.makers.people import make_packer, make_user
from tests.makers.reveals import make_leg
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, make_shipment


class World(NamedTuple):
    """A partner with a shelter, staff, and a shipment in each state."""

    partner: Partner
    shelter: Site
    staff: APIClient
    finance: APIClient
    people: APIClient  # the partner's


def make_world() -> World:
    partner = make_partner()
    shelter = make_shelter(partner)
    make_user(Role.SAFETY, email="officer@example.org")
    staff, finance = client_of(make_user(Role.COORDINATOR)), client_of(make_user(Role.FINANCE))
    return World(partner, shelter, staff, finance, client_of(make_partner_user(partner)))


Attack = Callable[[World, str, Any], Any]


def edit(client: APIClient, at: str, row: Any, field: str, text: Any) -> Any:
    return client.patch(at, {field: text, "version": row.version}, format="json")


def attack_partner(world: World, field: str, text: str) -> Any:
    return edit(world.staff, f"/api/v1/partners/{world.partner.pk}/", world.partner, field, text)


def attack_contact(world: World, field: str, text: str) -> Any:
    body = {"partner": str(world.partner.pk), "name": "Awa", "email": "awa@example.org", field: text}
    added = world.staff.post("/api/v1/contacts/", body, format="json", headers=once())
    contact = make_contact(world.partner)
    changed = edit(world.staff, f"/api/v1/contacts/{contact.pk}/", contact, field, text)
    assert added.status_code == changed.status_code
    return changed


def attack_site(world: World, field: str, text: str) -> Any:
    body = {"partner": str(world.partner.pk), "kind": "open", "hand_over_point": "Depot", field: text}
    return world.staff.post("/api/v1/sites/", body, format="json", headers=once())


def attack_item(world: World, field: str, text: str) -> Any:
    body = {"code": "BED-1", "name_en": "Bed", "name_fr": "Lit", "category": str(make_category().pk), "unit": "H87"}
    return world.staff.post("/api/v1/items/", body | {field: text}, format="json", headers=once())


def attack_category(world: World, field: str, text: str) -> Any:
    category = make_category()
    return edit(world.staff, f"/api/v1/categories/{category.pk}/", category, field, text)


def attack_key(world: World, field: str, text: str) -> Any:
    return world.staff.post(f"/api/v1/partners/{world.partner.pk}/keys/", {field: text}, format="json", headers=once())


def attack_reason(world: World, field: str, text: str) -> Any:
    sealed = make_sealed(partner=world.partner)
    at = f"/api/v1/shipments/{sealed.number}/papers/"
    waybill = world.staff.post(at, {"kind": "waybill"}, format="json", headers=once())
    replaced = {"kind": "waybill", "replaces": waybill.json()["number"], field: text}
    sent = make_dispatched(partner=world.partner)
    attempts = [
        (sealed, "reopen/", {field: text}),
        (sealed, "cancel/", {field: text}),
        (sealed, "papers/", replaced),
        (sent, "lose/", {field: text}),
        (sent, "return/", {field: text}),
    ]
    answers = [
        world.staff.post(f"/api/v1/shipments/{shipment.number}/{path}", body, format="json", headers=once())
        for shipment, path, body in attempts
    ]
    assert {answer.status_code for answer in answers} == {400}, [answer.json() for answer in answers]
    return answers[0]


def attack_shipment(world: World, field: str, text: str) -> Any:
    shipment = make_shipment(world.partner)
    body = {"title": "Beds", "consignee": world.partner.code, "customs_currency": "HKD", "sites": [], field: text}
    added = world.staff.post("/api/v1/shipments/", body, format="json", headers=once())
    changed = edit(world.staff, f"/api/v1/shipments/{shipment.number}/", shipment, field, text)
    assert (added.status_code, changed.status_code) == (400, 400), (added.json(), changed.json())
    return changed


def attack_shipment_site(world: World, field: str, text: str) -> Any:
    shipment, site = make_shipment(world.partner), {"code": world.shelter.code, field: text}
    body = {"title": "Beds", "consignee": world.partner.code, "customs_currency": "HKD", "sites": [site]}
    added = world.staff.post("/api/v1/shipments/", body, format="json", headers=once())
    changed = edit(world.staff, f"/api/v1/shipments/{shipment.number}/", shipment, "sites", [site])
    assert (added.status_code, changed.status_code) == (400, 400), (added.json(), changed.json())
    assert changed.json()["errors"][0]["field"] == f"sites[0].{field}"
    return changed


LINE = {"quantity": 1, "unit_weight_kg": "1.000", "unit_value": "1.00"}


def attack_package(world: World, field: str, text: str) -> Any:
    shipment = make_packed(partner=world.partner)
    body = {"kind": "CT", "lines": [LINE | {"item": make_item().code}], field: text}
    at = f"/api/v1/shipments/{shipment.number}/packages/"
    added = world.staff.post(at, body, format="json", headers=once())
    package = shipment.packages.get()
    changed = edit(world.staff, f"{at}{package.number}/", package, field, text)
    assert (added.status_code, changed.status_code) == (400, 400), (added.json(), changed.json())
    return changed


def attack_line(world: World, field: str, text: Any) -> Any:
    text = [text] if field == "serials" else text
    shipment = make_packed(partner=world.partner)
    package, at = shipment.packages.get(), f"/api/v1/shipments/{shipment.number}"
    body = LINE | {"item": make_item().code, field: text}
    within = world.staff.post(f"{at}/packages/", {"kind": "CT", "lines": [body]}, format="json", headers=once())
    added = world.staff.post(f"{at}/lines/", body | {"package": str(package.pk)}, format="json", headers=once())
    line = package.lines.get()
    changed = edit(world.staff, f"{at}/lines/{line.pk}/", line, field, text)
    statuses = (within.status_code, added.status_code, changed.status_code)
    assert statuses == (400, 400, 400), (within.json(), added.json(), changed.json())
    return changed


def confirm(world: World, **said: Any) -> Any:
    shipment = make_dispatched(partner=world.partner)
    body = {"client_id": str(uuid4()), "stated_at": NOON.isoformat(), "received_by": "Awa", "default": "good", **said}
    return world.people.post(f"/api/v1/shipments/{shipment.number}/deliveries/", body, format="json", headers=once())


def attack_delivery(world: World, field: str, text: str) -> Any:
    return confirm(world, **{field: text})


def attack_difference(world: World, field: str, text: str) -> Any:
    return confirm(world, exceptions=[{"package": 1, "line": 1, "damaged": 1, field: text}])


def attack_unlisted(world: World, field: str, text: str) -> Any:
    return confirm(world, unlisted=[{"description": "Lamp", "quantity": 1, "unit": "H87", field: text}])


def attack_discrepancy(world: World, field: str, text: str) -> Any:
    shipment = make_dispatched(partner=world.partner)
    lifecycle.lose(shipment, reason="sunk", by=make_packer(), at=NOON)
    found = shipment.discrepancies.get()
    body = {"decision": "accept", "note": text, "version": found.version}
    return world.staff.post(f"/api/v1/discrepancies/{found.pk}/decide/", body, format="json", headers=once())


def attack_waybill(world: World, field: str, text: str) -> Any:
    shipment = make_sealed(partner=world.partner)
    body = {"kind": "waybill", field: text}
    return world.staff.post(f"/api/v1/shipments/{shipment.number}/papers/", body, format="json", headers=once())


def attack_reveal(world: World, field: str, text: str) -> Any:
    paper = make_leg(world.shelter)
    body = {"leg": f"{paper.pk}:{world.shelter.pk}", "driver": "Moussa", "hours": "12", "reason": "He drives there."}
    return signed_in(Role.SAFETY).post("/admin/shipments/reveal/add/", body | {field: text})


def attack_appeal(world: World, field: str, text: str) -> Any:
    appeal = make_appeal(slug=f"mali-{uuid4().hex[:8]}")
    return edit(world.finance, f"/api/v1/appeals/{appeal.slug}/", appeal, field, text)


def attack_switch(world: World, field: str, text: str) -> Any:
    switch, browser = GivingSwitch.objects.get(), signed_in(Role.FINANCE)
    at = f"/admin/donations/givingswitch/{switch.pk}/change/"
    return browser.post(at, {"seen_version": switch.version, "is_on": "on", "reason": "test", field: text})


ATTACKS: dict[str, Attack] = {
    "donations.givingswitch": attack_switch,
    "logistics.partner": attack_partner,
    "logistics.contact": attack_contact,
    "logistics.site": attack_site,
    "logistics.item": attack_item,
    "logistics.category": attack_category,
    "logistics.apikey": attack_key,
    "logistics.auditentry": attack_reason,
    "shipments.shipment": attack_shipment,
    "shipments.shipmentsite": attack_shipment_site,
    "shipments.package": attack_package,
    "shipments.manifestline": attack_line,
    "shipments.delivery": attack_delivery,
    "shipments.deliveryline": attack_difference,
    "shipments.unlistedgoods": attack_unlisted,
    "shipments.discrepancy": attack_discrepancy,
    "shipments.paper": attack_waybill,
    "shipments.reveal": attack_reveal,
    "donations.appeal": attack_appeal,
}
# What fits fields with a form of their own.
GIVEN = {
    "code": "FOYER-NETA",
    "label": "NETA",
    "tax_number": "M 20212345",
    "email": "foyer.neta@example.org",
    "slug": "foyer-neta",
    "place_of_delivery": "MLKPR",
}


def refused(answer: Any) -> bool:
    if answer["Content-Type"].startswith("text/html"):
        return answer.status_code == 200 and "may reveal a place" in answer.content.decode()
    body = answer.json()
    assert answer.status_code == 400, body
    return [error["code"] for error in body["errors"]] == ["names_the_place"]
