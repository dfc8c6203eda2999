"""Misspelt parameters and fields are refused with a suggestion: in lists, in bodies and in nested objects."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from logistics.roles import Role
from shipments.deliveries.models import Delivery
from shipments.shipments.models import Shipment
from tests.clients import client_of, key_client, once
from tests.lists import INSIDE, lists_with_pages
from tests.makers.partners import make_key, make_partner
from tests.makers.people import make_user
from tests.makers.shipments import make_dispatched, make_shipment

pytestmark = pytest.mark.django_db
EVERY_ROLE = (Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR)


def errors(answer: Any) -> dict[str, tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: (error["code"], error["detail"]) for error in answer.json()["errors"]}


@pytest.mark.parametrize("name", lists_with_pages())
def test_a_list_refuses_a_parameter_it_does_not_know(name: str):
    shipment = make_dispatched()
    inside = {"shipment": shipment.number, "partner_pk": str(shipment.consignee_id)}
    url = reverse(name, kwargs={INSIDE[name]: inside[INSIDE[name]]} if name in INSIDE else {})
    client = client_of(make_user(*EVERY_ROLE))

    found = errors(client.get(url, {"page_sise": "20"}))

    assert found == {"page_sise": ("unknown_name", "There is no such name. Did you mean “page_size”?")}


def test_a_list_accepts_every_parameter_that_it_describes():
    client: Any = client_of(make_user(*EVERY_ROLE))

    answer = client.get(
        "/api/v1/shipments/", {"status": "draft", "ordering": "-number", "page_size": 10, "format": "json"}
    )

    assert answer.status_code == 200


def confirm(shipment: Shipment, **exceptions: Any) -> Any:
    """Confirm a shipment as its partner would."""
    body = {
        "client_id": str(uuid4()),
        "stated_at": "2026-03-05T00:00:00Z",
        "received_by": "Receiver One",
        "default": "good",
        **exceptions,
    }
    client = key_client(make_key(shipment.consignee))
    return client.post(f"/api/v1/shipments/{shipment.number}/deliveries/", body, format="json", headers=once())


def test_a_misspelt_exceptions_field_does_not_confirm_a_missing_carton():
    answer = confirm(make_dispatched(3), exeptions=[{"package": 2, "missing": True, "reason": "whole carton gone"}])

    assert errors(answer) == {"exeptions": ("unknown_name", "There is no such name. Did you mean “exceptions”?")}
    assert Delivery.objects.count() == 0


def test_an_unknown_name_in_a_list_is_reported_with_its_path():
    exceptions = [{"package": 1, "missing": True}, {"package": 2, "misssing": True}]

    answer = confirm(make_dispatched(3), exceptions=exceptions)

    assert errors(answer)["exceptions[1].misssing"][1].endswith("Did you mean “missing”?")


def test_other_errors_are_reported_too():
    client = client_of(make_user(Role.COORDINATOR))

    body = {"name_em": "Beds", "name_fr": "Lits"}

    found = errors(client.post("/api/v1/categories/", body, format="json", headers=once()))

    assert {name: code for name, (code, _) in found.items()} == {"name_em": "unknown_name", "name_en": "required"}


def test_read_only_fields_are_refused_by_name():
    shipment = make_shipment()
    client = client_of(make_user(Role.COORDINATOR))
    partner = make_partner()

    found = errors(client.patch(f"/api/v1/partners/{partner.pk}/", {"id": "1", "version": 1}, format="json"))
    of_shipment = errors(
        client.patch(f"/api/v1/shipments/{shipment.number}/", {"status": "closed", "version": 1}, format="json")
    )

    assert found == {"id": ("read_only", "This is read-only. Leave it out.")}
    assert of_shipment["status"][0] == "unknown_name"


def test_a_body_of_nonsense_gets_a_short_response():
    client = client_of(make_user(Role.COORDINATOR))
    body = json.dumps({f"{number}{'x' * 1000}": 1 for number in range(900)})

    answer = client.post("/api/v1/categories/", body, content_type="application/json", headers=once())

    assert len(answer.content) < 10_000
    assert len(errors(answer)) <= 25
