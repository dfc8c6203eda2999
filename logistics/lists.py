"""Pages of long lists, for the API and the admin: each costs the same at any depth, and no rows are counted."""

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from django.core.exceptions import FieldDoesNotExist
from django.db import connection
from django.db.models import BooleanField, F, Field, Func, Model, Q, QuerySet, Value
from django.db.models.sql.compiler import SQLCompiler

from logistics.related import fetched
from logistics.search import ways_of

Row = TypeVar("Row")
RowValues = tuple[str | None, ...]
# Up to here, `about` counts.
COUNTED = 1_000
SURELY_MORE = 5  # estimates may be wrong, but seldom by this factor


class Position(NamedTuple):
    """A place in a list, just after or before a row, given by the row's values of the ordering's fields.

    Without values: before the first row or, backwards, after the last.
    """

    ordering: tuple[str, ...]
    values: RowValues
    backwards: bool

    def encoded(self) -> str:
        text = json.dumps([",".join(self.ordering), *self.values, int(self.backwards)], ensure_ascii=False)
        return urlsafe_b64encode(text.encode()).decode().rstrip("=")

    @classmethod
    def decoded(cls, text: str, ordering: tuple[str, ...]) -> "Position":
        """Decode a cursor. Raises ValueError if it is not ours or belongs to another ordering."""
        padded = text + "=" * (-len(text) % 4)
        try:
            found = json.loads(urlsafe_b64decode(padded.encode("ascii")))
        except (UnicodeError, binascii.Error, RecursionError) as error:
            raise ValueError("not a cursor") from error
        if not isinstance(found, list) or len(found) != len(ordering) + 2 or found[0] != ",".join(ordering):
            raise ValueError("a cursor of another list or ordering")
        values = found[1:-1]
        if not all(value is None or (isinstance(value, str) and "\0" not in value) for value in values):
            raise ValueError("not a cursor")
        return cls(ordering, tuple(values), found[-1] == 1)


@dataclass(frozen=True)
class ListPage(Generic[Row]):
    """Some rows of a list, and where the pages before and after them begin; None: there are none."""

    rows: list[Row]
    previous: Position | None
    next: Position | None


def ending_with_the_key(ordering: Sequence[str], *, key: str = "id") -> tuple[str, ...]:
    """Return an ordering without ties: among equal rows, the primary key decides, in the same direction.

    The same, so that one index gives both directions, and a page starts at its place in it.
    """
    if {key, "pk"} & {name.lstrip("-") for name in ordering}:
        return tuple(ordering)
    return (*ordering, f"-{key}" if ordering and ordering[-1].startswith("-") else key)


def within(ordering: Iterable[str], columns: Mapping[str, str]) -> Iterator[str]:
    """Yield an ordering in which a column is sorted within another one: amounts within their currency.

    Amounts of several currencies, sorted by their numbers alone, would look as if 500 yen were more than 400 euros.
    """
    for name in ordering:
        outer = columns.get(name.lstrip("-"))
        if outer:
            yield f"-{outer}" if name.startswith("-") else outer
        yield name


def page_of(rows: "QuerySet[Model, Row]", ordering: tuple[str, ...], at: Position | None, size: int) -> ListPage[Row]:
    """Return a page of these rows. The ordering ends with the primary key.

    Raises ValidationError, ValueError or DataError for a made-up position, whose values do not fit the fields.
    """
    backwards = at is not None and at.backwards
    order = _reversed(ordering) if backwards else ordering
    beyond = _beyond(rows.model, order, at.values) if at is not None and at.values else Q()
    found = _first(rows, order, beyond, size + 1)
    shown = found[:size][::-1] if backwards else found[:size]
    has_more = len(found) > size
    has_previous = has_more if backwards else bool(at and at.values)
    has_next = bool(at and at.values) if backwards else has_more
    return ListPage(
        shown,
        _position(ordering, shown, at, backwards=True) if has_previous else None,
        _position(ordering, shown, at, backwards=False) if has_next else None,
    )


def about(rows: "QuerySet[Model, Row]") -> tuple[int, bool]:
    """Return how many rows there are, and whether that is exact: beyond a thousand it is the planner's estimate.

    Where the planner expects many more, nothing is counted: a thousand rows may lie in hundreds of pages.
    """
    expected = estimated(rows)
    if expected > SURELY_MORE * COUNTED:
        return expected, False
    counted = rows.order_by()[: COUNTED + 1].count()
    return (counted, True) if counted <= COUNTED else (max(expected, counted), False)


