"""Sessions of the admin, stored under the hash of their key.

The key is in the member's cookie only: a thief of the table, or of a dump of it, cannot use a session.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, cast

from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.models import Session
from django.utils import timezone

from logistics.rows import Prepared

KEY_LENGTH = 40  # of the table's column: 160 bits

_VALID = Prepared(
    lambda key, now: Session.objects.filter(session_key=key, expire_date__gt=now),
    "a key",
    datetime.min.replace(tzinfo=UTC),
)


def stored_key(session_key: str) -> str:
    """Return under which key a session is stored. A key has 165 random bits, so a plain hash is enough."""
    return hashlib.sha256(session_key.encode()).hexdigest()[:KEY_LENGTH]


class SessionStore(DatabaseStore):
    """Django's sessions in the database. What is asynchronous in them is not used here, and does not hash."""

    def _get_session_from_db(self) -> Session | None:
        cookie = self.session_key
        found = _VALID.first(stored_key(cookie), timezone.now()) if cookie is not None else None
        self._session_key = cookie if found else None
        return found

    def exists(self, session_key: str) -> bool:
        return super().exists(stored_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        session = cast(Session, super().create_model_instance(data))
        session.session_key = stored_key(session.session_key)
        return session

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key is not None:
            super().delete(stored_key(key))
