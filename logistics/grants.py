"""The database rights of the application's roles: enough for its work, and not enough to change its rules.

The role does not own the tables, so it can neither alter them nor switch their triggers off, and it may not TRUNCATE.
Where a trigger refuses an UPDATE or a DELETE, the role does not have that right either: the rights are derived from the
triggers that the models declare, so that there is only one list.

Ciphertexts of addresses are in a schema that this role cannot use. Another role can use it, and nothing else. The
application's role may only call a function that stores the ciphertext of a refused text there.
"""

from collections.abc import Collection, Iterator

import pgtrigger
from django.apps import apps
from django.db import connection, models, transaction
from psycopg import sql

Columns = Collection[str]


def updatable(model: type[models.Model]) -> Columns:
    """Return the columns that no trigger of the model protects whatever the row holds."""
    columns = {str(field.column) for field in model._meta.concrete_fields}
    for condition in _conditions(model, pgtrigger.Update):
        if condition is None:
            return set()
        if isinstance(condition, pgtrigger.AnyChange):
            columns -= _named(model, condition)
    return columns


def is_deletable(model: type[models.Model]) -> bool:
    """Return whether rows may be deleted: all, or some on a condition that a trigger checks."""
    return None not in [*_conditions(model, pgtrigger.Delete)]


def give(*, application: str, sealed: str) -> None:
    """Give two roles their rights on the tables of the default connection's database, and take all others from them.

    The connection is the owner's. It may be repeated, and changes nothing for other sessions until it is complete.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        tables = set(connection.introspection.table_names(cursor))
        for statement in [*statements(application, tables), *statements_on_sealed(sealed, keep_out=application)]:
            cursor.execute(statement)


def statements(role: str, tables: Collection[str]) -> Iterator[sql.Composed]:
    """Yield the statements for the application's role.

    A table without a model, such as Django's list of migrations, is only read.
    """
    of = {model._meta.db_table: model for model in apps.get_models(include_auto_created=True)}
    to = sql.Identifier(role)
    yield sql.SQL("REVOKE CREATE ON SCHEMA public FROM {}").format(to)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(to)
    yield sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(to)
    yield sql.SQL("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {}").format(to)
    for table in sorted(tables):
        rights = [*_rights(of[table])] if table in of else [sql.SQL("SELECT")]
        yield sql.SQL("GRANT {} ON {} TO {}").format(sql.SQL(", ").join(rights), sql.Identifier(table), to)


def statements_on_sealed(role: str, *, keep_out: str) -> Iterator[sql.Composed]:
    """Yield the statements for the role of the schema `sealed`, which the application's role is kept out of."""
    to, application = sql.Identifier(role), sql.Identifier(keep_out)
    yield sql.SQL("REVOKE ALL ON SCHEMA sealed FROM PUBLIC, {}").format(application)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA sealed FROM PUBLIC, {}, {}").format(application, to)
    yield sql.SQL("REVOKE ALL ON ALL TABLES IN SCHEMA public FROM {}").format(to)
    yield sql.SQL("REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM {}").format(to)
    yield sql.SQL("REVOKE ALL ON FUNCTION public.keep_refused_text FROM PUBLIC, {}").format(to)
    yield sql.SQL("GRANT EXECUTE ON FUNCTION public.keep_refused_text TO {}").format(application)
    yield sql.SQL("GRANT USAGE ON SCHEMA sealed TO {}").format(to)
    yield sql.SQL("GRANT SELECT, INSERT, UPDATE (content, key_id), DELETE ON sealed.ciphertext TO {}").format(to)


def _rights(model: type[models.Model]) -> Iterator[sql.Composable]:
    yield sql.SQL("SELECT")
    yield sql.SQL("INSERT")
    columns = updatable(model)
    if len(columns) == len(model._meta.concrete_fields):
        yield sql.SQL("UPDATE")
    elif columns:
        yield sql.SQL("UPDATE ({})").format(sql.SQL(", ").join(map(sql.Identifier, sorted(columns))))
    if is_deletable(model):
        yield sql.SQL("DELETE")


def _conditions(model: type[models.Model], operation: pgtrigger.Operation) -> Iterator[pgtrigger.Condition | None]:
    """Yield when the model's triggers refuse an operation; None: always."""
    for trigger in getattr(model._meta, "triggers", []):
        if isinstance(trigger, pgtrigger.Protect) and str(operation) in str(trigger.operation).split(" OR "):
            yield trigger.condition


def _named(model: type[models.Model], condition: pgtrigger.AnyChange) -> set[str]:
    """Return the columns whose change a condition finds."""
    fields = {field.name: str(field.column) for field in model._meta.concrete_fields}
    named = {model._meta.get_field(name).name for name in condition.fields or fields}
    left_out = {model._meta.get_field(name).name for name in condition.exclude or ()}
    return {fields[name] for name in named - left_out}
