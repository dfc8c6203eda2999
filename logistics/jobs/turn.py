"""Of several equal programs one is active; the others wait until it is gone."""

from types import TracebackType

import psycopg
from django.db import connection
from psycopg.rows import TupleRow


class Turn:
    """A session's advisory lock, held on a connection of its own, so for as long as this program lives.

    Not on Django's connection: that one goes back to the pool after any error, with the lock still
    held, where the program itself would not find it again. PostgreSQL lets go when the session ends,
    so whatever kills the program gives the turn to the next that asks.
    """

    def __init__(self, number: int) -> None:
        self.number = number  # any 64-bit number that nothing else in the database locks
        self._session: psycopg.Connection[TupleRow] | None = None
        self._held = False

    def is_ours(self) -> bool:
        """Say whether we are the active one. Raises psycopg.OperationalError while the database does not answer."""
        try:
            if self._session is None:
                self._session = psycopg.connect(**connection.get_connection_params(), autocommit=True)
            # Asked for once: each further success would count up in the session. Held, we ask only if it lives.
            asked = "SELECT true" if self._held else f"SELECT pg_try_advisory_lock({self.number:d})"
            row = self._session.execute(asked).fetchone()
            self._held = bool(row and row[0])
        except psycopg.Error:
            self.give_back()
            raise
        return self._held

    def give_back(self) -> None:
        """Let another one be active; the next question asks for it anew."""
        session, self._session, self._held = self._session, None, False
        if session is not None:
            session.close()

    def __enter__(self) -> "Turn":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.give_back()
