"""A paper's characters are checked before the action that needs it: field, row and character are named."""

from typing import Any

import pytest
from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from logistics.catalogue.models import Category, Item
from logistics.charity.models import Charity
from logistics.charity.services import the_charity
from logistics.documents import fonts
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.partners.models import Partner, Site
from logistics.people.models import User
from logistics.roles import Role
from shipments.packing.models import ManifestLine, Package
from shipments.papers import packing_list, printable, services
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from tests.clients import client_of, is_a_problem, once, signed_in
from tests.makers.moments import NOON
from tests.makers.partners import make_contact, make_partner, make_partner_user
from tests.makers.people import make_packer
from tests.makers.shipments import make_dispatched, make_packed, make_sealed
from tests.threads import in_threads

BED = "🛏"
# Everything that the packing list prints and people enter: model, field -> as the refusal names it.
SOURCES: dict[tuple[Any, str], str] = {
    (Shipment, "title"): "title",
    (Shipment, "reference"): "reference",
    (Shipment, "notify_party"): "notify_party",
    (Shipment, "hand_over_point"): "hand_over_point",
    (Shipment, "incoterm_place"): "incoterm_place",
    (Shipment, "seal_number"): "seal_number",
    (Shipment, "cargo_tracking_note"): "cargo_tracking_note",
    (Shipment, "bill_of_lading"): "bill_of_lading",
    (Partner, "name"): "consignee.name",
    (Partner, "address"): "consignee.address",
    (Partner, "tax_number"): "consignee.tax_number",
    (Charity, "name"): "charity.name",
    (Charity, "address"): "charity.address",
    (Charity, "registration"): "charity.registration",
    (User, "name"): "packed_by",
    (Site, "hand_over_point"): "sites",
    (Package, "marks"): "marks",
    (Package, "remark"): "remark",
    (Item, "code"): "code",
    (ManifestLine, "description_en"): "description_en",
    (ManifestLine, "description_fr"): "description_fr",
    (ManifestLine, "serials"): "serials",
    (ManifestLine, "remark"): "remark",
    (Category, "name_en"): "category__name_en",
    (Category, "name_fr"): "category__name_fr",
}
# The other texts of the context: codes, words of ours, figures and dates.
NOT_ENTERED = {
    "number", "issued_on", "mode", "incoterm", "currency", "packed_on", "departs_on", "checked_by", "kind", "net_kg",
    "gross_kg", "measured_kg", "volume_m3", "length_cm", "width_cm", "height_cm", "destination", "code", "hs6",
    "origin", "condition", "unit", "un_number", "type_code", "type_name",
}  # fmt: skip


def enter(model: Any, field: str, text: str) -> None:
    """Store a text that no entry point would let through."""
    model.objects.update(**{field: [text] if field == "serials" else text})


def names_of(context: Any, name: str = "") -> set[tuple[str, str]]:
    """Return each text of a context with the name of its field; "en" and "fr" belong to the name above."""
    if isinstance(context, str):
        return {(name, context)}
    if isinstance(context, dict):
        inner = {key: name if key in ("en", "fr") else key for key in context}
        return {text for key, value in context.items() for text in names_of(value, inner[key])}
    return {text for value in context for text in names_of(value, name)} if isinstance(context, list) else set()


@pytest.mark.django_db
class TestWhatIsChecked:
    def test_the_check_and_the_paper_agree_on_each_text(self) -> None:
        shipment, by = make_packed(container_number="CSQU3054383"), make_packer()
        named: dict[tuple[Any, str], Any] = {}
        printed = set()

        for source in SOURCES:
            with transaction.atomic():
                enter(*source, BED)
                fresh = Shipment.objects.get(pk=shipment.pk)
                refusal = printable.manifest(fresh, by)
                texts: Any = refusal.details["texts"] if refusal else []
                named[source] = [(text["field"], text["characters"]) for text in texts]
                context = packing_list.context(fresh, version=1, charity=the_charity(), at=NOON)
                printed |= {source} if any(fonts.search(context)) else set()
                transaction.set_rollback(True)

        assert named == {source: [(field, [BED])] for source, field in SOURCES.items()}
        assert printed == set(SOURCES)

    def test_no_text_of_the_packing_list_is_left_out(self) -> None:
        shipment = make_packed(container_number="CSQU3054383")
        for model, field in SOURCES:
            enter(model, field, BED)
        shipment.refresh_from_db()

        context = packing_list.context(shipment, version=1, charity=the_charity(), at=NOON)

        assert {name for name, text in names_of(context) if text and BED not in text} - NOT_ENTERED == set()

    def test_ordinary_texts_in_every_script_of_the_fonts_pass(self) -> None:
        shipment = make_packed()
        ManifestLine.objects.update(description_en="Lit à étages 陳大文", remark="جمعية Ɲɛta ߒߞߏ")

        assert printable.manifest(shipment, make_packer()) is None


