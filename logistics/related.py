"""Related rows of a page, read by their keys: one statement for each relation, whatever the number of rows.

Joined, each of them is looked for from the root of its index: a page of 50 rows with two relations read 215 database
pages instead of 40. Keys that are asked for together are mostly neighbours in the index, and found in one walk.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple, TypeVar

from django.db.models import Field, ForeignObject, ForeignObjectRel, Lookup, Model, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from logistics.rows import Prepared, fast

Row = TypeVar("Row")
Wanted = Mapping[str, "Wanted"]  # as select_related names relations, and those of their rows


class Columns(NamedTuple):
    """The columns that a queryset loads: only these, or all but these. Those of related rows are paths."""

    names: frozenset[str]
    are_left_out: bool

    def at(self, relation: str) -> "Columns":
        """Return the columns of the related rows."""
        start = f"{relation}__"
        inside = frozenset(name.removeprefix(start) for name in self.names if name.startswith(start))
        return Columns(inside, self.are_left_out or not inside)

    def of(self, rows: "QuerySet[Model]", key: str) -> "QuerySet[Model]":
        own = [name for name in self.names if "__" not in name]
        links = [name.partition("__")[0] for name in self.names if "__" in name]
        return rows.defer(*own) if self.are_left_out else rows.only(key, *own, *links)


@Field.register_lookup
@ForeignObject.register_lookup  # whose lookups are not those of other fields
class AnyOf(Lookup):
    """`column = ANY(array)`: one parameter for all values, so that the statement is the same for any number of them."""

    lookup_name = "any_of"
    prepare_rhs = False

    def as_sql(self, compiler: SQLCompiler, connection: Any) -> tuple[str, list[object]]:  # type: ignore[override]
        column, given = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*given, self.rhs]


def fetched(rows: "QuerySet[Model, Row]") -> list[Row]:
    """Return the rows with what `select_related` names: not joined, but read afterwards."""
    wanted = rows.query.select_related
    if not isinstance(wanted, dict) or rows._fields is not None:  # type: ignore[attr-defined]  # values()
        return list(rows)
    found = list(rows.select_related(None))
    names, are_left_out = rows.query.deferred_loading
    _load(found, rows.model, wanted, Columns(frozenset(names), are_left_out))
    return found


def _load(rows: Sequence[Any], model: type[Model], wanted: Wanted, columns: Columns) -> None:
    for name, further in wanted.items():
        relation: Any = model._meta.get_field(name)
        inside = columns.at(name)
        is_reverse = isinstance(relation, ForeignObjectRel)
        here = "pk" if is_reverse else relation.attname
        there = relation.field.attname if is_reverse else relation.target_field.attname
        keys = {getattr(row, here) for row in rows} - {None}
        found = _rows_of(relation.related_model, there, inside).all(list(keys)) if keys else []
        if further:
            _load(found, relation.related_model, further, inside)
        _join(rows, here, relation, {getattr(one, there): one for one in found})


def _join(rows: Iterable[Any], here: str, relation: Any, found: Mapping[object, Any]) -> None:
    """Set the related row of each row, as Django's joins do; the row of a one-to-one relation knows its other side."""
    back = relation.remote_field if relation.one_to_one else None
    for row in rows:
        other = found.get(getattr(row, here))
        if other is not None or not relation.concrete:
            relation.set_cached_value(row, other)
        if other is not None and back is not None:
            back.set_cached_value(other, row)


@cache  # as many as there are lists
def _rows_of(model: type[Model], key: str, columns: Columns) -> Prepared[Model]:
    """Return the query for the rows of a model that have one of some keys."""
    return Prepared(lambda keys: fast(columns.of(model._base_manager.filter(**{f"{key}__any_of": keys}), key)), [""])
