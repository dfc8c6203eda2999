"""A field of a noun is wherever its siblings are: service, API, admin; for shipments, also in the font check."""

from collections.abc import Collection, Iterable
from typing import Any, NamedTuple, get_type_hints

import pytest
from django.contrib import admin
from django.db import migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.operations.base import Operation
from rest_framework.serializers import BaseSerializer

from donations.appeals.api import AppealIn, AppealOut
from donations.appeals.models import Appeal
from donations.appeals.services import AppealChanges
from donations.donors.api import DonorChangesIn, DonorOut
from donations.donors.models import Donor
from donations.donors.services import DonorChanges
from logistics.catalogue.api import CategorySerializer, ItemSerializer
from logistics.catalogue.models import Category, Item
from logistics.catalogue.services import CategoryFields, ItemFields
from logistics.charity import services as charities
from logistics.charity.api import CharityIn, CharityOut
from logistics.charity.models import Charity
from logistics.charity.services import CharityFields
from logistics.partners.models import Contact, Partner, Site
from logistics.partners.serializers import ContactSerializer, PartnerSerializer, SiteSerializer
from logistics.partners.services import ContactFields, PartnerFields, SiteFields
from shipments.packing.goods import LineFields
from shipments.packing.models import ManifestLine, Package
from shipments.packing.serializers import LineIn, LineOut, PackageChangesIn, PackageOut
from shipments.packing.services import PackageFields
from shipments.papers import packing_list, waybill
from shipments.shipments.models import Shipment
from shipments.shipments.serializers import ShipmentDetailOut, ShipmentIn
from shipments.shipments.services import PRINTED, ShipmentFields
from tests.makers.moments import NOON
from tests.makers.shipments import mali_shipment, pack


class Noun(NamedTuple):
    """A model, where its fields stand, the names they have there instead, and the fields that people do not enter."""

    model: type[models.Model]
    service: type
    body: type[BaseSerializer[Any]]
    answer: type[BaseSerializer[Any]]
    called: dict[str, str] = {}
    not_entered: Collection[str] = ()
    not_edited: Collection[str] = ()  # entered once, when it is made
    in_admin: bool = True  # edited there too


NOUNS = [
    Noun(Shipment, ShipmentFields, ShipmentIn, ShipmentDetailOut, {"freight_minor": "freight"}),
    Noun(Package, PackageFields, PackageChangesIn, PackageOut, not_entered=["shipment"], in_admin=False),
    Noun(
        ManifestLine,
        LineFields,
        LineIn,
        LineOut,
        {"unit_value_minor": "unit_value"},
        not_entered=["package", "position"],
        in_admin=False,
    ),
    Noun(Partner, PartnerFields, PartnerSerializer, PartnerSerializer),
    Noun(Contact, ContactFields, ContactSerializer, ContactSerializer, not_edited=["partner"]),
    Noun(Site, SiteFields, SiteSerializer, SiteSerializer, not_edited=["partner"]),
    Noun(Category, CategoryFields, CategorySerializer, CategorySerializer),
    Noun(Item, ItemFields, ItemSerializer, ItemSerializer),
    Noun(Charity, CharityFields, CharityIn, CharityOut),
    Noun(Appeal, AppealChanges, AppealIn, AppealOut, {"target_minor": "target_amount"}),
    Noun(Donor, DonorChanges, DonorChangesIn, DonorOut, not_edited=["email"]),
]
CODE = 5  # characters of the longest code, a UN/LOCODE; codes are looked up, not printed as entered
in_each_noun = pytest.mark.parametrize("noun", NOUNS, ids=lambda noun: noun.model.__name__)


def entered(noun: Noun) -> set[str]:
    """The fields of the model that people enter."""
    fields = noun.model._meta.get_fields()
    own = {
        field.name for field in fields if isinstance(field, models.Field) and field.editable and not field.primary_key
    }
    generated = {field.name for field in fields if isinstance(field, models.GeneratedField)}
    return own - generated - set(noun.not_entered)


def shown_in(serializer: type[BaseSerializer[Any]]) -> set[str]:
    return set(serializer().fields)  # type: ignore[attr-defined]  # of Serializer


