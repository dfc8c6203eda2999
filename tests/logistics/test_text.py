"""One rule for text at every door: what cannot be seen or printed is refused with its place, or removed."""

import unicodedata
from pathlib import Path
from typing import Any

import pytest
from django import forms
from django.contrib import admin

from config.urls import urlpatterns
from donations.portal.forms import GiftForm
from donations.stripe import facts
from logistics.admin_parts import ReadOnlyAdmin
from logistics.catalogue.models import Item
from logistics.forms import TidyForm
from logistics.people.models import User
from logistics.roles import Role
from logistics.text import UnusableText, tidied
from shipments.packing.models import ManifestLine
from shipments.shipments.admin import ReasonForm
from tests.clients import client_of, once, signed_in
from tests.doors import LINE
from tests.makers.catalogue import make_categories, make_category, make_item
from tests.makers.charity import make_charity
from tests.makers.partners import make_partner
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_packed, make_shipment, mali_shipment
from tests.shipments.sheets import complaints, mali_rows, put, read, xlsx

CASES = Path(__file__).parent.parent / "data" / "cases"


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("Chaise", "Chaise"),
        ("Me\u0301nage", "M\u00e9nage"),  # one letter, as every keyboard but some types it
        ("Jean\u00a0Dupont", "Jean Dupont"),
        ("10\u202f000", "10 000"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("\u202eknab", "knab"),  # would be shown as "bank"
        ("\u2067x\u2069", "x"),
        ("1 Road\r\nBamako", "1 Road\nBamako"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("\u0915\u094d\u200d\u0937", "\u0915\u094d\u200d\u0937"),
        ("chair\u200d", "chair"),
        ("Ada\u200e", "Ada"),
        ("\u0645\u0631\u06cc\u0645 (B2)\u200f", "\u0645\u0631\u06cc\u0645 (B2)\u200f"),
        ("cha\u200cir", "chair"),
        ("\u0647\u200d", "\u0647\u200d"),
        ("\U0001f469\u200d\U0001f467", "\U0001f469\u200d\U0001f467"),  # joined emoji stay one picture
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("\U0001f469\U0001f3fd\u200d\U0001f33e", "\U0001f469\U0001f3fd\u200d\U0001f33e"),
        ("\U0001f469\u200d", "\U0001f469"),
        ("\U0001f469\u200d\u200d\U0001f467", "\U0001f469\U0001f467"),
        ("a\u200d\U0001f467", "a\U0001f467"),
        ("\u30ab\u200d\u30ab", "\u30ab\u30ab"),
        ("\u3164", ""),  # looks empty
        ("bed\u2800frame\u2800", "bed frame "),
        ("\uffa0\u115f\u17b5x\u1160", "x"),
        ("\u1112\u1160", "\u1112\u1160"),  # an old syllable without a vowel
        ("\U0001e900\u200c\U0001e901", "\U0001e900\u200c\U0001e901"),
        ("\u099c\u09cd\u200c\u09af", "\u099c\u09cd\u200c\u09af"),  # Bengali
        ("\u0dc1\u0dca\u200d\u0dbb\u0dd3", "\u0dc1\u0dca\u200d\u0dbb\u0dd3"),  # Sinhala: the sri of Sri Lanka
        ("\u1b13\u1b44\u200c\u1b13", "\u1b13\u1b44\u200c\u1b13"),  # Balinese
        ("\u2d3d\u2d7f\u200d\u2d4d", "\u2d3d\u2d7f\u200d\u2d4d"),  # Tifinagh
        ("\U00010d00\u200f", "\U00010d00\u200f"),
        ("\u1828\u180e\u1820 \u180ex\u180e", "\u1828\u180e\u1820 x"),  # it parts the last vowel of a Mongolian word
        ("\u845b\U000e0100\u57ce", "\u845b\U000e0100\u57ce"),  # the form that a Japanese family writes
        ("Chan\u3000Tai\u00a0Man", "Chan Tai Man"),
    ],
)
def test_invisible_characters_are_removed_and_the_rest_is_kept(typed: str, kept: str) -> None:
    assert tidied(typed) == kept
    assert tidied(kept) == kept


@pytest.mark.parametrize(
    "character", ["\0", "\x01", "\x1b", "\x7f", "\x85", "\x9f", "\u2028", "\u2029", "\ufff9", "\ud800", "\U0001fffe"]
)
def test_what_is_refused_with_its_place(character: str) -> None:
    with pytest.raises(UnusableText) as refused:
        tidied(f"bed{character}stead")

    assert str(refused.value) == (
        f"Character 4 (U+{ord(character):04X}) is an invisible control character. Delete it, or retype the text."
    )


def all_forms(base: type) -> set[type]:
    return {form for direct in base.__subclasses__() for form in {direct, *all_forms(direct)}}


def test_every_form_of_ours_follows_the_rule() -> None:
    assert urlpatterns  # the admin and all pages are loaded
    ours = {
        form
        for form in all_forms(forms.BaseForm)
        if form.__module__.startswith(("logistics.", "donations.", "shipments."))
    }

    assert len(ours) > 10
    # Passwords are taken as they were typed.
    assert {form.__name__ for form in ours if not issubclass(form, TidyForm)} == {
        "ChangePasswordForm",
        "ConfirmForm",
        "NewPasswordForm",
    }


def test_a_tower_of_accents_is_refused_before_it_costs_time() -> None:
    with pytest.raises(UnusableText, match="more than 30 accents"):
        tidied("a" + "\u0301\u0323" * 400_000)


