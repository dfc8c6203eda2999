"""Rights beyond those of the product's role, for tests that plant what it cannot do."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from config.local.postgres import APPLICATION


@contextmanager
def as_superuser() -> Iterator[CursorWrapper]:
    """Act as the superuser of the database, in a transaction or savepoint; an error takes everything back."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL ROLE NONE")
        yield cursor
        cursor.execute(f"SET LOCAL ROLE {APPLICATION}")
