"""Leader election by advisory lock: of several equal programs one is active, the others stand by."""

from types import TracebackType

import psycopg
from django.db import connection
from psycopg.rows import TupleRow


class Turn:
    """A session-level advisory lock on a dedicated connection, held as long as this program runs.

    Not on Django's connection: that one returns to the pool after an error, with the lock still
    held, and the program might not get it again. PostgreSQL releases the lock when the session ends,
    so however the program dies, the next one that asks becomes active.
    """

    def __init__(self, number: int) -> None:
        self.number = number  # any 64-bit number that nothing else in the database locks
        self._session: psycopg.Connection[TupleRow] | None = None
        self._held = False

    def is_ours(self) -> bool:
        """Return whether we are the active one. Raises psycopg.OperationalError if the database does not answer."""
        try:
            if self._session is None:
                self._session = psycopg.connect(**connection.get_connection_params(), autocommit=True)
            # The lock is requested once, because it nests within a session. Once held, only the connection is checked.
            asked = "SELECT true" if self._held else f"SELECT pg_try_advisory_lock({self.number:d})"
            row = self._session.execute(asked).fetchone()
            self._held = bool(row and row[0])
        except psycopg.Error:
            self.release()
            raise
        return self._held

    def release(self) -> None:
        """Release the lock; the next `is_ours` requests it again."""
        session, self._session, self._held = self._session, None, False
        if session is not None:
            session.close()

    def __enter__(self) -> "Turn":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
