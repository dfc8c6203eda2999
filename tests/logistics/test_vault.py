"""Ciphertexts of sealed addresses: two connections, and what is left when one of the two does not commit."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from io import StringIO
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import connections, transaction

from logistics.ids import uuid7
from logistics.partners import addresses, guard
from logistics.partners.models import Site, SiteAddress
from logistics.roles import Role
from logistics.tasks import remove_unused_ciphertexts
from tests.journeys.faults import held_at
from tests.makers.moments import NOON
from tests.makers.partners import SHELTER, make_shelter
from tests.makers.people import make_user
from tests.processes import Instance, eventually
from tests.services import DATABASE, services

REASON = "The driver stands before a closed door."
WORLD = """
from datetime import UTC, datetime, timedelta
from logistics.people import services as people
from logistics.roles import Role
from tests.makers.moments import NOON
from tests.makers.partners import make_shelter
from tests.makers.people import make_user
user = make_user(Role.COORDINATOR)
print(people.make_key(user, name="program", valid=timedelta(days=1), by=None, at=datetime.now(UTC)).text)
print(make_shelter(town="Markala").pk)
"""


def stored() -> set[UUID]:
    """Return the ids of all ciphertexts."""
    with connections["sealed"].cursor() as cursor:
        cursor.execute("SELECT id FROM sealed.ciphertext")
        return {pk for (pk,) in cursor.fetchall()}


def plant_older() -> UUID:
    """Store a ciphertext as if the day before yesterday."""
    pk = uuid7()
    with connections["sealed"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO sealed.ciphertext (id, content, key_id, created_at)"
            " VALUES (%s, '', '', now() - interval '2 days')",
            [pk],
        )
    return pk


def sealed_id(site: Site) -> UUID:
    return SiteAddress.objects.get(site=site).sealed_id


def read(site: Site) -> addresses.Address:
    return addresses.reveal(site, reason=REASON, proved_at=NOON, by=make_user(Role.SAFETY), at=NOON)


@pytest.mark.django_db
def test_only_what_is_older_than_a_day_and_belongs_to_nothing_is_removed() -> None:
    shelter, older = make_shelter(), make_shelter()
    replaced, unused, used = sealed_id(shelter), plant_older(), plant_older()
    addresses.seal(shelter, SHELTER, version=shelter.version, by=None, at=NOON)
    SiteAddress.objects.filter(site=older).update(sealed_id=used)
    before = stored()

    remove_unused_ciphertexts()

    assert stored() == before - {unused}
    assert {replaced, used, sealed_id(shelter)} < stored()


@pytest.mark.django_db
def test_an_address_without_its_ciphertext_is_reported_by_verify() -> None:
    lost, _whole = make_shelter(), make_shelter()
    SiteAddress.objects.filter(site=lost).update(sealed_id=uuid7())
    out = StringIO()

    with pytest.raises(CommandError, match="1 of "):
        call_command("verify", stdout=out)

    assert "broken  Every sealed address and refused text has its ciphertext." in out.getvalue()
    assert f"1 rows: {lost.pk}\n" in out.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_address_that_is_replaced_during_a_rotation_is_not_undone(settings: Any) -> None:
    site = make_shelter()
    settings.FIELD_KEYS = [Fernet.generate_key().decode(), old := settings.FIELD_KEYS[0]]
    newest = settings.FIELD_KEYS[0]

    def rotate() -> None:
        try:
            call_command("rotate_field_keys", stdout=StringIO())
        finally:
            connections.close_all()

    thread = Thread(target=rotate)
    with transaction.atomic():
        settings.FIELD_KEYS = [old]  # a process that has not been restarted
        addresses.seal(site, SHELTER | {"town": "Markala"}, version=site.version, by=None, at=NOON)
        settings.FIELD_KEYS = [newest, old]
        thread.start()
        eventually(waits_for_a_lock, what="the rotation to wait for the address")
    thread.join()

    assert addresses.under_older_keys() == 0
    settings.FIELD_KEYS = [newest]
    assert read(site)["town"] == "Markala"
    place = guard.of_partner(site.partner_id)
    assert (place.hits("Markala"), place.hits("Kemparana")) == (True, False)


def waits_for_a_lock() -> bool:
    with psycopg.connect(services().postgres.conninfo(DATABASE)) as session:
        row = session.execute("SELECT count(*) FROM pg_locks WHERE NOT granted").fetchone()
    return bool(row and row[0])


@pytest.mark.long
@pytest.mark.processes
def test_a_server_killed_between_the_two_writes_keeps_the_address_as_it_was(tmp_path: Path) -> None:
    with Instance.started(tmp_path, "web") as product:
        key, site = product.manage("shell", "-v", "0", "-c", WORLD).split()
        moved = {**SHELTER, "town": "Dioro", "version": 2}

        def change() -> int | None:
            url, headers = f"/api/v1/sites/{site}/address/", {"Authorization": f"Bearer {key}"}
            with suppress(OSError):  # the server was killed
                return product.request("PUT", url, body=moved, headers=headers).status
            return None

        def kept() -> list[tuple[Any, ...]]:
            """Return the site's version, whether its address has a ciphertext, and the number of ciphertexts."""
            return product.rows(
                """SELECT s.version, c.id IS NOT NULL, (SELECT count(*)::int FROM sealed.ciphertext)
                   FROM logistics_site s JOIN logistics_siteaddress a ON a.site_id = s.id
                   LEFT JOIN sealed.ciphertext c ON c.id = a.sealed_id"""
            )

        with ThreadPoolExecutor(1) as pool:
            with held_at(product, "logistics_site", "NEW.version > OLD.version") as barrier:
                answer = pool.submit(change)
                barrier.reached()
                product["web"].kill()
            assert answer.result() is None
        assert kept() == [(2, True, 2)]
        product.execute("UPDATE sealed.ciphertext SET created_at = now() - interval '2 days'")
        product.manage("shell", "-v", "0", "-c", "from logistics import tasks; tasks.remove_unused_ciphertexts()")
        assert kept() == [(2, True, 1)]
        assert "statements hold" in product.manage("verify")
        product["web"].start()
        product.wait_for("web")
        assert (change(), kept()) == (204, [(3, True, 2)])