@pytest.mark.django_db
class TestActions:
    def post(self, user: User, path: str, body: Any = None) -> Any:
        return client_of(user).post(f"/api/v1/shipments/{path}/", body, format="json", headers=once())

    def test_a_seal_is_refused_with_package_line_field_and_character(self) -> None:
        shipment, packer = make_packed(3, lines=2), make_packer()
        ManifestLine.objects.filter(package__number=2, position=2).update(description_fr="lit 🛏 \U000110bd")

        answer = self.post(packer, f"{shipment.number}/seal")
        shown = client_of(packer).get(f"/api/v1/shipments/{shipment.number}/").json()["allowed_actions"]

        assert is_a_problem(answer, 409, "paper_not_printable")
        assert answer.json()["texts"] == [
            {
                "place": "package 2, line 2, French description",
                "field": "description_fr",
                "package": 2,
                "line": 2,
                "characters": ["🛏", "\U000110bd"],
            }
        ]
        assert answer.json()["detail"] == (
            "Papers cannot print these characters: package 2, line 2, French description (🛏 U+110BD)."
            " Replace them first."
        )
        assert {
            "action": "seal",
            "allowed": False,
            "code": "paper_not_printable",
            "reason": answer.json()["detail"],
        } in (shown)
        assert Document.objects.count() == 0
        shipment.refresh_from_db()
        assert (shipment.status, shipment.sealed_at) == ("packing", None)

    def test_the_admin_says_so_instead_of_the_button(self) -> None:
        shipment = make_packed()
        Package.objects.update(marks="BED 🛏")

        page = signed_in(Role.WAREHOUSE).get(reverse("admin:shipments_shipment_do_seal", args=[shipment.pk]))

        assert "package 1, marks (🛏)" in page.content.decode()
        assert 'name="confirmed"' not in page.content.decode()

    @pytest.mark.parametrize("kind", ["labels", "goods-received-form", "waybill", "partner-packing-list"])
    def test_no_other_paper_is_issued_either(self, kind: str) -> None:
        shipment = make_sealed()
        before = Document.objects.count()
        enter(Partner, "name", "AMAR 🛏")

        answer = self.post(make_packer(), f"{shipment.number}/papers", {"kind": kind})

        assert is_a_problem(answer, 409, "paper_not_printable")
        assert [(text["field"], text["line"]) for text in answer.json()["texts"]] == [("consignee.name", None)]
        assert Document.objects.count() == before

    def test_a_delivery_is_refused_before_it_is_recorded(self) -> None:
        partner = make_partner()
        shipment, user = make_dispatched(partner=partner), make_partner_user(partner)
        enter(Charity, "name", "Relief 🛏")
        body = {"client_id": "7b0c1d5e-8f2a-4c3b-9d4e-5f6a7b8c9d0e", "stated_at": NOON, "received_by": "Awa"}
        body["default"] = "good"

        answer = self.post(user, f"{shipment.number}/deliveries", body)

        assert is_a_problem(answer, 409, "paper_not_printable")
        assert answer.json()["texts"][0]["place"] == "name of the charity"
        assert shipment.deliveries.count() == 0

    def test_no_paper_with_such_a_text_is_ever_queued(self) -> None:
        context = {"issued_on": "2026-03-02", "packages": [{"lines": [{"remark": ""}, {"remark": "bed 🛏"}]}]}

        with pytest.raises(documents.NotPrintable) as refused:
            documents.request("note", number="N-1", template="none.html", context=context, at=NOON)

        assert refused.value.details == {"texts": [{"place": "packages[0].lines[1].remark", "characters": ["🛏"]}]}
        assert Document.objects.count() == 0


