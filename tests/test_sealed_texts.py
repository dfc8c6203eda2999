"""No text that reaches a paper, page, mail, log or export names a sealed place: each door, each way of writing it."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import IntegrityError, models
from django.test import Client
from django.utils import timezone

from donations import demonstration as donations
from logistics.audit.models import AuditEntry
from logistics.documents.models import Document
from logistics.ids import uuid7
from logistics.mail.models import Email
from logistics.partners import addresses, guard, refusals, texts, traces
from logistics.partners.hints import unpacked
from logistics.partners.models import Partner, RefusedText, Site, SiteAddress
from logistics.people.recent import SignInAgain
from logistics.roles import Role
from logistics.tasks import remove_unused_ciphertexts
from shipments import demonstration as shipments
from shipments.shipments.models import Shipment
from tests.clients import BACKEND, client_of, once, signed_in
from tests.doors import ATTACKS, GIVEN, edit, make_world, refused
from tests.makers.catalogue import make_category
from tests.makers.moments import NOON
from tests.makers.partners import SHELTER, make_contact, make_partner, make_shelter
from tests.makers.people import make_user
from tests.makers.shipments import make_shipment, pack
from tests.shipments.sheets import complaints, mali_rows, put, read, xlsx

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

    def test_is_attacked_here(self) -> None:
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


def mails(kind: str) -> list[str]:
    return [f"{mail.to} {mail.subject} {mail.body}" for mail in Email.objects.filter(kind=kind).order_by("id")]


@pytest.mark.django_db
class TestTheTrace:
    def test_of_a_refusal_is_an_entry_a_count_and_a_mail_without_the_text(self) -> None:
        world = make_world()
        make_user(Role.SAFETY, ends_at=timezone.now())  # does not work here any more
        at = f"/api/v1/sites/{world.shelter.pk}/"
        before = traces.REFUSED.labels("logistics.site.hand_over_point")._value.get()

        for text in ("Chez Neta", "Rue 305"):
            assert refused(edit(world.staff, at, world.shelter, "hand_over_point", text))

        entries = AuditEntry.objects.filter(verb="text refused").order_by("sequence")
        assert [(entry.subject_id, entry.details) for entry in entries] == [
            (world.partner.pk, {"fields": ["logistics.site.hand_over_point"], "count": 1, "officers_notified": told})
            for told in (1, 0)  # one mail in ten minutes
        ]
        assert entries[0].by is not None
        assert traces.REFUSED.labels("logistics.site.hand_over_point")._value.get() == before + 2
        (mail,) = mails("sealed-text-refused")
        assert "officer@example.org" in mail
        assert world.partner.code in mail
        assert "hand-over point" in mail
        assert entries[0].by.name in mail
        kept = json.dumps([str(list(model.objects.values())) for model in (AuditEntry, Email)], ensure_ascii=False)
        assert not [secret for secret in ("Chez Neta", "Rue 305", *SHELTER.values()) if str(secret) in kept]

    def test_survives_the_rollback_in_the_admin(self) -> None:
        world = make_world()
        shipment = make_shipment(world.partner)
        browser = Client()
        browser.force_login(make_user(Role.COORDINATOR), backend=BACKEND)
        pages = {
            f"/admin/shipments/shipment/{shipment.pk}/change/": ("title", "shipments.shipment.title"),
            f"/admin/logistics/site/{world.shelter.pk}/change/": ("hand_over_point", "logistics.site.hand_over_point"),
        }

        for at, (field, _name) in pages.items():
            page = browser.get(at).context
            form = page["adminform"].form
            data = {name: form[name].value() for name in form.fields if form[name].value() is not None}
            for inline in page["inline_admin_formsets"]:
                data |= {f"{inline.formset.prefix}-{name}_FORMS": 0 for name in ("TOTAL", "INITIAL")}
            answer = browser.post(at, data | {field: "Foyer Nɛta"})
            assert (answer.status_code, [*answer.context["adminform"].form.errors]) == (200, [field])

        noted = [entry.details["fields"] for entry in AuditEntry.objects.filter(verb="text refused")]
        assert sorted(noted) == sorted([name] for _field, name in pages.values())
        assert Shipment.objects.get().title == shipment.title

    @pytest.mark.parametrize("dry_run", [True, False])
    def test_of_a_spreadsheet_has_all_of_its_texts(self, dry_run: bool) -> None:
        world = make_world()
        shipment = make_shipment(world.partner, marks="ABCDE")
        make_category(name_en="Household furniture")
        told = {
            "marks": "foyer neta",
            "handling": "Rue 305",
            "description_fr": "Lit, ２０２１２３４５",
            "remark": "N e t a",
        }
        rows = [[*row, "", ""] for row in mali_rows(5)]
        rows[0][-2:] = ["handling", "remark"]
        for row, (name, text) in enumerate(told.items(), start=2):
            put(rows, row, name, text)

        upload = read(shipment, xlsx(rows), dry_run=dry_run)

        assert {(row, name) for row, name, code in complaints(upload) if code == "names_the_place"} == {
            (row, name) for row, name in enumerate(told, start=2)
        }
        assert (upload.outcome, shipment.packages.count()) == ("refused", 0)
        assert not [text for text in told.values() if text in str(upload.errors)]
        (entry,) = AuditEntry.objects.filter(verb="text refused")
        assert (entry.by, entry.details["count"]) == (upload.uploaded_by, 4)
        assert len(mails("sealed-text-refused")) == 1

    def test_of_existing_texts_is_made_when_an_address_is_sealed(self) -> None:
        world = make_world()
        shipment = pack(make_shipment(world.partner, title="Beds for Jigiya"), remark="Chez Jigiya")
        make_contact(world.partner, name="Madame Jigiya")

        make_shelter(world.partner, name="Maison Jigiya", town="")

        fields = ["logistics.contact.name", "shipments.manifestline.remark", "shipments.shipment.title"]
        entry = AuditEntry.objects.get(verb="revealing texts found")
        assert entry.details == {"fields": fields, "count": 3, "officers_notified": 1}
        assert len(mails("sealed-text-found")) == 1
        assert Shipment.objects.get(pk=shipment.pk).title == "Beds for Jigiya"


@pytest.mark.django_db
class TestAllowing:
    def test_a_safety_officer_allows_one_text_with_a_reason(self) -> None:
        world = make_world()
        shipment = make_shipment(world.partner)
        officer = client_of(make_user(Role.SAFETY))
        at, title = f"/api/v1/partners/{world.partner.pk}/allowed-texts/", "Book: La fille de Neta"
        body = {"text": title, "reason": "The title of a novel."}
        shipment_at = f"/api/v1/shipments/{shipment.number}/"
        assert refused(edit(world.staff, shipment_at, shipment, "title", title))

        by_coordinator = world.staff.post(at, body, format="json", headers=once())
        unexplained = officer.post(at, body | {"reason": "ok"}, format="json", headers=once())
        telling = officer.post(at, body | {"reason": "Not our foyer Neta."}, format="json", headers=once())
        allowed = officer.post(at, body, format="json", headers=once())

        statuses = (by_coordinator.status_code, unexplained.status_code, telling.status_code, allowed.status_code)
        assert statuses == (403, 400, 400, 204)
        assert refused(edit(world.staff, shipment_at, shipment, "title", "Foyer Neta"))
        assert edit(world.staff, shipment_at, shipment, "title", "book, La Fille de NETA").status_code == 200
        entry = AuditEntry.objects.get(verb="text allowed")
        assert entry.reason == "The title of a novel."
        assert "Neta" not in str(entry.details)

    @pytest.mark.django_db(transaction=True)  # one connection stores the text, another reads it
    def test_in_the_admin_the_officer_reads_the_text_then_allows_it(self) -> None:
        world = make_world()
        shipment, text = make_shipment(world.partner), "Book: La fille de Neta"
        shipment_at = f"/api/v1/shipments/{shipment.number}/"
        for _attempt in range(2):
            assert refused(edit(world.staff, shipment_at, shipment, "title", text))
        row = RefusedText.objects.get()
        at, read = f"/admin/logistics/refusedtext/{row.pk}/review/", AuditEntry.objects.filter(verb="refused text read")
        officer, reason = signed_in(Role.SAFETY), {"reason": "The title of a novel."}

        pages = [officer.get(f"/admin/logistics/refusedtext/{page}") for page in ("", f"{row.pk}/change/")]
        pages += [officer.get(at)]
        unread = read.count()
        others = [signed_in(Role.COORDINATOR).post(at, reason).status_code, read.count()]
        shown = officer.post(at)
        telling = officer.post(at, {"reason": "Not our foyer Neta."})
        allowed = officer.post(at, reason)

        assert [page.status_code for page in pages] == [200] * 3
        assert not [page for page in pages if "fille" in page.content.decode()]
        assert "shipment: title" in pages[0].content.decode()
        assert not [page for page in pages if f"text {row.pk}" in page.content.decode()]  # titles are no ids
        assert (unread, others) == (0, [403, 0])
        assert text in shown.content.decode()
        assert [entry.details for entry in read] == [{"text": str(row.pk), "fields": ["shipments.shipment.title"]}] * 2
        assert (telling.status_code, [*telling.context["form"].errors]) == (200, ["reason"])
        assert allowed.status_code == 302
        assert edit(world.staff, shipment_at, shipment, "title", text).status_code == 200
        assert AuditEntry.objects.get(verb="text allowed").details == {"text": str(row.pk)}

    def test_reading_needs_a_sign_in_of_the_last_minutes(self) -> None:
        world = make_world()
        assert refused(
            edit(world.staff, f"/api/v1/sites/{world.shelter.pk}/", world.shelter, "hand_over_point", "Neta")
        )
        row, officer = RefusedText.objects.get(), make_user(Role.SAFETY)
        late = Client()
        late.force_login(officer, backend=BACKEND)

        asked = late.post(f"/admin/logistics/refusedtext/{row.pk}/review/")

        assert "confirm_password" in asked.content.decode() and "Neta" not in asked.content.decode()
        with pytest.raises(SignInAgain):
            refusals.read(row, proved_at=NOON - timedelta(minutes=6), by=officer, at=NOON)

    def test_a_text_that_nobody_allowed_is_deleted_after_a_month(self) -> None:
        world = make_world()
        site_at = f"/api/v1/sites/{world.shelter.pk}/"
        for text in ("Chez Neta", "Rue 305", "Kemparana"):
            assert refused(edit(world.staff, site_at, world.shelter, "hand_over_point", text))
        allowed, _old, new = RefusedText.objects.order_by("refused_at")
        refusals.allow(allowed, reason="A common name.", by=make_user(Role.SAFETY), at=NOON)
        RefusedText.objects.exclude(pk=new.pk).update(refused_at=timezone.now() - timedelta(days=31))

        remove_unused_ciphertexts()

        assert set(RefusedText.objects.all()) == {allowed, new}

    def test_the_database_wants_to_know_who_allowed_a_text(self) -> None:
        row = RefusedText(partner=make_world().partner, digest=b"", sealed_id=uuid7(), allowed_at=NOON)

        with pytest.raises(IntegrityError, match="a_text_is_allowed_by_somebody"):
            row.save()


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
