"""A key that is bound to a site sees nothing of the partner's other sites: every endpoint is asked for their rows."""

import re
from collections.abc import Iterator
from decimal import Decimal
from io import StringIO
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, transaction
from django.urls import reverse
from rest_framework.test import APIClient

from logistics.audit.models import AuditEntry
from logistics.partners.models import Contact, Membership, Partner, Site
from logistics.people.models import ApiKey
from logistics.roles import Role
from shipments.deliveries.models import Delivery
from shipments.imports.models import Upload
from shipments.packing import services as packing
from shipments.packing.models import ManifestLine, Package
from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.shipments import lifecycle
from shipments.shipments import services as shipments
from shipments.shipments.models import Shipment
from tests.clients import client_of, fields_of, is_a_problem, key_client, once, signed_in
from tests.lists import routes
from tests.makers.catalogue import make_item
from tests.makers.charity import make_charity
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_key, make_partner, make_partner_user, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import pack

pytestmark = pytest.mark.django_db
CONFIRMATION = {"stated_at": "2026-03-05T10:00:00Z", "received_by": "Awa", "default": "good"}


class World(NamedTuple):
    """A shipment to two sites of a partner, ours and theirs; goods, papers and a confirmation of each."""

    partner: Partner
    ours: Site
    theirs: Site
    shipment: Shipment
    bound: APIClient
    whole: APIClient  # of the same partner, not bound


def make_world() -> World:
    make_charity()
    partner = make_partner()
    ours, theirs = make_site(partner), make_site(partner, hand_over_point="Zoraxi station")
    make_contact(partner, name="Zoraxi Contact")
    sites = [shipments.LabelledSite(ours, "A"), shipments.LabelledSite(theirs, "B")]
    packer = make_packer()
    draft = shipments.create(title="Beds", customs_currency="HKD", consignee=partner, sites=sites, by=packer, at=NOON)
    pack(draft, 2)
    item = make_item(code="ZORAXI-1", name_en="Zoraxi lamp", name_fr="Lampe zoraxi")
    told: Any = {"item": item, "quantity": 7, "unit_weight_kg": 1, "unit_value_minor": 100}
    there = draft.sites.get(site=theirs)
    packing.add_package(
        draft, [told], kind="CT", marks="Zoraxi", gross_kg=Decimal(9), destination=there, by=packer, at=NOON
    )
    shipment = lifecycle.seal(draft, by=packer, at=NOON)
    for kind in (Paper.Kind.LABELS, Paper.Kind.GOODS_RECEIVED_FORM, Paper.Kind.WAYBILL):
        papers.issue(shipment, kind=kind, by=packer, at=NOON)
    shipment = lifecycle.dispatch(shipment, reason="The truck leaves now.", by=packer, at=NOON)
    confirm(shipment, by=make_partner_user(partner, site=theirs), received_by="Zoraxi Receiver")
    Upload.objects.create(
        shipment=shipment, uploaded_by=packer, uploaded_at=NOON, dry_run=True, sha256="0" * 64, size=1
    )
    bound = key_client(make_key(partner, site=ours))
    return World(partner, ours, theirs, shipment, bound, key_client(make_key(partner)))


def rows_of_theirs(world: World) -> dict[str, str]:
    """Return by model the id of a row that is not for our site."""
    delivery = Delivery.objects.get()
    return {
        "logistics.site": str(world.theirs.pk),
        "logistics.contact": str(Contact.objects.get().pk),
        "logistics.apikey": str(ApiKey.objects.first().pk),  # type: ignore[union-attr]
        "shipments.package": str(Package.objects.get(marks="Zoraxi").number),
        "shipments.manifestline": str(ManifestLine.objects.get(item__code="ZORAXI-1").pk),
        "shipments.delivery": str(delivery.pk),
        "shipments.paper": str(Paper.objects.get(kind="goods-received-note").pk),
        "shipments.upload": str(Upload.objects.get().pk),
    }


def secrets(world: World) -> set[str]:
    """Return what only readers of the other site may find."""
    rows = {text for label, text in rows_of_theirs(world).items() if label != "shipments.package"}
    papers_of_all = {str(pk) for pk in Paper.objects.values_list("pk", flat=True)}
    return rows | papers_of_all | {world.theirs.code, "Zoraxi station", "Zoraxi Contact", "Zoraxi Receiver"}


