"""The invariants of gifts that do not hold."""

from django.db import connection

from donations.invariants import INVARIANTS
from logistics.health.services import Growing


def broken() -> list[str]:
    found = []
    with connection.cursor() as cursor:
        for statement, sql in INVARIANTS:
            if isinstance(sql, Growing):
                found += [statement] if sql.more({})[1] else []
                continue
            assert isinstance(sql, str)
            cursor.execute(sql)
            if cursor.fetchall():
                found.append(statement)
    return found
