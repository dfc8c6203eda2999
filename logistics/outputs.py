"""Response serializers: each field is declared once, for the description and for the value."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import date
from functools import cached_property
from operator import attrgetter
from typing import Any, TypeVar, cast

from django.db import models
from rest_framework import serializers

from logistics.rows import columns_at, what_it_reads

Row = TypeVar("Row")
Record = TypeVar("Record", bound=models.Model)
Read = Callable[[Any], object]  # reads one field of a row; its types are not known here
Nested = serializers.BaseSerializer[Any]


class Output(serializers.Serializer[Row]):
    """Serialize a row to plain values, about five times faster than DRF does it field by field.

    The value of a field is the result of `<field>_of(row)` if there is such a method, else the attribute of the row
    that `source` names, else the attribute of the same name. A source may be a path ("consignee.code"; null behind an
    empty relation) or "*": the field then gets the row itself. Ids and decimals become strings, dates ISO 8601.
    """

    def left_out(self) -> Collection[str]:
        """Return the fields that this reader must not see."""
        return ()

    def to_representation(self, instance: Row) -> dict[str, object]:
        return self._writer(instance)

    @classmethod
    def reading(cls, rows: "models.QuerySet[Record]") -> "models.QuerySet[Record]":
        """Limit the rows of a list to the columns that this serializer reads, its relations joined.

        They follow from the declaration: from sources, and from what `@reads` says of methods and properties.
        """
        columns = cls.columns(rows.model)
        return rows.select_related(*{name.rpartition("__")[0] for name in columns if "__" in name}).only(*columns)

    @classmethod
    def columns(cls, model: type[models.Model]) -> list[str]:
        """Return the columns that are read of a row of this model. Raises TypeError if a method does not say."""
        found = [one for name, field in cls._declared_fields.items() for one in cls._columns_of(name, field, model)]
        return list(dict.fromkeys(found))

    @classmethod
    def _columns_of(
        cls, name: str, field: "serializers.Field[object, object, object, object]", model: type[models.Model]
    ) -> Iterable[str]:
        method = field if field.source == "*" else getattr(cls, f"{name}_of", None)
        if method is not None:
            return what_it_reads(method)
        path = (field.source or name).replace(".", "__")
        if isinstance(field, Output):
            related = model._meta.get_field(path).related_model
            assert isinstance(related, type)
            return [f"{path}__{one}" for one in field.columns(related)]
        return columns_at(model, path)

    @cached_property
    def _writer(self) -> Callable[[Row], dict[str, object]]:
        """Return the function that writes a row. What is only read off it is read by one call."""
        left_out = self.left_out()
        shown = {name: field for name, field in self._declared().items() if name not in left_out}
        conversions = {name: self._conversion(field) for name, field in shown.items()}
        paths = {name: field.source or name for name, field in shown.items() if self._is_read(name, field)}
        worked = [(name, self._reader(name, field)) for name, field in shown.items() if name not in paths]
        texts = [name for name in paths if conversions[name] is _text]
        others = [(name, convert) for name in paths if (convert := conversions[name]) not in (None, _text)]
        read = _reader_of(tuple(paths.values()))
        blank = dict.fromkeys(shown)  # in the order of the declaration

        def write(row: Row) -> dict[str, object]:
            made: dict[str, object] = blank.copy()
            made.update(zip(paths, read(row), strict=True))
            for name in texts:
                if type(value := made[name]) is not str and value is not None:
                    made[name] = str(value)
            for name, convert in others:
                if (value := made[name]) is not None:
                    made[name] = convert(value)
            for name, work in worked:
                made[name] = work(row)
            return made

        return write

    def _is_read(self, name: str, field: "serializers.Field[object, object, object, object]") -> bool:
        """Return whether the value of a field is read off the row as it is declared."""
        return field.source != "*" and not hasattr(self, f"{name}_of")

    def _declared(self) -> "Mapping[str, serializers.Field[Any, Any, Any, Any]]":
        """Return the fields as declared: `fields` are copies, which take a fifth of the time of a list to make."""
        return self.fields if isinstance(self, serializers.ModelSerializer) else self._declared_fields

    def _reader(self, name: str, field: "serializers.Field[object, object, object, object]") -> Read:
        if field.source == "*":
            return field.to_representation
        read: Read = getattr(self, f"{name}_of", None) or _path(field.source or name)
        convert = self._conversion(field)
        return read if convert is None else lambda row: None if (value := read(row)) is None else convert(value)

    def _conversion(self, field: "serializers.Field[object, object, object, object]") -> Read | None:
        """Return the function that converts a field's value, if not null; None if it needs no conversion."""
        if isinstance(field, serializers.ListSerializer):
            assert field.child is not None
            one = self._nested(cast(Nested, field.child))
            return lambda rows: [one(row) for row in rows]
        if isinstance(field, serializers.BaseSerializer):
            return self._nested(field)
        if isinstance(field, (serializers.UUIDField, serializers.CharField)):
            return _text
        if isinstance(field, serializers.DateField):
            return date.isoformat
        return None

    def _nested(self, declared: Nested) -> Read:
        """Return the function that converts a nested row in our context; stored JSON is plain already."""
        write: Read = type(declared)(context=self.context).to_representation
        return lambda row: row if isinstance(row, dict) else write(row)


def _reader_of(paths: tuple[str, ...]) -> Callable[[object], Iterable[object]]:
    """Return the function that reads these paths of a row."""
    if len(paths) < 2:  # attrgetter then returns no tuple
        return lambda row: [_path(path)(row) for path in paths]
    read, one_by_one = attrgetter(*paths), [_path(path) for path in paths]

    def read_all(row: object) -> Iterable[object]:
        try:
            return cast(Iterable[object], read(row))
        except AttributeError:  # an empty relation
            return [read_one(row) for read_one in one_by_one]

    return read_all


def _path(source: str) -> Read:
    if "." not in source:
        return attrgetter(source)
    steps = source.split(".")

    def read(row: object) -> object:
        for step in steps:
            if row is None:
                return None
            row = getattr(row, step)
        return row

    return read


def _text(value: object) -> str:
    return value if type(value) is str else str(value)