def endpoints(world: World) -> Iterator[tuple[str, str, str | None]]:
    """Yield the method and path of each endpoint with a row of the other site; and the path with a missing row."""
    rows = rows_of_theirs(world)
    for route in routes():
        view, names = getattr(route.callback, "cls", None), set(route.pattern.regex.groupindex)
        if view is None or not route.name or names & {"token", "slug", "rest"}:
            continue
        model = getattr(getattr(view, "queryset", None), "model", None)
        row = rows.get(model._meta.label_lower, str(uuid4())) if model else str(uuid4())
        outer = {"shipment": world.shipment.number, "partner_pk": str(world.partner.pk)}
        given = {name: outer.get(name, row) for name in names}
        missing = {"number": "99"} if "number" in names else {"pk": str(uuid4())}
        methods = getattr(route.callback, "actions", None) or {
            name: name for name in ("get", "post", "put", "patch", "delete") if hasattr(view, name)
        }
        for method in set(methods) - {"head"}:
            # A shipment that goes to both sites and the partner itself are seen, so no missing one is compared.
            names_a_row = names - set(outer) and model not in (Shipment, Partner)
            yield (
                method,
                reverse(route.name, kwargs=given),
                reverse(route.name, kwargs=given | missing) if names_a_row else None,
            )


def ask(client: APIClient, method: str, path: str) -> Any:
    if method == "get":
        return client.get(path)
    body = {"client_id": str(uuid4()), "reason": "miscounted"} if path.endswith("/reverse/") else {}
    return getattr(client, method)(path, body, format="json", headers=once())


def test_no_endpoint_shows_or_takes_a_row_of_another_site() -> None:
    world = make_world()
    hidden, asked = secrets(world), 0

    for method, path, missing in endpoints(world):
        with transaction.atomic():
            answer = ask(world.bound, method, path)
            text = answer.content.decode(errors="replace")
            asked += 1
            assert not {secret for secret in hidden if secret in text.replace(path, "")}, (method, path)
            assert answer.status_code < 300 or answer.status_code in (400, 403, 404, 409, 428), (method, path, text)
            if missing is not None:
                absent = ask(world.bound, method, missing)
                assert answer.status_code == absent.status_code in (403, 404), (method, path)
                assert re.sub('"request_id":"[^"]*"', "", text) == re.sub(
                    '"request_id":"[^"]*"', "", absent.content.decode()
                ), (method, path)
            transaction.set_rollback(True)

    assert asked > 80
    # What is hidden is there: the partner's other program finds it.
    found = "".join(
        ask(world.whole, method, path).content.decode(errors="replace")
        for method, path, _missing in endpoints(world)
        if method == "get"
    )
    in_keys_and_uploads = {rows_of_theirs(world)[label] for label in ("logistics.apikey", "shipments.upload")}
    charitys = {str(pk) for pk in Paper.objects.filter(kind="packing-list").values_list("pk", flat=True)}
    assert {secret for secret in hidden if secret not in found} == in_keys_and_uploads | charitys


