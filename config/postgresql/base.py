"""The backend that `ENGINE` names: Django looks for a module `base`."""

import time
from datetime import UTC
from functools import cache
from select import POLLIN, poll

import psycopg
from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from django.db.backends.postgresql.base import ServerSideCursor
from psycopg import Connection
from psycopg.adapt import AdaptersMap
from psycopg.pq import Format
from psycopg.rows import TupleRow
from psycopg_pool import ConnectionPool

# A connection that a firewall dropped without a word looks open: after this time it is proved by an empty statement.
PROVED_SECONDS = 10


class PooledConnection(Connection[TupleRow]):
    """A connection that knows when it was proved to work."""

    proved_at = float("-inf")


def check(connection: PooledConnection) -> None:
    """Raise OperationalError if a connection out of the pool does not work; the pool then opens another one.

    A server that stops says so and closes its connections, which the operating system tells without asking the server.
    An idle connection has nothing to read otherwise, and a statement for each request would cost a tenth of its time.
    """
    now = time.monotonic()
    if now - connection.proved_at > PROVED_SECONDS or _has_something_to_read(connection):
        ConnectionPool.check_connection(connection)
        connection.proved_at = now


def _has_something_to_read(connection: PooledConnection) -> bool:
    polling = poll()
    polling.register(connection.fileno(), POLLIN)  # raises OperationalError if it is closed
    return bool(polling.poll(0))  # an error or the end as well


@cache
def _with_quick_times(adapters: AdaptersMap) -> AdaptersMap:
    """Return Django's adapters, but times are read by psycopg's compiled code: a list has a hundred of them."""
    changed = AdaptersMap(adapters)
    oid = psycopg.adapters.types["timestamptz"].oid
    quick = psycopg.adapters.get_loader(oid, Format.TEXT)
    assert quick is not None
    changed.register_loader(oid, quick)
    return changed


class DatabaseWrapper(PostgresWrapper):
    """Django's own, which proves each connection by a statement whenever it leaves the pool, and reads times slowly."""

    def get_connection_params(self) -> dict[str, object]:
        params = super().get_connection_params()
        return params | {"context": _with_quick_times(params["context"])} if self._is_in_utc else params

    def create_cursor(self, name: str | None = None) -> object:
        """Return a cursor. Django would look at the time zone of the loader; this one's is that of the session."""
        if not self._is_in_utc:
            return super().create_cursor(name)
        if name:
            held = self.connection.autocommit
            return ServerSideCursor(self.connection, name=name, scrollable=False, withhold=held)  # type: ignore[call-arg]
        return self.connection.cursor()

    @property
    def _is_in_utc(self) -> bool:
        return self.timezone is UTC

    @property
    def pool(self) -> "ConnectionPool[PooledConnection] | None":
        options = self.settings_dict["OPTIONS"].get("pool")
        if self.alias == NO_DB_ALIAS or not options:
            return None
        pools: dict[str, ConnectionPool[PooledConnection]] = self._connection_pools  # type: ignore[attr-defined]  # missing in the stubs
        if self.alias not in pools:
            made = ConnectionPool(
                connection_class=PooledConnection,
                kwargs={**self.get_connection_params(), "autocommit": True},
                open=False,
                configure=self._configure_connection,  # type: ignore[attr-defined]  # likewise
                check=check,
                **options,
            )
            pools.setdefault(self.alias, made)  # two threads may arrive here at once
        return pools[self.alias]
