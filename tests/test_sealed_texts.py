"""No text that reaches a paper, page, mail, log or export names a sealed place: each door, each way of writing it."""

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import models

from donations import demonstration as donations
from logistics.audit.models import AuditEntry
from logistics.documents.models import Document
from logistics.mail.models import Email
from logistics.partners import addresses, guard, refusals, texts
from logistics.partners.hints import unpacked
from logistics.partners.models import Partner, Site, SiteAddress
from logistics.roles import Role
from shipments import demonstration as shipments
from shipments.shipments.models import Shipment
from tests.clients import client_of
from tests.doors import ATTACKS, GIVEN, edit, make_world, refused
from tests.makers.moments import NOON
from tests.makers.partners import SHELTER, make_partner, make_shelter
from tests.makers.people import make_user
from tests.makers.shipments import make_shipment

KINDS = (models.CharField, models.TextField, models.JSONField, models.BinaryField, ArrayField)


def text_fields() -> dict[str, set[str]]:
    """Return the text fields of each model of ours."""
    found = {
        model._meta.label_lower: {field.name for field in model._meta.concrete_fields if isinstance(field, KINDS)}
        for model in apps.get_models()
        if model._meta.app_label in ("logistics", "shipments", "donations")
    }
    return {label: names for label, names in found.items() if names}


class TestEveryText:
    def test_is_guarded_or_exempt_for_a_reason(self) -> None:
        listed = {label: {*texts.GUARDED.get(label, ()), *texts.EXEMPT.get(label, {})} for label in text_fields()}
        listed["shipments.paper"] -= set(texts.GUARDED["shipments.paper"])  # in the context of its document

        assert {label: names ^ listed[label] for label, names in text_fields().items() if names != listed[label]} == {}
        assert set(texts.GUARDED) | set(texts.EXEMPT) == set(text_fields())
        assert [label for label in texts.EXEMPT if set(texts.EXEMPT[label]) & set(texts.GUARDED.get(label, ()))] == []
        assert all(reason for reasons in texts.EXEMPT.values() for reason in reasons.values())


@pytest.mark.django_db
class TestEveryDoor:
    @pytest.mark.parametrize("label", sorted(ATTACKS))
    def test_refuses_a_sealed_name_and_leaves_a_trace(self, label: str) -> None:
        world = make_world()

        for field in texts.GUARDED[label]:
            assert refused(ATTACKS[label](world, field, GIVEN.get(field, SHELTER["name"]))), field

        noted = {name for entry in AuditEntry.objects.filter(verb="text refused") for name in entry.details["fields"]}
        assert {f"{label}.{field}" for field in texts.GUARDED[label]} <= noted

    def test_of_each_guarded_model_is_attacked_here(self) -> None:
        assert set(ATTACKS) == set(texts.GUARDED)


# Each gives the shelter of tests.makers.partners away.
TELLING = [
    *("Foyer Ɲɛta", "FOYER NYETA", "foyer nieta", "Foyer Gneta", "Chez Neta", "Néta", "N e t a", "N.E.T.A.", "Ne-ta"),
    *("foyerneta", "foyer ne ta", "ＦＯＹＥＲ　ＮＥＴＡ", "ⓃⒺⓉⒶ", "Nетa".replace("т", "t"), "N\u200beta", "neta/depot"),
    *("Rue 305", "rue n° 305", "RUE305", "305, rue", "Rue ٣٠٥, porte ١٢٧", "r u e : rue ３０５", "305e rue, door 127"),
    *("+223 20 21 23 45", "20212345", "20-21-23-45", "2 0 2 1 2 3 4 5", "٢٠٢١٢٣٤٥", "۲۰۲۱ ۲۳۴۵", "00223.2021.2345"),
    *("14.4928, -4.1934", "14.493 / 4.193", "14,4930 N 4,1929 O", "4.1934 W 14.4928 N", "١٤٫٤٩٢٨ ٤٫١٩٣٤"),
    *("14°29'34\"N 4°11'36\"W", "https://maps.example.org/?q=14.4928,-4.1934"),
    *("Kemparana", "à Kémparana", "k e m p a r a n a", "marché de KEMPARANA"),
]
# Nothing of it: common words, other numbers, parts of words, coarser coordinates.
HARMLESS = [
    *("Foyer des enfants", "Planetarium", "Rue 30", "Rue 3055", "porte 127", "127 lits", "305 couvertures", "2021"),
    *("14.5, -4.2", "20 21 23", "Ségou region", "Dakar, hangar 14", "Beds, women", "To no. 45", "Bamako"),
]


