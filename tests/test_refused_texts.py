"""What a refused text leaves behind, and how a safety officer allows it."""

import json
from datetime import timedelta

import pytest
from django.db import IntegrityError
from django.test import Client
from django.utils import timezone

from logistics.audit.models import AuditEntry
from logistics.ids import uuid7
from logistics.mail.models import Email
from logistics.partners import refusals, traces
from logistics.partners.models import RefusedText
from logistics.people.recent import SignInAgain
from logistics.roles import Role
from logistics.tasks import remove_unused_ciphertexts
from shipments.shipments.models import Shipment
from tests.clients import BACKEND, client_of, once, signed_in
from tests.doors import edit, make_world, refused
from tests.makers.catalogue import make_category
from tests.makers.moments import NOON
from tests.makers.partners import SHELTER, make_contact, make_shelter
from tests.makers.people import make_user
from tests.makers.shipments import make_shipment, pack
from tests.shipments.sheets import complaints, mali_rows, put, read, xlsx


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
