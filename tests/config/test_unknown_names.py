"""Misspelt parameters and fields are refused with a suggestion: in lists, in bodies and in nested objects."""

import json
from typing import Any
from uuid import uuid4

import pytest
from rest_framework.fields import DictField, JSONField
from rest_framework.parsers import MultiPartParser
from rest_framework.serializers import BaseSerializer

from donations.gifts import tokens
from donations.stripe_events.api import StripeWebhookView
from logistics.inputs import KnownFields
from logistics.partners.models import Partner
from logistics.roles import STAFF_ROLES, Role
from logistics.views import StrictView
from shipments.deliveries.models import Delivery
from shipments.shipments.models import Shipment
from tests.clients import client_of, key_client, once
from tests.endpoints import endpoints
from tests.makers.copies import Base, Gifts, Goods
from tests.makers.partners import make_key, make_partner, make_partner_user
from tests.makers.people import make_user
from tests.makers.shipments import make_dispatched, make_shipment

pytestmark = pytest.mark.django_db
EVERY_ROLE = (Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR)


def errors(answer: Any) -> dict[str, tuple[str, str]]:
    assert answer.status_code == 400, answer.content
    return {error["field"]: (error["code"], error["detail"]) for error in answer.json()["errors"]}


def rows() -> dict[str, str]:
    """Make a row of each kind; return what names it in a path, by its list or by the argument."""
    goods, gifts = Goods(), Gifts()
    base = Base(goods.partner)
    own = {
        "partners": goods.partner, "keys": base.key, "contacts": base.contact, "sites": base.site,
        "categories": base.category, "items": base.item, "emails": base.email, "audit-entries": base.entry,
        "documents": goods.paper.document, "papers": goods.paper, "lines": goods.line, "imports": goods.upload,
        "deliveries": goods.delivery, "discrepancies": goods.discrepancy, "donations": gifts.donation,
        "donors": gifts.donor, "receipts": gifts.receipt, "stripe-events": gifts.event,
    }  # fmt: skip
    named = {name: str(row.pk) for name, row in own.items()}
    return named | {
        "shipments": goods.shipment.number,
        "packages": str(goods.package.number),
        "appeals": gifts.appeal.slug,
        "token": tokens.token_of(gifts.donation),
    }


def test_every_operation_refuses_parameters_and_fields_that_it_does_not_know():
    given = rows()
    partner = Partner.objects.get(pk=given["partners"])
    clients = client_of(make_user(*STAFF_ROLES)), client_of(make_partner_user(partner))
    asked, wrong = 0, []

    for method, path, view in sorted(endpoints(given), key=str):
        if view is StripeWebhookView:  # whose body is read as it was signed
            continue
        for address, body in ((f"{path}?x_unknown=1", {}), (path, {"x_unknown": "1", "version": "1"})):
            if method == "get" and body:
                continue
            more = {} if method == "get" else {"format": kind_of_body(view), "headers": once()}
            answers = (getattr(client, method)(address, body, **more) for client in clients)
            answer = next(answers)
            answer = next(answers) if answer.status_code == 403 else answer
            asked += 1
            found = answer.json().get("errors", []) if "json" in answer["Content-Type"] else []
            if {"x_unknown": "unknown_name"}.items() - {one["field"]: one["code"] for one in found}.items():
                wrong.append((method, address, answer.status_code, answer.content[:200]))

    assert wrong == []
    assert asked > 140


def kind_of_body(view: Any) -> str:
    is_form = any(issubclass(parser, MultiPartParser) for parser in view.parser_classes)
    return "multipart" if is_form else "json"


def test_every_view_of_the_api_checks_names():
    assert {view for _method, _path, view in endpoints() if not issubclass(view, StrictView)} == {StripeWebhookView}


def test_objects_inside_a_body_refuse_unknown_names_too():
    bodies, seen = [KnownFields], set[type]()
    while bodies:
        seen.add(body := bodies.pop())
        bodies += body.__subclasses__()
    fields = [field for body in seen if hasattr(body, "_declared_fields") for field in body().fields.values()]
    inside = [getattr(field, "child", field) for field in fields if not field.read_only]
    objects = [one for one in inside if isinstance(one, BaseSerializer)]

    assert [one for one in objects if not isinstance(one, KnownFields)] == []
    assert [one for one in inside if isinstance(one, DictField | JSONField)] == []
    assert len(objects) > 3


def test_the_nearest_known_name_is_offered():
    shipment = make_shipment()
    client = client_of(make_user(Role.WAREHOUSE))

    of_list = errors(client.get("/api/v1/shipments/", {"page_sise": "20"}))
    of_codes = errors(client.get("/api/v1/units/", {"serach": "kilo"}))
    of_row = errors(client.get(f"/api/v1/shipments/{shipment.number}/", {"search": "x"}))
    of_action = errors(
        client.post(f"/api/v1/shipments/{shipment.number}/seal/", {"reasn": "x"}, format="json", headers=once())
    )

    offer = "There is no such name. Did you mean “%s”?"
    nothing = "No field or parameter is expected here. Leave it out."
    assert of_list == {"page_sise": ("unknown_name", offer % "page_size")}
    assert of_codes == {"serach": ("unknown_name", offer % "search")}
    assert (of_row["search"], of_action["reasn"]) == (
        ("unknown_name", "There is no such name. Known names: format."),
        ("unknown_name", nothing),
    )


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