class TestABoundKey:
    def test_sees_its_site_and_of_a_shipment_the_goods_for_it(self) -> None:
        world = make_world()
        at = f"/api/v1/shipments/{world.shipment.number}/"

        def ids(path: str, name: str = "id") -> list[Any]:
            return [row[name] for row in world.bound.get(path).json()["results"]]

        assert ids("/api/v1/sites/") == [str(world.ours.pk)]
        assert ids("/api/v1/partners/") == [str(world.partner.pk)]
        assert ids("/api/v1/shipments/", "number") == [world.shipment.number]
        assert ids(f"{at}packages/", "number") == [1, 2]
        assert len(ids(f"{at}lines/")) == 2
        assert world.bound.get("/api/v1/me/").json()["site"] == str(world.ours.pk)
        assert world.bound.get("/api/v1/shipments/").json()["results"][0]["totals"] is None
        totals = world.bound.get(at).json()["totals"]
        assert (totals["packages"], totals["pieces"], totals["gross_kg"]) == (2, 20, "27.000")
        assert world.whole.get(at).json()["totals"]["packages"] == 3

    def test_does_not_see_a_shipment_to_other_sites_though_it_names_all(self) -> None:
        world = make_world()
        sites = [shipments.LabelledSite(world.ours, "A"), shipments.LabelledSite(world.theirs, "B")]
        packer = make_packer()
        other = shipments.create(
            title="Lamps", customs_currency="HKD", consignee=world.partner, sites=sites, by=packer, at=NOON
        )
        told: Any = {"item": make_item(), "quantity": 7, "unit_weight_kg": 1, "unit_value_minor": 100}
        there = other.sites.get(site=world.theirs)
        packing.add_package(other, [told], kind="CT", gross_kg=Decimal(9), destination=there, by=packer, at=NOON)
        other = lifecycle.seal(other, by=packer, at=NOON)
        other = lifecycle.dispatch(other, reason="The truck leaves now.", by=packer, at=NOON)

        assert is_a_problem(world.bound.get(f"/api/v1/shipments/{other.number}/"), 404, "not_found")
        assert world.whole.get(f"/api/v1/shipments/{other.number}/").status_code == 200

    def test_confirms_the_goods_for_its_site_only(self) -> None:
        world = make_world()
        at = f"/api/v1/shipments/{world.shipment.number}/deliveries/"
        theirs = {"package": 3, "missing": True, "reason": "not there"}
        ours = {"package": 2, "missing": True, "reason": "not there"}

        def send(*exceptions: Any) -> Any:
            body = CONFIRMATION | {"client_id": str(uuid4()), "exceptions": exceptions}
            return world.bound.post(at, body, format="json", headers=once())

        refused, done = send(theirs), send(ours)

        assert (refused.status_code, fields_of(refused.json())) == (400, ["exceptions[0].package"])
        assert (done.status_code, done.json()["received"]["packages_sent"]) == (201, 2)
        assert done.json()["received"]["pieces_good"] == done.json()["received"]["pieces_missing"] == 10
        assert [row["id"] for row in world.bound.get(at).json()["results"]] == [done.json()["id"]]
        note = Paper.objects.select_related("document").get(number=done.json()["number"])
        assert note.document.context["received"]["pieces_sent"] == 20
        assert note.document.context["handover"] == f"{world.ours.code} · {world.ours.hand_over_point}"
        assert [row["number"] for row in world.bound.get(at.replace("deliveries", "papers")).json()["results"]] == [
            note.number
        ]
        assert len(world.whole.get(at).json()["results"]) == 2

    def test_may_reverse_its_own_confirmation_and_repeat_none_of_another_site(self) -> None:
        world = make_world()
        at = f"/api/v1/shipments/{world.shipment.number}/deliveries/"
        known = Delivery.objects.get()
        mine = world.bound.post(at, CONFIRMATION | {"client_id": str(uuid4())}, format="json", headers=once()).json()

        reversal = {"client_id": str(uuid4()), "reason": "miscounted"}
        undone = world.bound.post(f"{at}{mine['id']}/reverse/", reversal, format="json", headers=once())
        foreign = world.bound.post(f"{at}{known.pk}/reverse/", reversal, format="json", headers=once())
        guessed = world.bound.post(
            at, CONFIRMATION | {"client_id": str(known.client_id)}, format="json", headers=once()
        )

        assert (undone.status_code, undone.json()["received"]["pieces_good"]) == (201, 0)
        assert foreign.status_code == 404
        assert is_a_problem(guessed, 409, "client_id_reused")
        assert "delivery" not in guessed.json()

    def test_gets_no_paper_that_shows_other_sites_and_reports_no_arrival_for_them(self) -> None:
        world = make_world()
        at = f"/api/v1/shipments/{world.shipment.number}/"
        Shipment.objects.filter(pk=world.shipment.pk).update(status="dispatched", arrived_at=None)

        refused, arrival = world.bound.get(f"{at}packing-list/"), world.bound.post(f"{at}arrive/", headers=once())

        assert is_a_problem(refused, 403, "paper_shows_other_sites")
        assert is_a_problem(arrival, 403, "bound_to_site")
        offered = {action["action"]: action["code"] for action in world.bound.get(at).json()["allowed_actions"]}
        assert (offered["arrive"], offered["deliver"]) == ("bound_to_site", "")

    def test_gets_the_papers_and_confirmations_of_a_shipment_to_its_site_alone(self) -> None:
        make_charity()
        partner = make_partner()
        site = make_site(partner)
        packer = make_packer()
        draft = shipments.create(
            title="Beds", customs_currency="HKD", consignee=partner, sites=[shipments.LabelledSite(site, "A")],
            by=packer, at=NOON,
        )  # fmt: skip
        told: Any = {"item": make_item(), "quantity": 7, "unit_weight_kg": 1, "unit_value_minor": 100}
        packing.add_package(draft, [told], kind="CT", gross_kg=Decimal(9), destination=None, by=packer, at=NOON)
        sealed = lifecycle.seal(draft, by=packer, at=NOON)
        shipment = lifecycle.dispatch(sealed, reason="The truck leaves now.", by=packer, at=NOON)
        bound, at = key_client(make_key(partner, site=site)), f"/api/v1/shipments/{shipment.number}/"

        confirm(shipment, {"package": 1, "good": 3}, default="none")
        listed = {row["kind"] for row in bound.get(f"{at}papers/").json()["results"]}

        assert listed == {"partner-packing-list", "goods-received-note"}
        assert bound.get(f"{at}packing-list/").json()["code"] == "document_not_ready"
        assert len(bound.get(f"{at}deliveries/").json()["results"]) == len(
            bound.get(f"{at}packages/").json()["results"]
        )

    def test_reads_in_the_trail_where_the_shipment_is_and_what_its_site_did(self) -> None:
        world = make_world()
        at = f"/api/v1/shipments/{world.shipment.number}/"
        world.bound.post(f"{at}deliveries/", CONFIRMATION | {"client_id": str(uuid4())}, format="json", headers=once())

        told = world.bound.get(f"{at}trail/").json()

        assert [entry["verb"] for entry in told] == ["dispatched", "delivery confirmed"]
        assert f"for site {world.ours.code}: 20 sound" in told[1]["sentence"]
        assert (told[0]["by"], told[1]["by"]) == ("The charity", f"{world.partner.code} {world.ours.code}: phone")