@pytest.mark.django_db
class TestEveryWayOfWriting:
    def test_of_a_sealed_address_is_refused_without_saying_what_was_found(self) -> None:
        world = make_world()
        shipment = make_shipment(world.partner)
        doors = [
            (world.shelter, f"/api/v1/sites/{world.shelter.pk}/", "hand_over_point"),
            (shipment, f"/api/v1/shipments/{shipment.number}/", "title"),
        ]
        some = [text for text in TELLING if not text.isascii()]

        answers = {(at, text): edit(world.staff, at, row, field, text) for row, at, field in doors for text in some}

        assert [key for key, answer in answers.items() if not refused(answer)] == []
        assert len({answer.json()["errors"][0]["detail"] for answer in answers.values()}) == 1
        assert len({str(sorted(answer.json()["errors"][0])) for answer in answers.values()}) == 1
        assert Shipment.objects.get(pk=shipment.pk).title == shipment.title

    @pytest.mark.parametrize(("told", "is_found"), [(TELLING, True), (HARMLESS, False)])
    def test_is_told_from_other_texts(self, told: list[str], is_found: bool) -> None:
        place = guard.of_partner(make_world().partner.pk)

        assert [text for text in told if place.hits(text) != is_found] == []

    def test_a_town_with_the_name_of_its_region_counts_in_the_hand_over_point_of_its_site_only(self) -> None:
        world = make_world()
        site = make_shelter(world.partner, name="Tɔnɔ", address="", town="Sévaré (Mopti)", phone="")
        other, shipment = make_shelter(world.partner, name="Jigiya"), make_shipment(world.partner)

        def ask(row: Any, text: str) -> int:
            row.refresh_from_db()
            at = f"shipments/{row.number}" if isinstance(row, Shipment) else f"sites/{row.pk}"
            return int(edit(world.staff, f"/api/v1/{at}/", row, "hand_over_point", text).status_code)

        assert [ask(site, "Gare de Mopti"), ask(site, "Gare, région de Mopti")] == [400, 200]
        assert ask(site, "Mopti region") == 200
        assert [ask(other, "Gare de Mopti"), ask(shipment, "Gare de Mopti")] == [200, 200]
        assert [ask(other, "Gare de Sévaré"), ask(shipment, "Gare de Sévaré")] == [400, 400]

    def test_the_partner_s_own_name_is_no_secret(self) -> None:
        partner = make_partner(name="Association Jigiya")
        make_shelter(partner, name="Foyer Jigiya", town="")
        shipment = make_shipment(partner)
        staff = client_of(make_user(Role.COORDINATOR))
        at = f"/api/v1/shipments/{shipment.number}/"

        whole = edit(staff, at, shipment, "title", "For the Foyer Jigiya")
        part = edit(staff, at, shipment, "title", "For Jigiya")

        assert (whole.status_code, part.status_code) == (400, 200)


@pytest.mark.django_db
class TestRotation:
    def test_moves_everything_sealed_to_the_newest_key_in_batches_and_can_be_resumed(self, settings: Any) -> None:
        world = make_world()
        sites = [world.shelter, make_shelter(world.partner, name="Jigiya"), make_shelter(name="Sabali")]
        officer = make_user(Role.SAFETY)
        refusals.allow_text(world.partner, "La fille de Neta", reason="The title of a novel.", by=officer, at=NOON)
        old, new = settings.FIELD_KEYS[0], Fernet.generate_key().decode()
        settings.FIELD_KEYS = [new, old]
        next(addresses.rotate(batch=1, at=NOON))  # and interrupted
        place = guard.of_partner(world.partner.pk)
        between = addresses.under_older_keys(), [place.hits(text) for text in ("Neta", "Jigiya", "La fille de Neta")]
        out = StringIO()

        call_command("rotate_field_keys", batch=1, stdout=out)

        # Four ciphertexts, and the hashes of three addresses and a text.
        assert between == (7, [True, True, False])
        assert "3 ciphertexts are now under the newest key, and 3 addresses and 1 refused texts" in out.getvalue()
        assert "0 rows are left under an older key" in out.getvalue()
        settings.FIELD_KEYS = [new]
        place = guard.of_partner(world.partner.pk)
        assert [place.hits(text) for text in ("Neta", "Jigiya", "La fille de Neta")] == [True, True, False]
        found = addresses.reveal(world.shelter, reason="The lorry is there.", proved_at=NOON, by=officer, at=NOON)
        assert found == SHELTER
        again = AuditEntry.objects.filter(verb="address encrypted again").values_list("subject_id", flat=True)
        assert sorted(again) == sorted(site.pk for site in sites)
        assert [site.version for site in Site.objects.all()] == [2, 2, 2]

    def test_a_missing_key_stops_the_check_instead_of_passing_every_text(self, settings: Any) -> None:
        world = make_world()
        settings.FIELD_KEYS = [Fernet.generate_key().decode()]

        with pytest.raises(ImproperlyConfigured):
            guard.of_partner(world.partner.pk)

    def test_hashes_tell_neither_the_number_of_hints_nor_that_two_partners_share_a_word(self) -> None:
        make_shelter()
        make_shelter(address="", phone="")

        first, second = (unpacked(bytes(row.hints)) for row in SiteAddress.objects.all())

        assert (len(first) % 64, len(second) % 64, first & second) == (0, 0, set())


def strings(value: Any) -> list[str]:
    """Return every text in a JSON value."""
    if isinstance(value, dict | list):
        return [text for part in (value.values() if isinstance(value, dict) else value) for text in strings(part)]
    return [value] if isinstance(value, str) else []


@pytest.mark.django_db
class TestTheDemonstration:
    def test_shows_nothing_of_its_sealed_addresses(self, files: Any) -> None:
        donations.demonstrate(NOON)
        shipments.demonstrate(NOON)
        partner = Partner.objects.get()
        place, found = guard.of_partner(partner.pk), dict[str, int]()

        for label, names in texts.GUARDED.items():
            rows = [] if label == "shipments.paper" else apps.get_model(label)._default_manager.values_list(*names)
            for row in rows:
                found[label] = found.get(label, 0) + sum(map(place.hits, row))
        shown = [
            *Document.objects.values_list("context", flat=True),
            *map(list, Email.objects.values_list("subject", "body")),
        ]
        found["papers and mails"] = sum(map(place.hits, strings(shown)))

        assert {label: count for label, count in found.items() if count} == {}
        assert {"shipments.manifestline", "shipments.shipment", "donations.appeal", "logistics.contact"} <= set(found)
        assert len(strings(shown)) > 1000
        assert [secret for secret in ("Foyer Ɲɛta", "+223 65 01 23 45", "Tɔnɔ") if not place.hits(secret)] == []
