"""The backend that `ENGINE` names: Django looks for a module `base`."""

import time
from select import POLLIN, poll

from django.db.backends.base.base import NO_DB_ALIAS
from django.db.backends.postgresql.base import DatabaseWrapper as PostgresWrapper
from psycopg import Connection
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


class DatabaseWrapper(PostgresWrapper):
    """Django's own, which would prove each connection by a statement whenever it leaves the pool."""

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