SPREADSHEET = """
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone
from logistics.roles import Role
from shipments.imports import services
from tests.clients import give_session
from tests.makers.partners import make_shelter
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_shipment
from tests.shipments.sheets import mali_rows, put, xlsx
content = xlsx(put(mali_rows(1), 2, "description_en", "Beds for Kemparana"))
shipment = make_shipment(make_shelter().partner)
row = services.upload(shipment, content, dry_run=True, replace=False, by=make_packer(), at=timezone.now())
client = Client()
give_session(client, make_user(Role.SAFETY))
print(row.pk, client.cookies["sessionid"].value)
"""


@pytest.mark.processes
def test_a_worker_without_the_password_of_the_vault_keeps_what_it_refuses_in_a_spreadsheet(tmp_path: Path) -> None:
    with Instance.started(tmp_path, "web") as product:
        upload, session = product.manage("shell", "-v", "0", "-c", SPREADSHEET).split()
        product.env["SEALED_DATABASE_URL"] = ""  # as in Compose
        product.start("worker")

        def refused() -> list[tuple[Any, ...]]:
            """the worker to refuse a cell"""
            return product.rows("SELECT id FROM logistics_refusedtext")

        ((text,),) = eventually(refused)
        token = "a" * 32
        shown = product.request(
            "POST",
            f"/admin/logistics/refusedtext/{text}/review/",
            body=f"csrfmiddlewaretoken={token}".encode(),
            headers={"Cookie": f"sessionid={session}; csrftoken={token}", "Referer": product.env["PUBLIC_URL"]},
        )
        assert shown.status == 200, shown.body
        assert "Beds for Kemparana" in shown.body.decode()
        assert product.rows("SELECT state FROM shipments_upload WHERE id = %s", upload) == [("done",)]
        for log in ("worker", "web"):
            assert "Kemparana" not in product[log].text()
