import pytest

from logistics.catalogue.models import Category, Item
from logistics.demonstration import world
from logistics.health import services as health
from logistics.partners.models import Contact, Partner, Site
from logistics.people.models import ApiKey, User
from logistics.people.services import may_manage
from logistics.roles import STAFF_ROLES
from tests.clients import client_of
from tests.makers.moments import NOON

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _folder(files):
    """Use the test's own passwords and keys."""


def counts():
    return [model.objects.count() for model in (User, Partner, Site, Contact, Category, Item, ApiKey)]


def test_it_creates_people_sites_and_goods():
    made = world.demonstrate(NOON)

    assert set(made.staff) == set(STAFF_ROLES)
    assert [name for name, user in made.staff.items() if name not in user.roles] == []
    assert [name for name, user in made.staff.items() if not may_manage(made.staff["administrator"], user)] == []
    assert sorted(made.sites) == ["A", "B", "C", "D", "E"]
    assert sum(site.kind == "confidential" for site in made.sites.values()) == 3
    assert (Category.objects.count(), Item.objects.count()) == (9, 129)
    assert made.staff["finance"].check_password(made.password)
    assert client_of(Authorization=f"Bearer {made.partner_key}").get("/api/v1/sites/").json()["results"]
    assert not [finding for finding in health.check_all() if finding.broken]


def test_running_it_again_changes_nothing():
    first = world.demonstrate(NOON)
    before = counts()

    second = world.demonstrate(NOON)

    assert counts() == before
    assert (second.password, second.partner_key) == (first.password, first.partner_key)


def test_a_key_whose_text_was_lost_is_replaced(files):
    first = world.demonstrate(NOON)
    (files / "demonstration-key").unlink()

    second = world.demonstrate(NOON)

    assert second.partner_key != first.partner_key
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_the_password_can_be_set(monkeypatch):
    monkeypatch.setenv("DEMO_PASSWORD", "a password of my own")

    assert world.demonstrate(NOON).staff["warehouse"].check_password("a password of my own")


def test_no_secret_address_is_publicly_readable():
    world.demonstrate(NOON)

    told = str(list(Site.objects.values()))

    assert "Ségou" in told  # a region may be named
    assert not [name for name in ("Ɲɛta", "Jigiya", "Tɔnɔ", "Sévaré", "+223") if name in told]