def estimated(rows: "QuerySet[Model, Row]") -> int:
    """Return how many rows the planner expects, from the table's statistics: nothing is read."""
    plan = json.loads(rows.order_by().values("pk").explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def stored_values(model: type[Model], column: str) -> list[object]:
    """Return the distinct values of an indexed column: one look into the index for each, not one for each row."""
    name, table = connection.ops.quote_name(column), connection.ops.quote_name(model._meta.db_table)
    least = f"SELECT {name} FROM {table} WHERE {name} IS NOT NULL"  # noqa: S608  # names of ours
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH RECURSIVE found(value) AS (({least} ORDER BY {name} LIMIT 1) UNION ALL"  # noqa: S608
            f" SELECT ({least} AND {name} > found.value ORDER BY {name} LIMIT 1) FROM found WHERE value IS NOT NULL)"
            " SELECT value FROM found WHERE value IS NOT NULL"
        )
        return [value for (value,) in cursor.fetchall()]


def _first(rows: "QuerySet[Model, Row]", order: tuple[str, ...], beyond: Q, limit: int) -> list[Row]:
    """Return the first rows beyond a place.

    Rows that were searched are looked for in each table by itself, so that each search can use its index: the first
    of all are among the first of each. One query for all, with joins and OR, would read the whole list.
    """
    ways = ways_of(rows)
    if len(ways) > 1:
        each = [way.select_related(None).filter(beyond).order_by(*order).values("pk")[:limit] for way in ways]
        return fetched(rows.filter(pk__in=each[0].union(*each[1:], all=True)).filter(beyond).order_by(*order)[:limit])
    return fetched(rows.filter(beyond).order_by(*order)[:limit])


def _position(
    ordering: tuple[str, ...], shown: Sequence[object], at: Position | None, *, backwards: bool
) -> Position | None:
    if shown:
        edge = shown[0 if backwards else -1]
        values = tuple(_text(_value(edge, name.lstrip("-"))) for name in ordering)
    elif at is not None:
        values = at.values  # an empty page: its rows were removed meanwhile
    else:
        return None
    return Position(ordering, values, backwards)


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _value(row: object, name: str) -> object:
    if isinstance(row, dict):
        return row[name]
    for part in name.split("__"):
        row = getattr(row, part)
    return row


def _reversed(ordering: Sequence[str]) -> tuple[str, ...]:
    return tuple(name.removeprefix("-") if name.startswith("-") else f"-{name}" for name in ordering)


class Compared(Func):
    """(a, b) > (x, y), which PostgreSQL answers from one place in an index. The first half are the columns."""

    output_field = BooleanField()
    conditional = True

    def __init__(self, *sides: F | Value, operator: str) -> None:
        super().__init__(*sides)
        self.operator = operator

    def as_sql(self, compiler: SQLCompiler, connection: object, **_more: object) -> tuple[str, list[object]]:  # type: ignore[override]
        compiled = [compiler.compile(each) for each in self.source_expressions]
        texts, half = [text for text, _given in compiled], len(compiled) // 2
        left, right = ", ".join(texts[:half]), ", ".join(texts[half:])
        return f"({left}) {self.operator} ({right})", [one for _text, given in compiled for one in given]


def _beyond(model: type[Model], order: Sequence[str], values: RowValues) -> Q:
    """Return the condition for rows after these values: (a, b) > (x, y), each in its own direction."""
    names = [name.lstrip("-") for name in order]
    columns = [_field(model, name) for name in names]
    wanted = [_python_value(field, value) for field, value in zip(columns, values, strict=True)]
    directions = {name.startswith("-") for name in order}
    if len(order) > 1 and len(directions) == 1 and all(field and not field.null for field in columns):
        sides = [Value(value, output_field=field) for field, value in zip(columns, wanted, strict=True)]
        return Q(Compared(*map(F, names), *sides, operator="<" if directions == {True} else ">"))
    return _beyond_each(order, columns, wanted)


def _beyond_each(order: Sequence[str], columns: Sequence[Field | None], wanted: Sequence[object]) -> Q:  # type: ignore[type-arg]
    """Return the same condition for fields in different directions, or with nulls: these are greater than all values.

    The bound of the first field is repeated by itself, so that its index is used.
    """
    condition, equal, bound = Q(pk__in=()), Q(), Q()
    for place, (name, field, value) in enumerate(zip(order, columns, wanted, strict=True)):
        bare, falls, has_nulls = name.lstrip("-"), name.startswith("-"), field is not None and field.null
        same = Q(**{f"{bare}__isnull": True}) if value is None else Q(**{bare: value})
        after = Q(pk__in=())
        if value is None and falls:
            after = Q(**{f"{bare}__isnull": False})
        elif value is not None:
            after = Q(**{f"{bare}__{'lt' if falls else 'gt'}": value})
            after |= Q(**{f"{bare}__isnull": True}) if has_nulls and not falls else Q(pk__in=())
        if place == 0:
            bound = after | same if has_nulls else Q(**{f"{bare}__{'lte' if falls else 'gte'}": value})
        condition |= equal & after
        equal &= same
    return bound & condition


def _field(model: type[Model], name: str) -> Field | None:  # type: ignore[type-arg]
    """Return the field that a name leads to; None for an annotation."""
    found: object = None
    for part in name.split("__"):
        try:
            found = model._meta.pk if part == "pk" else model._meta.get_field(part)
        except FieldDoesNotExist:
            return None
        model = getattr(found, "related_model", None) or model
    return found if isinstance(found, Field) else None


def _python_value(field: Field | None, text: str | None) -> object:  # type: ignore[type-arg]
    """Return the field's value for this text, or the text itself for an annotation."""
    if text is None and not (field and field.null):
        raise ValueError("a field that is never null")
    return field.to_python(text) if field is not None else text