@pytest.mark.django_db
class TestDispatchWaitsForThePackingList:
    def dispatch(self, shipment: Shipment, **body: str) -> Any:
        url = f"/api/v1/shipments/{shipment.number}/dispatch/"
        return client_of(make_packer()).post(url, body, format="json", headers=once())

    def sealed(self) -> Shipment:
        partner = make_partner()
        make_contact(partner)
        return make_sealed(partner=partner)

    def last_entry(self, shipment: Shipment) -> Any:
        trail = client_of(make_packer()).get(f"/api/v1/shipments/{shipment.number}/trail/").json()
        return {name: trail[-1][name] for name in ("verb", "sentence", "reason")}

    def test_it_is_refused_while_the_list_is_printed(self) -> None:
        shipment = self.sealed()

        answer = self.dispatch(shipment, reason=" ")

        assert is_a_problem(answer, 409, "packing_list_not_printed")
        assert answer["Retry-After"] == "2"
        shipment.refresh_from_db()
        assert shipment.status == "sealed"

    def test_a_reason_overrides_and_is_recorded(self) -> None:
        shipment = self.sealed()

        answer = self.dispatch(shipment, reason="The ferry leaves.")

        assert answer.json()["status"] == "dispatched"
        assert self.last_entry(shipment) == {
            "verb": "dispatched",
            "sentence": "Lee Ka Yan dispatched the shipment before its packing list was printed; 1 contact of the"
            " partner was notified.",
            "reason": "The ferry leaves.",
        }

    def test_a_printed_list_travels_along_and_needs_no_reason(self, files: Any) -> None:
        shipment = self.sealed()
        assert documents.render(str(services.latest_packing_list(shipment).pk))

        answer = self.dispatch(shipment, reason="The ferry leaves.")

        assert answer.json()["status"] == "dispatched"
        assert self.last_entry(shipment) == {
            "verb": "dispatched",
            "sentence": "Lee Ka Yan dispatched the shipment; 1 contact of the partner was notified.",
            "reason": "",  # it overrode nothing
        }

    def test_a_list_that_cannot_be_printed_says_why(self) -> None:
        shipment = self.sealed()
        Document.objects.update(state="dead", last_error_code="paper_out_of_memory", ended_at=timezone.now())

        answer = self.dispatch(shipment)

        assert is_a_problem(answer, 409, "packing_list_not_printed")
        assert "it needs more memory than a paper may use" in answer.json()["detail"]

    def test_a_reason_overrides_nothing_else(self) -> None:
        shipment = self.sealed()
        Partner.objects.update(status="suspended")

        assert is_a_problem(self.dispatch(shipment, reason="The ferry leaves."), 409, "partner_not_approved")

    def test_the_admin_asks_for_the_reason(self) -> None:
        shipment, client = self.sealed(), signed_in(Role.WAREHOUSE)
        url = reverse("admin:shipments_shipment_do_dispatch", args=[shipment.pk])

        asked = client.get(url).content.decode()
        client.post(url, {"confirmed": "1", "reason": ""})
        shipment.refresh_from_db()
        without = shipment.status
        client.post(url, {"confirmed": "1", "reason": "The ferry leaves."})

        shipment.refresh_from_db()
        assert "The packing list is being printed (0 %)." in asked
        assert 'name="reason"' in asked
        assert (without, shipment.status) == ("sealed", "dispatched")
        assert self.last_entry(shipment)["reason"] == "The ferry leaves."


@pytest.mark.django_db(transaction=True)
def test_no_paper_has_a_text_that_was_changed_during_the_seal() -> None:
    """The check reads rows that the seal does not lock, so the paper's own context is checked too."""
    shipment, packer = make_packed(), make_packer()

    def go(number: int) -> int:
        sealed = 0
        for turn in range(12):
            if number:
                Category.objects.update(name_fr=BED if turn % 2 else "Lits")
                continue
            try:
                lifecycle.seal(shipment, by=packer, at=NOON)
            except documents.NotPrintable:
                continue
            lifecycle.reopen(shipment, reason="again", by=packer, at=NOON)
            sealed += 1
        return sealed

    sealed, *_ = in_threads(go, 3)

    kept = Document.objects.filter(kind="packing-list")
    assert kept.count() == sealed
    assert [found for document in kept for found in fonts.search(document.context)] == []