class TestIssuing:
    def test_keys_of_one_name_and_different_sites_are_different_programs(self) -> None:
        partner = make_partner()
        first, second = make_site(partner), make_site(partner)

        keys = [make_key(partner, site=site) for site in (None, first, first, second)]

        users = [key.row.user_id for key in keys]
        assert (users[1] == users[2], len(set(users))) == (True, 3)
        assert AuditEntry.objects.filter(verb="key issued", details__site=first.code).count() == 2

    def test_over_the_api_a_site_of_another_partner_is_refused_like_a_missing_one(self) -> None:
        partner, foreign = make_partner(), make_site()
        own = make_site(partner)
        coordinator, at = client_of(make_user(Role.COORDINATOR)), f"/api/v1/partners/{partner.pk}/keys/"

        made, *refused = [
            coordinator.post(at, {"name": "tablet", "site": code}, format="json", headers=once())
            for code in (own.code, foreign.code, "ZZZZZ")
        ]

        assert (made.status_code, made.json()["site"]) == (201, own.code)
        assert [row["site"] for row in coordinator.get(at).json()["results"]] == [own.code]
        assert {(answer.status_code, answer.json()["errors"][0]["code"]) for answer in refused} == {
            (400, "foreign_site")
        }

    def test_in_the_admin_the_form_offers_the_partner_s_sites(self) -> None:
        own, foreign = make_site(), make_site()
        browser, at = signed_in(Role.COORDINATOR), f"/admin/logistics/partner/{own.partner_id}/issue-key/"

        page = browser.get(at).content.decode()
        wrong = browser.post(at, {"name": "tablet", "valid_days": 9, "site": str(foreign.pk)})
        browser.post(at, {"name": "tablet", "valid_days": 9, "site": str(own.pk)})

        assert (own.code in page, foreign.code in page) == (True, False)
        assert wrong.context["form"].errors["site"]
        assert ApiKey.objects.get().user.membership.site == own

    def test_the_command_issues_a_key_for_a_site_of_the_users_own_partner(self) -> None:
        own, foreign = make_site(), make_site()
        email = make_partner_user(own.partner).email

        def run(site: str, **more: Any) -> str:
            out = StringIO()
            call_command("make_key", email, name="tablet", site=site, stdout=out, **more)
            return out.getvalue().strip()

        run(own.code)
        last = run(own.code, replace=True)

        client = APIClient(headers={"Authorization": f"Bearer {last}"})
        assert client.get("/api/v1/me/").json()["site"] == str(own.pk)
        assert ApiKey.objects.filter(revoked_at=None).count() == 1
        for site in (foreign.code, "ZZZZZ"):
            with pytest.raises(CommandError, match="site"):
                run(site)
        with pytest.raises(CommandError, match="partner"):
            call_command("make_key", make_user(Role.WAREHOUSE).email, name="tablet", site=own.code)

    def test_a_membership_has_a_site_of_its_partner_and_keeps_it(self) -> None:
        site, foreign = make_site(), make_site()
        user = make_partner_user(site.partner, site=site)
        page = f"/admin/logistics/membership/{user.membership.pk}/change/"
        root = client_of(make_user(is_superuser=True))

        sent = root.post(page, {"user": str(user.pk), "partner": str(foreign.partner_id), "site": ""})

        assert sent.context["adminform"].form.errors
        with pytest.raises(ProgrammingError, match="belongs to another partner"), transaction.atomic():
            make_partner_user(foreign.partner, site=site)
        with pytest.raises(ProgrammingError, match="permission denied"), transaction.atomic():
            Membership.objects.update(site=None)
        assert Membership.objects.get(user=user).site == site
