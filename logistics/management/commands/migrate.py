from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection, connections

from logistics import grants
from logistics.partners import vault

Database = Mapping[str, object]  # the settings of one


class Command(migrate.Command):
    """Django's command, as the owner of the tables, who then gives the application's roles their rights.

    Without OWNER_DATABASE_URL everything has one role, which may do everything.
    """

    def handle(self, *args: object, **options: object) -> None:
        if not settings.OWNER_DATABASE:
            super().handle(*args, **options)
            return
        sealed = connections[vault.ALIAS].settings_dict
        _check(connection.settings_dict, settings.OWNER_DATABASE, sealed)
        with _as_owner() as application:
            super().handle(*args, **options)
            if not (options["plan"] or options["check_unapplied"]):
                grants.give(application=application, sealed=str(sealed["USER"]))


def _check(application: Database, owner: Database, sealed: Database) -> None:
    """Raise CommandError if the three URLs do not name three roles of one database."""
    if application["NAME"] != owner["NAME"]:
        raise CommandError("OWNER_DATABASE_URL and DATABASE_URL name two databases. Nothing was migrated.")
    if application["USER"] == owner["USER"]:
        raise CommandError(
            "OWNER_DATABASE_URL and DATABASE_URL name the same role. Name another one (config/roles.sql makes it), or"
            " leave OWNER_DATABASE_URL out. Nothing was migrated."
        )
    if sealed["USER"] in (application["USER"], owner["USER"]):
        raise CommandError(
            "SEALED_DATABASE_URL must name a role of its own (config/roles.sql makes it), which alone can read sealed"
            " addresses. Nothing was migrated."
        )


@contextmanager
def _as_owner() -> Iterator[str]:
    """Make the default connection the owner's, and yield the name of the application's role.

    The default one, because migrations of data use it unless they name another.
    """
    theirs = dict(connection.settings_dict)
    _become(settings.OWNER_DATABASE)
    try:
        yield str(theirs["USER"])
    finally:
        _become(theirs)


def _become(database: Database) -> None:
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # PostgreSQL's wrapper has it
    connection.settings_dict.update(database)
