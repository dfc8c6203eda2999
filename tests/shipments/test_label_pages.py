"""The QR code of each label opens the page of its own package, which shows only what the label shows."""

import re
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from logistics.documents import services as documents
from logistics.partners import addresses
from logistics.roles import Role
from shipments.packing.models import Package
from shipments.papers import services as papers
from shipments.shipments import lifecycle
from shipments.shipments.models import Shipment
from tests.clients import client_of
from tests.logistics import pdfs
from tests.makers.catalogue import make_item
from tests.makers.charity import make_charity
from tests.makers.moments import NOON
from tests.makers.partners import make_partner_user
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import MARKS, make_sealed, make_shipment, pack
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db


def opened(address: str, user: Any = None, **headers: str) -> Any:
    return client_of(user, **{"Accept": "text/html"} | headers).get(urlsplit(address).path)


def facts(package: Package) -> dict[str, Any]:
    found: dict[str, Any] = opened(package.label_url, Accept="application/json").json()
    return found


def labels_of(shipment: Shipment) -> Any:
    return papers.issue(shipment, "labels", by=make_packer(), at=NOON).document


def test_each_printed_code_opens_its_own_package(files: Any) -> None:
    shipment = make_sealed(3)
    document = labels_of(shipment)
    assert documents.render(str(document.pk))
    document.refresh_from_db()
    pdf = documents.read(document)

    scanned = [pdfs.scanned(pdf, page) for page in range(3)]

    assert len({address for (address,) in scanned}) == 3
    for number, (address,) in enumerate(scanned, start=1):
        page = opened(address)
        assert page.status_code == 200
        assert f"Package {number} of 3" in page.content.decode()
        assert shipment.number in page.content.decode()


def test_a_reprint_has_the_same_urls() -> None:
    shipment = make_sealed(2)

    first, second = ([label["scan"] for label in labels_of(shipment).context["labels"]] for _ in range(2))

    assert first == second


def test_a_url_cannot_be_guessed_from_another() -> None:
    tokens = list(make_sealed(3).packages.values_list("token", flat=True))

    assert len(set(tokens)) == 3
    assert all(re.fullmatch(r"[\w-]{22}", token) for token in tokens)


def test_the_database_refuses_to_change_a_label_token() -> None:
    shipment = make_shipment()
    pack(shipment)

    with pytest.raises(DatabaseError, match="Cannot update"), as_superuser():
        Package.objects.update(token="another")


def test_the_page_shows_the_label_but_not_the_contents() -> None:
    make_charity()
    item = make_item(
        code="CR-TOY", name_en="Doll for the trauma room", name_fr="Poupée", un_number="3481", is_dangerous=True
    )
    shipment = pack(make_shipment(title="Survivors of trafficking", marks=MARKS), item=item)
    shipment = lifecycle.seal(shipment, by=make_packer(), at=NOON)
    for row in shipment.sites.select_related("site"):
        secret = addresses.Address(name="PLANTED", address="PLANTED", town="PLANTED", phone="PLANTED")
        addresses.seal(row.site, secret, version=row.site.version, by=make_user(Role.COORDINATOR), at=NOON)
    package = shipment.packages.get()

    page = opened(package.label_url).content.decode()

    assert facts(package) == {
        "shipment": shipment.number,
        "number": 1,
        "packages": 1,
        "kind": "CT",
        "gross_kg": "13.500",
        "flags": ["dangerous"],
        "un_numbers": ["3481"],
        "sscc": "",
        "is_final": True,
    }
    assert "UN3481" in page and "13.500 kg" in page and "office@example.org" in page
    for secret_words in ("PLANTED", "Doll", "CR-TOY", "trafficking", "Ségou", shipment.consignee.name):
        assert secret_words not in page


def test_the_page_is_in_french_on_request() -> None:
    package = make_sealed().packages.get()

    assert "Colis 1 sur 1" in opened(package.label_url, Accept_Language="fr").content.decode()


@pytest.mark.parametrize("role", [Role.WAREHOUSE, Role.FINANCE])
def test_staff_get_a_link_to_the_admin(role: Role) -> None:
    package = make_sealed().packages.get()
    user = make_user(role)

    page = opened(package.label_url, user).content.decode()

    url = reverse("admin:shipments_package_change", args=[package.pk])
    assert f'href="{url}"' in page
    assert client_of(user).get(url).status_code == 200


def test_nobody_else_gets_a_link_to_the_admin() -> None:
    package = make_sealed().packages.get()

    assert "/admin/" not in opened(package.label_url).content.decode()
    assert "/admin/" not in opened(package.label_url, make_partner_user()).content.decode()


@pytest.mark.parametrize("verb", ["reopen", "cancel"])
def test_a_label_that_is_no_longer_valid_says_so(verb: str) -> None:
    shipment = make_sealed(2)
    getattr(lifecycle, verb)(shipment, reason="x", by=make_packer(), at=NOON)
    package = shipment.packages.get(number=2)

    assert (facts(package)["is_final"], facts(package)["packages"]) == (False, 2)
    assert "This label is not currently valid" in opened(package.label_url).content.decode()


@pytest.mark.parametrize("token", ["x", "A" * 22, "'; DROP TABLE"])
def test_an_unknown_code_is_not_found(token: str) -> None:
    page = opened(f"/p/{token}/")

    assert (page.status_code, "Not one of our packages" in page.content.decode()) == (404, True)
    assert opened(f"/p/{token}/", Accept="application/json").json()["code"] == "not_found"


def test_the_page_is_not_indexed_and_sends_no_referrer() -> None:
    answer = opened(make_sealed().packages.get().label_url)

    assert answer["X-Robots-Tag"] == "noindex, nofollow"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert "no-store" in answer["Cache-Control"]


def test_frequent_requests_are_throttled(monkeypatch: pytest.MonkeyPatch) -> None:
    from config.throttling import CallerThrottle

    monkeypatch.setattr(CallerThrottle, "THROTTLE_RATES", {"anonymous": "2/min", "caller": "2/min"})

    assert [opened("/p/x/").status_code for _ in range(3)] == [404, 404, 429]


def test_labels_take_the_same_queries_for_few_and_many_packages() -> None:
    def questions(packages: int) -> int:
        shipment = make_sealed(packages)
        with CaptureQueriesContext(connection) as asked:
            labels_of(shipment)
        return len(asked)

    questions(1)

    assert questions(2) == questions(60)
