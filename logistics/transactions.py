import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from time import monotonic
from typing import Any, TypeVar

from django.db import IntegrityError, OperationalError, connection, models, transaction
from django.db.models.sql import InsertQuery
from django.utils.translation import gettext as _
from psycopg.errors import UniqueViolation

from logistics.errors import DomainError, Stale, busy, waited_too_long

Row = TypeVar("Row", bound=models.Model)
# With half of all codes in use, one insert in a million needs more tries than this.
TRIES_MAX = 20
log = logging.getLogger(__name__)


Result = TypeVar("Result")
# A lock is waited for 3 s at most, a statement 5 s (config.settings): so an answer comes within about 10 s.
TRY_AGAIN_WITHIN_S = 5.0


def repeated(act: Callable[[], Result]) -> Result:
    """Run a whole transaction; if it waited too long for others, run it again. It must not call external services.

    Raises Busy if it still waits then.
    """
    began = monotonic()
    while True:
        try:
            return act()
        except OperationalError as error:
            if connection.in_atomic_block or not waited_too_long(error):
                raise
            if monotonic() - began > TRY_AGAIN_WITHIN_S:
                raise busy() from error
            log.warning("transaction repeated", extra={"sqlstate": getattr(error.__cause__, "sqlstate", "")})


def lock(row: Row, *, version: int | None = None) -> Row:
    """Return the row fresh from the database, locked until the transaction ends.

    With `version` (the one that the caller read): raises Stale if somebody changed the row meanwhile.
    """
    # `request.user` is a lazy object: its type is not the model.
    held = row.__class__._default_manager.select_for_update(of=("self",)).get(pk=row.pk)
    current = getattr(held, "version", None)
    if version is not None and current != version:
        raise Stale(
            _(
                "This was changed since you read it (version %(current)s, you sent %(version)s)."
                " Read it again and repeat your change."
            )
            % {"current": current, "version": version},
            version=current,
        )
    return held


class Taken(DomainError):
    """Another row already has a value that must be unique."""

    code = "not_unique"


@contextmanager
def _unique(row: models.Model) -> Iterator[None]:
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        if not isinstance(error.__cause__, UniqueViolation):
            raise
        raise Taken(
            _("Another %(kind)s already has this. Choose another value.") % {"kind": row._meta.verbose_name}
        ) from error


def insert(row: Row) -> Row:
    """Store a new row. Raises Taken if another one has a value that must be unique."""
    with _unique(row):
        row.save(force_insert=True)
    return row


class NoFreeCode(DomainError):
    """No free random code was found. Nothing was stored; send the same request again."""

    code = "no_free_code"
    status = 503
    headers = {"Retry-After": "10"}


def insert_drawn(*rows: models.Model, field: str, draw: Callable[[], str]) -> None:
    """Store new rows of one model whose `field` is unique and random; `draw` a new value for rows that collide.

    Each try is one statement for all rows and needs no savepoint: PostgreSQL skips the rows that collide in this
    field, and still raises IntegrityError for any other constraint. If two transactions draw the same value at once,
    the second waits until the first has ended. Rows must have their ids; model signals are not sent. Raises
    NoFreeCode after TRIES_MAX tries: call it in a transaction, which must then roll back, because some of the rows
    may have been stored.
    """
    left, tries = {row.pk: row for row in rows}, 0
    while left:
        if tries == TRIES_MAX:
            log.error("no free code", extra={"model": rows[0]._meta.label, "field": field, "tries": tries})
            raise NoFreeCode(
                _(
                    "No free code was found, so nothing was stored. Try again; if it happens again, tell the"
                    " administrator."
                )
            )
        if tries:
            for row in left.values():
                setattr(row, field, draw())
        tries += 1
        for stored in _insert_free([*left.values()], field):
            state = left.pop(stored)._state
            state.adding, state.db = False, connection.alias


def _insert_free(rows: list[models.Model], field: str) -> list[object]:
    """Store the rows whose `field` is not in use, and return their primary keys."""
    meta = rows[0]._meta
    query = InsertQuery(type(rows[0]))
    query.insert_values(meta.concrete_fields, rows)
    ((statement, values),) = query.get_compiler(connection=connection).as_sql()
    fields: list[Any] = [meta.get_field(field), meta.pk]
    unique, key = (connection.ops.quote_name(named.column) for named in fields)
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} ON CONFLICT ({unique}) DO NOTHING RETURNING {key}", values)
        return [stored for (stored,) in cursor.fetchall()]


@transaction.atomic
def change(row: Row, changes: Mapping[str, object], *, version: int) -> tuple[Row, list[str]]:
    """Set fields of a row that has a `version`, increment the version, and return the row and the changed names.

    Writes nothing if no value differs. Raises Stale, or Taken if another row has a value that must be unique.
    """
    held = lock(row, version=version)
    changed = sorted(name for name, value in changes.items() if getattr(held, name) != value)
    if changed:
        values = {**{name: changes[name] for name in changed}, "version": version + 1}
        for name, value in values.items():
            setattr(held, name, value)
        with _unique(row):
            held.save(update_fields=[*values])
    return held, changed
