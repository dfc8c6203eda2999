"""Tells a database that does not answer from a statement that failed."""

import psycopg
from django.db import InterfaceError, OperationalError

# Classes of PostgreSQL's error codes: the connection failed; the server stops, or starts.
CONNECTION_FAILED, SERVER_STOPS = "08", "57P"


def is_away(error: BaseException | None) -> bool:
    """Return whether an error means that the database does not answer: it is being restarted, for example."""
    if not isinstance(error, InterfaceError | OperationalError):
        return False
    cause = error.__cause__
    code = cause.sqlstate if isinstance(cause, psycopg.Error) else None
    # Without a code, it was not the server that said so: no connection in time, or one that was closed.
    return code is None or code.startswith((CONNECTION_FAILED, SERVER_STOPS))
