import pytest
from django.db import transaction

from logistics.catalogue.models import Item
from logistics.errors import Stale
from logistics.transactions import Taken, change, insert, lock
from tests.makers.catalogue import make_item
from tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


def test_an_edit_based_on_an_old_version_is_refused():
    item = make_item()
    change(item, {"name_en": "Table"}, version=1)

    with pytest.raises(Stale) as refusal:
        change(item, {"name_en": "Chair"}, version=1)

    assert refusal.value.details == {"version": 2}
    assert Item.objects.get().name_en == "Table"


def test_only_one_of_eight_edits_of_one_version_succeeds():
    item = make_item()

    def edit(number: int) -> bool:
        try:
            change(item, {"name_en": f"Name {number}"}, version=1)
        except Stale:
            return False
        return True

    assert sum(in_threads(edit)) == 1
    assert Item.objects.get().version == 2


def test_an_edit_without_changes_does_not_increment_the_version():
    item = make_item(name_en="Table")

    _, changed = change(item, {"name_en": "Table"}, version=1)

    assert (changed, Item.objects.get().version) == ([], 1)


def test_a_second_row_with_the_same_unique_value_is_refused():
    item = make_item()

    with pytest.raises(Taken):
        insert(Item(code=item.code, name_en="Another", category=item.category))


def test_a_lock_rereads_the_row():
    item = make_item(name_en="Table")
    Item.objects.update(name_en="Desk")

    with transaction.atomic():
        assert lock(item).name_en == "Desk"