@pytest.mark.parametrize(
    "page", [page for page in admin.site._registry.values() if not isinstance(page, ReadOnlyAdmin)], ids=str
)
def test_so_does_every_form_that_the_admin_makes(page: Any, rf: Any) -> None:
    request = rf.get("/")
    request.user = User(is_superuser=True)

    assert issubclass(page.get_form(request), TidyForm)


@pytest.mark.django_db
class TestDoors:
    def add_item(self, **names: str) -> Any:
        body = {"code": "CR-BED", "hs6": "940360", "category": str(make_category().pk), **names}
        return client_of(make_user(Role.WAREHOUSE)).post("/api/v1/items/", body, format="json", headers=once())

    def test_the_api_refuses_with_the_place(self) -> None:
        answer = self.add_item(name_en="Bed\u0001", name_fr="Lit")

        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.json()["errors"]] == [
            ("name_en", "control_characters")
        ]
        assert "Character 4 (U+0001)" in answer.json()["errors"][0]["detail"]

    def test_the_api_keeps_the_tidy_text(self) -> None:
        self.add_item(name_en="Bed\u200b\u00a0frame", name_fr="Lit me\u0301tallique")

        item = Item.objects.get()
        assert (item.name_en, item.name_fr) == ("Bed frame", "Lit m\u00e9tallique")

    def test_a_spreadsheet_refuses_what_cannot_be_printed(self) -> None:
        rows = put(put(mali_rows(), 4, "description_en", "bed\u2028stead"), 5, "marks", "CGD\u200b 5/270")

        row = read(mali_shipment(), xlsx(rows))

        assert complaints(row) == [(4, "description_en", "control_characters")]

    def test_a_spreadsheet_with_invisible_characters_is_read(self) -> None:
        make_charity()
        make_categories()
        shipment = make_shipment()
        make_item(code="BED-X1")  # the two rows name two categories for it, which is refused for a new item

        row = read(shipment, (CASES / "11-invisible-characters.xlsx").read_bytes(), by=make_packer())

        assert (row.outcome, complaints(row)) == ("imported", [])
        texts = [*ManifestLine.objects.values_list("description_en", "item__code", "remark")]
        assert not [text for line in texts for text in line if text != tidied(text)]

    @pytest.mark.parametrize(
        ("field", "text", "refused"),
        [
            ("description_en", "bed\x01", "lines[0].description_en"),
            ("remark", "b\x1b", "lines[0].remark"),
            ("serials", ["A1", "A\x7f"], "lines[0].serials"),
        ],
    )
    def test_a_control_character_in_a_line_is_refused(self, field: str, text: Any, refused: str) -> None:
        shipment, staff = make_packed(partner=make_partner()), client_of(make_user(Role.WAREHOUSE))
        line = LINE | {"item": make_item().code, field: text}
        at = f"/api/v1/shipments/{shipment.number}"

        within = staff.post(f"{at}/packages/", {"kind": "CT", "lines": [line]}, format="json", headers=once())
        package = shipment.packages.get()
        added = staff.post(f"{at}/lines/", line | {"package": str(package.pk)}, format="json", headers=once())
        kept = package.lines.get()
        changed = staff.patch(f"{at}/lines/{kept.pk}/", {field: text, "version": kept.version}, format="json")

        assert [answer.status_code for answer in (within, added, changed)] == [400, 400, 400]
        for answer, name in ((within, refused), (added, field), (changed, field)):
            [error] = [error for error in answer.json()["errors"] if error["code"] == "control_characters"]
            assert error["field"] == name
            assert "is an invisible control character. Delete it, or retype the text." in error["detail"]

    def test_the_form_of_donors_refuses_and_tidies_text(self) -> None:
        typed: dict[str, Any] = {"amount": "500", "currency": "HKD", "email": "ada@example.org"}

        refused = GiftForm({**typed, "name": "Ada\u0007"})
        kept = GiftForm({**typed, "name": "Jean\u00a0Dupont"})

        assert list(refused.errors) == ["name"]
        assert list(GiftForm({**typed, "name": "\u0958" * 61}).errors) == ["name"]  # kept as 122 characters
        assert ReasonForm({"reason": "\u200b"}).errors["reason"] == ["This field is required."]
        assert kept.is_valid()
        assert kept.cleaned_data["name"] == "Jean Dupont"


@pytest.mark.django_db
def test_what_is_searched_is_spelt_as_texts_are_stored():
    decomposed = unicodedata.normalize("NFD", "Ménage")
    make_user(Role.COORDINATOR, name="Ménage")
    make_category(name_en="Household", name_fr="Ménage")
    api, admin = client_of(make_user(Role.WAREHOUSE)), signed_in(Role.ADMINISTRATOR)

    found = api.get("/api/v1/categories/", {"search": decomposed}).json()["results"]
    page = admin.get("/admin/logistics/user/", {"q": decomposed})
    refused = api.get("/api/v1/categories/", {"search": "a\x07b"})

    assert [row["name_fr"] for row in found] == ["Ménage"]
    assert page.context["cl"].result_count == 1
    assert refused.json()["errors"][0]["code"] == "control_characters"


def test_texts_of_stripe_are_kept_like_our_own():
    sent = {
        "id": "re_1", "status": "failed", "amount": 100, "currency": "hkd", "payment_intent": "pi_1", "charge": "ch_1",
        "reason": unicodedata.normalize("NFD", "demandé"), "failure_reason": None, "created": 1_772_400_000,
        "metadata": {},
    }  # fmt: skip

    refund = facts.StripeRefund.from_stripe(sent)

    assert (refund.reason, refund.failure_reason) == ("demandé", None)
    with pytest.raises(UnusableText):
        facts.StripeRefund.from_stripe(sent | {"reason": "a\x00b"})
