"""The statements of every job. Django would take longer to compile them than PostgreSQL takes to run them.

So they are compiled once for each kind of job, or written by hand.
"""

import uuid
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, TypeVar, cast

from django.db import connection
from django.db.models import Field, Model
from django.db.models.constants import OnConflict
from django.db.models.sql import InsertQuery, UpdateQuery

if TYPE_CHECKING:
    from logistics.jobs.models import Job

Row = TypeVar("Row", bound="Job")
# They stand for the values in a statement that is compiled once.
ANY_ID, ANY_TOKEN = uuid.UUID(int=1), uuid.UUID(int=2)
# Of a row that a worker has claimed, while no other worker has taken over.
STILL_OURS = "WHERE id = %s AND state = 'leased' AND lease_token = %s"


def claim(model: type[Row], pk: object) -> Row | None:
    """Claim one job, and return it as it is afterwards, or None: see `JobQuerySet.claim`."""
    statement, parameters = _claiming(model)
    given: dict[object, object] = {ANY_ID: uuid.UUID(str(pk)), ANY_TOKEN: uuid.uuid4()}
    with connection.cursor() as cursor:
        cursor.execute(statement, cast("list[str]", [given.get(value, value) for value in parameters]))
        values = cursor.fetchone()
    if values is None:
        return None
    fields = _fields(model)
    read = [_read(field, value) for field, value in zip(fields, values, strict=True)]
    return model.from_db(connection.alias, [field.attname for field in fields], read)


@cache
def _claiming(model: "type[Job]") -> tuple[str, tuple[object, ...]]:
    """Return the statement that claims one job, and its parameters."""
    query = cast(UpdateQuery, model.objects.due().filter(pk=ANY_ID).query.chain(UpdateQuery))
    query.add_update_values(model.claimed_values(ANY_TOKEN))
    statement, parameters = query.get_compiler(connection=connection).as_sql()
    columns = ", ".join(connection.ops.quote_name(str(field.column)) for field in _fields(model))
    return f"{statement} RETURNING {columns}", tuple(parameters)


def _fields(model: "type[Job]") -> "list[Field[object, object]]":
    return list(model._meta.concrete_fields)


def _read(field: "Field[object, object]", value: object) -> object:
    for convert in field.get_db_converters(connection):
        value = convert(value, None, connection)
    return value


def hold(row: "Job") -> bool:
    """Lock a job to the end of the transaction, if its lease is still ours; return whether it is."""
    return _done_with(row, f"SELECT FROM {row._meta.db_table} {STILL_OURS} FOR UPDATE")


def finish(row: "Job", values: Mapping[str, object]) -> bool:
    """Set fields of a job that has ended, if its lease is still ours; return whether it was."""
    fields = [(cast("Field[object, object]", row._meta.get_field(name)), value) for name, value in values.items()]
    columns = "".join(f"{field.column} = %s, " for field, _ in fields)
    given = [field.get_db_prep_save(_plain(value), connection) for field, value in fields]
    ended = f"UPDATE {row._meta.db_table} SET {columns}ended_at = STATEMENT_TIMESTAMP() {STILL_OURS}"  # noqa: S608  # names of ours
    return _done_with(row, ended, *given)


def _plain(value: object) -> object:
    return value.pk if isinstance(value, Model) else value


def _done_with(row: "Job", statement: str, *parameters: object) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(statement, cast("list[str]", [*parameters, row.pk, row.lease_token]))
        return bool(cursor.rowcount)


def insert_new(row: "Job") -> bool:
    """Insert a row unless one with the same unique values exists, in one statement; return whether it was new."""
    query = InsertQuery(type(row), on_conflict=OnConflict.IGNORE)
    query.insert_values(_fields(type(row)), [row])
    ((statement, parameters),) = query.get_compiler(connection=connection).as_sql()
    with connection.cursor() as cursor:
        cursor.execute(f"{statement} RETURNING created_at", parameters)
        inserted = cursor.fetchone()
    if inserted is None:
        return False
    (row.created_at,) = inserted
    return True
