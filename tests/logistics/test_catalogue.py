import pytest

from logistics.roles import Role
from tests.clients import client_of, fields_of, once
from tests.makers.catalogue import make_category, make_item
from tests.makers.partners import make_partner_user
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def warehouse():
    return client_of(make_user(Role.WAREHOUSE))


def bed(category, **fields):
    given = {"code": "BED-FOLD", "name_en": "Folding bed", "name_fr": "Lit pliant", "category": str(category.pk)}
    return given | {"unit": "H87", "hs6": "940320", "unit_weight_kg": "12.500"} | fields


class TestItems:
    def test_are_created_with_their_details(self, warehouse):
        answer = warehouse.post("/api/v1/items/", bed(make_category()), format="json", headers=once())

        assert answer.status_code == 201
        assert (answer.json()["unit_weight_kg"], answer.json()["hs6"]) == ("12.500", "940320")

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("hs6", "999998"),
            ("hs6", "9403"),
            ("unit", "BOX"),
            ("unit_weight_kg", "0"),
            ("code", "bed 1"),
            ("name_en", ""),
        ],
    )
    def test_unknown_codes_and_zero_weights_are_refused(self, warehouse, field, value):
        body = bed(make_category(), **{field: value})

        answer = warehouse.post("/api/v1/items/", body, format="json", headers=once())

        assert (answer.status_code, fields_of(answer.json())) == (400, [field])

    def test_codes_are_unique(self, warehouse):
        item = make_item(code="BED-FOLD")

        answer = warehouse.post("/api/v1/items/", bed(item.category), format="json", headers=once())

        assert (answer.status_code, answer.json()["code"]) == (409, "not_unique")

    def test_a_code_never_changes(self, warehouse):
        item = make_item()

        answer = warehouse.patch(f"/api/v1/items/{item.pk}/", {"code": "OTHER", "version": 1}, format="json")

        assert (answer.status_code, fields_of(answer.json())) == (400, ["code"])

    def test_can_be_searched_in_both_languages(self, warehouse):
        make_item(name_en="Folding bed", name_fr="Lit pliant")
        make_item(name_en="Table", name_fr="Table")

        found = warehouse.get("/api/v1/items/?search=pliant").json()["results"]

        assert [row["name_en"] for row in found] == ["Folding bed"]

    def test_can_be_read_but_not_changed_by_partners(self):
        client, category = client_of(make_partner_user()), make_category()

        assert client.get("/api/v1/items/").status_code == 200
        assert client.post("/api/v1/items/", bed(category), format="json", headers=once()).status_code == 403


def test_categories_are_added_and_renamed(warehouse):
    body = {"name_en": "Furniture", "name_fr": "Mobilier"}
    added = warehouse.post("/api/v1/categories/", body, format="json", headers=once())

    url = f"/api/v1/categories/{added.json()['id']}/"
    renamed = warehouse.patch(url, {"name_fr": "Meubles", "version": 1}, format="json")

    assert (added.status_code, renamed.json()["name_fr"], renamed.json()["version"]) == (201, "Meubles", 2)


@pytest.mark.parametrize(
    ("path", "search", "first"),
    [
        ("hs-codes", "furniture metal office", "940310"),
        ("hs-codes", "940320", "940320"),
        ("units", "piece", "H87"),
        ("package-kinds", "carton", "CT"),
        ("ports", "dakar", "SNDKR"),
    ],
)
def test_published_codes_can_be_searched_by_word_or_code(warehouse, path, search, first):
    answer = warehouse.get(f"/api/v1/{path}/?search={search}")

    assert answer.json()[0]["code"] == first


def test_at_most_fifty_published_codes_are_returned(warehouse):
    assert len(warehouse.get("/api/v1/hs-codes/").json()) == 50
