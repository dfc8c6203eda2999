"""Related rows of a page, read by their keys: one statement for each relation, whatever the number of rows.

Joined, each of them is looked for from the root of its index: a page of 50 rows with two relations read 215 database
pages instead of 40. Keys that are asked for together are mostly neighbours in the index, and found in one walk.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple, TypeVar, cast

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Field, ForeignKey, ForeignObject, Lookup, Model, OneToOneRel, QuerySet
from django.db.models.sql.compiler import SQLCompiler

from logistics.rows import Prepared, fast

Row = TypeVar("Row")
Setter = Callable[[Model, Model | None], None]
Wanted = Mapping[str, "Wanted"]  # as select_related names relations, and those of their rows


class LoadedColumns(NamedTuple):
    """The columns that a queryset loads: only these, or all but these. Those of related rows are paths."""

    names: frozenset[str]
    are_left_out: bool

    def at(self, relation: str) -> "LoadedColumns":
        """Return the columns of the related rows."""
        start = f"{relation}__"
        inside = frozenset(name.removeprefix(start) for name in self.names if name.startswith(start))
        return LoadedColumns(inside, self.are_left_out or not inside)

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

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, list[object]]:  # type: ignore[override]
        column, given = self.process_lhs(compiler, connection)
        return f"{column} = ANY(%s)", [*given, self.rhs]


def fetched(rows: "QuerySet[Model, Row]") -> list[Row]:
    """Return the rows with what `select_related` names: not joined, but read afterwards."""
    wanted = rows.query.select_related
    if not isinstance(wanted, dict) or rows._fields is not None:  # type: ignore[attr-defined]  # values()
        return list(rows)
    found = list(rows.select_related(None))
    names, are_left_out = rows.query.deferred_loading
    _load(cast(list[Model], found), rows.model, wanted, LoadedColumns(frozenset(names), are_left_out))
    return found


class Link(NamedTuple):
    """How the rows of a model are joined to those of another one."""

    model: type[Model]
    here: str  # the column whose values are the keys
    there: str  # and the other model's
    is_forward: bool
    set_here: Setter
    set_there: Setter | None  # only a row of a one-to-one relation knows its other side


def _link(model: type[Model], name: str) -> Link:
    relation = model._meta.get_field(name)
    if isinstance(relation, OneToOneRel):
        back = relation.field
        return Link(
            relation.related_model, "pk", back.attname, False, relation.set_cached_value, back.set_cached_value
        )  # fmt: skip
    assert isinstance(relation, ForeignKey) and isinstance(relation.related_model, type), name
    back_of_one = relation.remote_field.set_cached_value if relation.one_to_one else None
    there = relation.target_field.attname
    return Link(relation.related_model, relation.attname, there, True, relation.set_cached_value, back_of_one)


def _load(rows: Sequence[Model], model: type[Model], wanted: Wanted, columns: LoadedColumns) -> None:
    for name, further in wanted.items():
        link, inside = _link(model, name), columns.at(name)
        keys = {getattr(row, link.here) for row in rows} - {None}
        found = _rows_of(link.model, link.there, inside).all(list(keys)) if keys else []
        if further:
            _load(found, link.model, further, inside)
        _join(rows, link, {getattr(one, link.there): one for one in found})


def _join(rows: Iterable[Model], link: Link, found: Mapping[object, Model]) -> None:
    """Set the related row of each row, as Django's joins do."""
    for row in rows:
        other = found.get(getattr(row, link.here))
        if other is not None or not link.is_forward:
            link.set_here(row, other)
        if other is not None and link.set_there is not None:
            link.set_there(other, row)


@cache  # as many as there are lists
def _rows_of(model: type[Model], key: str, columns: LoadedColumns) -> Prepared[Model]:
    """Return the query for the rows of a model that have one of some keys."""
    return Prepared(lambda keys: fast(columns.of(model._base_manager.filter(**{f"{key}__any_of": keys}), key)), [""])
