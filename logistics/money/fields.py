"""Serializer fields for amounts."""

from typing import Protocol

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from logistics.money import amounts


@extend_schema_field({"type": "string", "pattern": r"^[0-9]{1,12}(\.[0-9]{1,12})?$", "example": "500.50"})
class AmountField(serializers.Field[str, object, str, object]):
    """An amount of money as a decimal string. JSON numbers are refused: with them 0.1 + 0.2 is not 0.3."""

    default_error_messages = {"not_a_string": 'Send the amount as a string: "500.50", not 500.5.'}

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            self.fail("not_a_string")
        return data.strip()[:40]

    def to_representation(self, value: object) -> str:
        return str(value)


class InCurrency(Protocol):
    """A row with amounts in one currency."""

    currency: str


@extend_schema_field(OpenApiTypes.STR)
class MoneyField(serializers.Field[InCurrency, object, str, object]):
    """Read-only: the decimal string of an attribute in minor units, with the row's `currency`."""

    def __init__(self, minor: str) -> None:
        self.minor, self.reads = minor, (minor, "currency")
        super().__init__(read_only=True, source="*")

    def to_representation(self, value: InCurrency) -> str:
        return amounts.decimal_string(getattr(value, self.minor), value.currency)
