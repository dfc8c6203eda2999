from decimal import Decimal
from typing import Any

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from logistics.documents import fonts
from logistics.errors import Invalid
from logistics.ids import uuid7
from logistics.money import amounts as money
from shipments.packing import services as packing
from shipments.packing.models import ManifestLine, Package
from shipments.shipments import contents
from shipments.shipments.models import Shipment
from tests.makers.catalogue import make_item
from tests.makers.moments import NOON
from tests.makers.people import make_packer
from tests.makers.shipments import make_packed, make_shipment, pack
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db


class TestTotals:
    def test_volume_is_rounded_half_up_per_package_and_then_summed(self) -> None:
        shipment = pack(make_shipment(), 2)
        # 50 x 10 x 1 cm is 0.0005 m3: half up to 0.001 each, and so 0.002 together, not 0.001.
        shipment.packages.update(length_cm=50, width_cm=10, height_cm=1)

        assert contents.totals(shipment).volume_m3 == Decimal("0.002")

    def test_a_customs_value_is_exact(self) -> None:
        shipment = pack(make_shipment(), unit_value_minor=333, quantity=3)

        assert contents.totals(shipment).value_minor == 999

    def test_only_weighed_packages_count_as_measured(self) -> None:
        shipment = pack(make_shipment(), 2)
        shipment.packages.filter(number=1).update(gross_measured=True)

        assert (contents.totals(shipment).gross_kg, contents.totals(shipment).measured_kg) == (
            Decimal("27.000"),
            Decimal("13.500"),
        )

    def test_an_empty_shipment_has_zero_totals(self) -> None:
        assert contents.totals(make_shipment()) == contents.Totals()


class TestMoney:
    @pytest.mark.parametrize(("text", "currency", "minor"), [("1125.00", "HKD", 112500), ("65500", "XOF", 65500)])
    def test_an_amount_is_read_and_written_exactly(self, text: str, currency: str, minor: int) -> None:
        assert money.parse(text, currency, field="x") == minor
        assert money.decimal_string(minor, currency) == text

    @pytest.mark.parametrize("text", ["-1", "1,000.00", "1e3", "٣", "", "1.005", "NaN"])
    def test_anything_else_is_refused(self, text: str) -> None:
        with pytest.raises(Invalid):
            money.parse(text, "HKD", field="x")


class TestTexts:
    def test_common_letters_can_be_printed(self) -> None:
        assert {ord(letter) for letter in fonts.LATIN} <= fonts.printable_codepoints()

    @pytest.mark.parametrize("text", ["Foyer Ɲɛta", "陳大文", "خيمة", "ߒߞߏ", "Réfrigérateur 180 L, 220 V"])
    def test_the_scripts_of_our_partners_can_be_printed(self, text: str) -> None:
        assert fonts.unprintable(text) == []


class TestConstraints:
    @pytest.mark.parametrize(
        ("model", "change", "name"),
        [
            (Package, {"number": 0}, "packages_are_numbered_from_one"),
            (Package, {"gross_kg": 0}, "an_unknown_gross_weight_is_null"),
            (Package, {"length_cm": None}, "a_package_has_all_its_dimensions_or_none"),
            (Package, {"sscc": "1"}, "an_sscc_has_18_digits"),
            (Package, {"gross_measured": True, "gross_kg": None}, "only_what_stood_on_a_scale_is_measured"),
            (ManifestLine, {"quantity": 0}, "a_line_has_goods"),
            (ManifestLine, {"unit_weight_kg": 0}, "an_unknown_line_weight_is_null"),
            (ManifestLine, {"unit_value_minor": -1}, "a_customs_value_is_not_negative"),
            (ManifestLine, {"hs6": "94"}, "a_line_s_hs_code_has_six_digits"),
            (ManifestLine, {"un_number": "UN1"}, "a_un_number_has_its_form"),
            (Shipment, {"number": "X"}, "shipment_number_has_its_form"),
            (Shipment, {"status": "gone"}, "shipment_status_is_known"),
            (Shipment, {"container_number": "X"}, "container_number_has_its_form"),
            (Shipment, {"freight_currency": "HKD"}, "freight_has_a_currency_exactly_when_known"),
            (Shipment, {"freight_minor": 1}, "freight_has_a_currency_exactly_when_known"),
            (Shipment, {"closed_at": NOON}, "shipment_is_closed_exactly_when_it_says_so"),
            (Shipment, {"cancelled_at": NOON}, "shipment_is_cancelled_exactly_when_it_says_so"),
        ],
    )
    def test_the_database_refuses_impossible_values(self, model: Any, change: dict[str, Any], name: str) -> None:
        make_packed()

        with pytest.raises(IntegrityError, match=name), transaction.atomic():
            model.objects.update(**change)

    def test_the_database_refuses_a_package_number_twice(self) -> None:
        shipment = make_packed(2)

        with pytest.raises(IntegrityError, match="a_package_number_is_used_once_in_a_shipment"):
            shipment.packages.update(number=1)

    def test_the_database_refuses_to_delete_a_shipment(self) -> None:
        with pytest.raises(DatabaseError, match="Cannot delete"), as_superuser():
            Shipment.objects.filter(pk=make_shipment().pk)._raw_delete("default")


def test_copies_are_real_packages_with_consecutive_numbers() -> None:
    shipment = make_packed(2)

    made = packing.add_package(
        shipment,
        [{"item": make_item(), "quantity": 1, "unit_value_minor": 1}],
        copies=3,
        kind="CT",
        by=make_packer(),
        at=NOON,
    )

    assert [package.number for package in made] == [3, 4, 5]
    assert ManifestLine.objects.filter(package__in=made).count() == 3


class TestShipmentOfALine:
    """A line holds the shipment of its package. The database keeps it, so no writer can get it wrong."""

    def test_it_is_filled_in_whoever_writes_the_line(self) -> None:
        shipment, other = make_packed(2), make_packed()
        package = shipment.packages.get(number=1)
        line = package.lines.get()
        copy = ManifestLine.objects.get(pk=line.pk)
        copy.pk, copy.position, copy.shipment_id = uuid7(), 2, other.pk
        ManifestLine.objects.bulk_create([copy])
        ManifestLine.objects.filter(pk=line.pk).update(shipment=other)

        assert set(package.lines.values_list("shipment", flat=True)) == {shipment.pk}
        assert shipment.lines.count() == 3

    def test_it_follows_the_package(self) -> None:
        shipment, other = make_packed(), make_packed()
        line = shipment.lines.get()
        ManifestLine.objects.filter(pk=line.pk).update(package=other.packages.get(), position=9)

        assert (shipment.lines.count(), other.lines.count()) == (0, 2)

    def test_a_package_stays_in_its_shipment(self) -> None:
        shipment, other = make_packed(), make_packed()

        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            Package.objects.filter(shipment=shipment).update(shipment=other, number=9)
        with pytest.raises(DatabaseError, match="Cannot update"), as_superuser() as cursor:
            cursor.execute("UPDATE shipments_package SET shipment_id = %s, number = 9", [other.pk])
