"""No secret leaves its place, and the sweep sees planted leaks.

The short form of `make sweep` (tests/sweep/__main__.py): one process, each address for the newest row of its kind.
"""

import base64
import io
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
import redis
import structlog
from django.core import mail
from django.db import connection, connections
from django.test import Client
from django.utils import timezone

from config.celery import app as celery_app
from donations.gifts import tokens
from donations.gifts.models import Donation
from logistics.charity import services as charities
from logistics.jobs.models import Job
from logistics.jobs.services import job_models
from logistics.logs import logging_config
from logistics.mail import readers
from logistics.mail.models import Email
from logistics.notices import services as notices
from logistics.partners import addresses
from logistics.partners import services as partners
from logistics.people.models import User
from logistics.roles import STAFF_ROLES, Role
from shipments.imports.models import Upload
from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.reveals import services as reveals
from shipments.shipments import lifecycle
from shipments.shipments import services as shipments
from tests.clients import BACKEND, client_of, once
from tests.journeys.place import STAFF
from tests.lists import World
from tests.makers.deliveries import confirm
from tests.makers.moments import NOON, YEAR
from tests.makers.partners import make_contact, make_partner, make_site
from tests.makers.people import make_packer, make_user
from tests.makers.pictures import make_picture
from tests.makers.shipments import pack
from tests.services import services
from tests.sweep import planting
from tests.sweep.planting import ADDRESS, CONTROLS, PASSWORD
from tests.sweep.secret import Finder, Secret
from tests.sweep.unpacking import of_mail
from tests.sweep.walk import Caller, Filler, Walk

celery_app.loader.import_default_modules()
DONOR = "kuzomaqi@example.org"
# Admin pages that repeat what others show.
IN_LONG_FORM = r"/(add|delete|history|password)/$|<path:object_id>/$|<path:object_id>/(?!change/)"
# Mails that this form does not cause, but the long one: they need Stripe, an administrator, a card tester or a safety
# officer. The bodies of those to safety officers are compared with the address in test_refused_texts.py and
# logistics/test_sealed_addresses.py.
NEEDS_MORE = {"gift-confirmation", "giving-alarm", "invitation", "receipt-cancelled", "stripe-differs", "desk"} | {
    *("refund-to-approve", "refund-failed"),
    *("address-read", "sealed-text-found", "sealed-text-refused"),
    *map(notices.kind_of, job_models()),  # jobs that failed for good; these mails say only how many
}


def test_the_long_form_opens_addresses_as_every_role() -> None:
    assert set(STAFF) == STAFF_ROLES


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """Collect the log as production writes it, at INFO."""
    written, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(written)
    formatter = logging_config(level="INFO")["formatters"]["json"]
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=formatter["processor"], foreign_pre_chain=formatter["foreign_pre_chain"]
        )
    )
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


def work() -> None:
    """Run all jobs, as workers would."""
    for _ in range(20):
        due = [(model, pk) for model in job_models() for pk in model.objects.due().values_list("pk", flat=True)]
        for model, pk in due:
            celery_app.tasks[model.TASK](str(pk))
        if not due:
            return
        for model in job_models():
            model.objects.filter(state=Job.State.PENDING).update(run_after=timezone.now())
    raise AssertionError("the work does not end")


def a_gift() -> Donation:
    """Finance types a cheque; its receipt is printed and mailed."""
    body = {
        **{"amount": "5000.00", "currency": "HKD", "channel": "cheque", "appeal": "mali"},
        "received_on": str(charities.day_of(timezone.now())),
        "donor": {"name": "Chan Tai Man", "email": DONOR},
    }
    client = client_of(make_user(Role.FINANCE))
    answer = client.post("/api/v1/donations/offline/", body, format="json", headers=once())
    assert answer.status_code == 201, answer.content
    return Donation.objects.get(pk=answer.json()["id"])


def a_shipment_to_a_secret_site() -> tuple[str, str]:
    """Return the API key of a partner to whom goods went, with every paper and a difference; and a driver's token."""
    partner = make_partner(address=f"BP 12, {CONTROLS['field']}")
    make_contact(partner, name=f"Awa {CONTROLS['mail']}")
    site = make_site(partner, hand_over_point="Gare routière, Ségou")
    addresses.seal(site, cast("addresses.Address", ADDRESS), version=1, by=None, at=NOON)
    secret_site = [shipments.LabelledSite(site, "A")]
    title = f"Beds {planting.in_hex(CONTROLS['paper'])}"
    packer = make_packer()
    shipment = shipments.create(
        title=title, customs_currency="HKD", consignee=partner, sites=secret_site, by=packer, at=NOON
    )
    pack(shipment, 2)
    shipment = lifecycle.seal(shipment, by=packer, at=NOON)
    for kind in (Paper.Kind.LABELS, Paper.Kind.GOODS_RECEIVED_FORM):
        papers.issue(shipment, kind=kind, by=packer, at=NOON)
    leg = {"mode": "road", "carrier": "Transport Sahel", "loading_place": "Dakar", "hand_over_place": "Ségou"}
    papers.issue(shipment, kind=Paper.Kind.WAYBILL, leg=leg, by=packer, at=NOON)
    work()  # its papers are printed before it leaves
    shipment = lifecycle.dispatch(shipment, by=packer, at=NOON)
    Upload.objects.create(
        shipment=shipment, uploaded_by=packer, uploaded_at=NOON, dry_run=True, sha256="0" * 64, size=1
    )
    confirm(shipment, {"package": 1, "missing": True, "reason": "not there"}, default="none")
    key = partners.issue_key(partner, name="phone", valid=YEAR, by=None, at=timezone.now())
    waybill = Paper.objects.get(shipment=shipment, kind=Paper.Kind.WAYBILL)
    told: Any = {"driver": "Moussa Keïta", "reason": "He brings the beds on Friday."}
    now, officer = timezone.now(), make_user(Role.SAFETY)
    return key.text, reveals.make(waybill, site, **told, proved_at=now, by=officer, at=now).token


