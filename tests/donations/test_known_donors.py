"""A donor who gives again is the same row, as it is stored."""

import pytest
from django.db.models import Model

from donations.donors import services as donors
from donations.donors.models import Donor

pytestmark = pytest.mark.django_db
TYPED = {"name": "Chan Tai Man", "organisation": "", "email": "TaiMan@example.org ", "country": "HK", "language": "en"}


def columns(row: Model) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_a_donor_who_gives_again_is_returned_as_stored() -> None:
    first = donors.get_or_create(**TYPED)
    Donor.objects.filter(pk=first.pk).update(address="1 Queen’s Road", version=4)
    again = donors.get_or_create(**TYPED | {"name": " chan  tai man", "country": "FR"})
    assert columns(again) == columns(Donor.objects.get(pk=first.pk))
    assert (again.address, again.version, again.country, again.email) == (
        "1 Queen’s Road",
        4,
        "HK",
        "taiman@example.org",
    )
    assert not again._state.adding
    assert Donor.objects.count() == 1