def written_in(serializer: type[BaseSerializer[Any]]) -> set[str]:
    return {name for name, field in serializer().fields.items() if not field.read_only}  # type: ignore[attr-defined]


def flat(names: Iterable[Any]) -> set[str]:
    return {part for name in names for part in ([name] if isinstance(name, str) else flat(name))}


@in_each_noun
def test_the_service_takes_it(noun: Noun) -> None:
    names = set(get_type_hints(noun.service))
    edited = entered(noun) - set(noun.not_edited)

    assert {name for name in edited if name not in names and noun.called.get(name) not in names} == set()


@in_each_noun
def test_the_api_reads_and_shows_it(noun: Noun) -> None:
    names = {noun.called.get(name, name) for name in entered(noun)}

    assert names - written_in(noun.body) - set(noun.not_edited) == set()
    assert names - shown_in(noun.answer) == set()


@pytest.mark.parametrize("noun", [noun for noun in NOUNS if noun.in_admin], ids=lambda noun: noun.model.__name__)
def test_the_admin_has_it(noun: Noun) -> None:
    page = admin.site._registry[noun.model]
    on_page = flat(fields for _title, options in page.fieldsets or () for fields in options["fields"])
    on_page |= flat(page.fields or ())
    names = entered(noun)

    assert {name for name in names if name not in on_page and noun.called.get(name, name) not in on_page} == set()


@pytest.mark.django_db
def test_what_papers_print_of_a_shipment_is_checked_against_their_fonts() -> None:
    shipment, charity = pack(mali_shipment()), charities.the_charity()
    texts = [field for field in Shipment._meta.fields if isinstance(field, models.TextField | models.CharField)]
    free = [field.name for field in texts if field.editable and not field.choices and (field.max_length or 99) > CODE]
    marks = {name: f"MARK{index}" for index, name in enumerate(free)}
    for name, mark in marks.items():
        setattr(shipment, name, mark)
    papers = repr(
        [
            packing_list.context(shipment, version=1, charity=charity, at=NOON),
            waybill.context(shipment, number="1", replaces="", leg={}, charity=charity, at=NOON),
        ]
    )

    printed = {name for name, mark in marks.items() if f"'{mark}'" in papers}

    assert printed - set(PRINTED) == {"container_number"}  # its letters and digits are checked by ISO 6346
    assert len(printed) > 5


def locking(operations: Iterable[Operation]) -> list[str]:
    """Name the fields of an existing table that an old release, still running, could not leave out or not find."""
    operations = list(operations)
    made = {operation.name_lower for operation in operations if isinstance(operation, migrations.CreateModel)}
    renamed = [
        f"{operation.model_name}.{operation.old_name}"
        for operation in operations
        if isinstance(operation, migrations.RenameField) and operation.model_name_lower not in made
    ]
    return renamed + [
        f"{operation.model_name}.{operation.name}"
        for operation in operations
        if isinstance(operation, migrations.AddField)
        and operation.model_name_lower not in made
        and not (operation.field.null or operation.field.has_db_default() or operation.field.many_to_many)
    ]


class TestMigrations:
    def test_an_old_release_can_leave_out_a_new_column(self) -> None:
        disk = MigrationLoader(None, ignore_no_migrations=True).disk_migrations
        ours = {key: migration for key, migration in disk.items() if key[0] in ("logistics", "shipments", "donations")}

        assert len(ours) >= 3
        assert {key: found for key, migration in ours.items() if (found := locking(migration.operations))} == {}

    def test_a_text_without_a_database_default_is_found(self) -> None:
        fields: dict[str, models.Field[Any, Any]] = {
            "a": models.CharField(max_length=9, blank=True, default=""),
            "b": models.CharField(max_length=9, blank=True, default="", db_default=""),
            "c": models.DateField(null=True),
        }

        assert locking([migrations.AddField("shipment", name, field) for name, field in fields.items()]) == [
            "shipment.a"
        ]

    def test_a_column_with_another_name_is_found(self) -> None:
        assert locking([migrations.RenameField("shipment", "title", "name")]) == ["shipment.title"]