def caller(user: User | None = None, **headers: str) -> Caller:
    client = Client(headers=headers or None)
    if user is not None:
        client.force_login(user, backend=BACKEND)

    def ask(method: str, path: str) -> tuple[int, bytes, bytes]:
        # Anonymous callers share limits by address, so each request has its own.
        number = uuid4().int
        where = f"10.{number % 250}.{number // 250 % 250}.{number // 62500 % 250}"
        if path == "/metrics":
            where = "127.0.0.1"  # the only address that it answers without a token
        answer = client.generic(method, path, b"{}", content_type="application/json", headers=once(), REMOTE_ADDR=where)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content  # type: ignore[attr-defined]
        return answer.status_code, repr(sorted(answer.items())).encode(), body

    return ask


def dump() -> Iterator[tuple[str, bytes]]:
    """Yield each table as text; bytes in it are in hexadecimal, as in a dump of PostgreSQL."""
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')
            yield table, "\n".join(row for (row,) in cursor.fetchall()).encode()
    with connections["sealed"].cursor() as cursor:
        cursor.execute("SELECT t::text FROM sealed.ciphertext t")
        yield "sealed.ciphertext", "\n".join(row for (row,) in cursor.fetchall()).encode()


def look_at_stores(finder: Finder, log: io.StringIO, files: list[bytes]) -> None:
    for table, text in dump():
        finder.look(f"dump {table}", text)
    for number, sent in enumerate(mail.outbox):
        finder.look(f"mail {number}", sent.message().as_bytes(), unpack=of_mail)
    with redis.Redis.from_url(services().valkey.url) as store:
        for name in store.scan_iter():
            finder.look(f"redis {name!r}", name + b" " + (store.dump(name) or b""))
    finder.look("log", log.getvalue().encode())
    for number, content in enumerate(files):
        finder.look(f"file {number}", content)


def plant_in_stores(log: logging.Logger) -> None:
    log.warning("opened %s", planting.all_escaped(CONTROLS["web"]))
    with redis.Redis.from_url(services().valkey.url) as store:
        store.set("planted", b"\0" + base64.b64encode(b"to: " + CONTROLS["redis"].encode()))
    with connections["sealed"].cursor() as cursor:
        cursor.execute(
            "INSERT INTO sealed.ciphertext (id, content, key_id) VALUES (%s, %s, '')",
            [uuid4(), CONTROLS["sealed"].encode()],
        )


@pytest.mark.django_db
def test_no_secret_leaves_its_place(files: Path, log: io.StringIO, settings: Any) -> None:
    world = World()
    key, drivers_token = a_shipment_to_a_secret_site()
    gift = a_gift()
    client = Client()
    client.post("/my-gifts/", {"email": DONOR})
    work()
    link = next(sent.body for sent in mail.outbox if "/my-gifts/in/" in sent.body)
    sign_in = link.partition("/my-gifts/in/")[2].partition("/")[0]
    plant_in_stores(logging.getLogger("logistics"))
    user = make_user(Role.COORDINATOR)
    client.post("/admin/login/", {"username": user.email, "password": PASSWORD})
    finder = Finder(
        [
            planting.control("field", "^api superuser GET", "^admin superuser GET", "^dump logistics_partner$"),
            planting.control("paper", "^api program .*/pdf/", "^file"),
            planting.control("mail", "^mail"),
            planting.control("redis", "^redis"),
            planting.control("web", "^log"),
            planting.control("sealed", r"^dump sealed\.ciphertext$"),
            *planting.of_site(),
            planting.of_donor(tokens.token_of(gift), "the link of a gift"),
            planting.of_donor(sign_in, "the sign-in link"),
            Secret("an API key", key),
            Secret("a driver's link", drivers_token),
            Secret("an API key without its prefix", key.partition(".")[2]),
            Secret("a password", PASSWORD),
            Secret("SECRET_KEY", settings.SECRET_KEY),
            Secret("the first of FIELD_KEYS", settings.FIELD_KEYS[0]),
        ]
    )
    make_picture()
    root = User.objects.create_superuser("root@example.org", "correct horse battery", name="Ruth Root")
    callers = {
        "superuser": caller(root),  # who may read what every role may
        "program": caller(Authorization=f"Bearer {key}"),
        "anonymous": caller(),
        "coordinator": caller(user),
    }
    walk = Walk(finder, Filler([sign_in], [drivers_token], most=1))

    walk.read({name: callers[name] for name in ("superuser", "program")}, kinds=("api",))
    walk.read({"anonymous": callers["anonymous"]}, kinds=("page",))
    walk.read({"superuser": callers["superuser"]}, kinds=("admin",), skip=IN_LONG_FORM)
    walk.write({"coordinator": callers["coordinator"]}, kinds=("api", "page"))
    look_at_stores(finder, log, [path.read_bytes() for path in (files / "files").rglob("*") if path.is_file()])

    assert world.goods.shipment.pk
    assert finder.missed() == [], "the sweep is blind"
    assert finder.leaks() == []
    assert walk.server_errors == []
    assert [template for template in walk.never_opened() if not template.startswith("/admin/")] == []
    assert any(re.search(planting.SHOWN_TO_DRIVER, place) for place in finder.hits["the site's name"])
    assert {paper.kind for paper in Paper.objects.filter(document__state=Job.State.DONE)} == set(Paper.Kind.values)
    assert set(Email.objects.values_list("kind", flat=True)) >= readers.kinds() - NEEDS_MORE
