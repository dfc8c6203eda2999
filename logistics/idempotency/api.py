import functools
import hashlib
import json
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import NamedTuple, TypeVar, overload

from django.core.files.uploadedfile import UploadedFile
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.encoders import JSONEncoder

from logistics.errors import DomainError
from logistics.idempotency.models import IdempotencyRecord

KEPT_FOR = timedelta(days=90)


class IdempotencyKeyMissing(DomainError):
    """This write needs an `Idempotency-Key`."""

    code = "idempotency_key_missing"
    status = 400


class IdempotencyKeyReused(DomainError):
    """The `Idempotency-Key` was used for another request."""

    code = "idempotency_key_reused"
    status = 422


class StillRunning(DomainError):
    """The first request with this `Idempotency-Key` is still being processed."""

    code = "still_running"
    headers = {"Retry-After": "2"}


ViewMethod = TypeVar("ViewMethod", bound=Callable[..., Response])


@overload
def idempotent(method: ViewMethod) -> ViewMethod: ...
@overload
def idempotent(*, shown_once: Sequence[str]) -> Callable[[ViewMethod], ViewMethod]: ...
def idempotent(method: Callable[..., Response] | None = None, *, shown_once: Sequence[str] = ()) -> object:
    """Run a view method once per Idempotency-Key and caller.

    It runs in one transaction with the record of its answer. Same key and body: the same answer
    with `Idempotent-Replayed: true`. Same key, other body or route: 422. First one still running: 409.
    No key: 400. Refusals are not recorded: nothing happened, so the key can be used again.
    The view must not call external services. Fields named in `shown_once` (a new key's secret) are null in
    the record and so in the replay.
    """
    if method is None:
        return functools.partial(idempotent, shown_once=shown_once)

    @functools.wraps(method)
    def once(self: object, request: Request, *args: object, **kwargs: object) -> Response:
        return run_once(request, lambda: method(self, request, *args, **kwargs), shown_once=shown_once)

    once.takes_idempotency_key = True  # type: ignore[attr-defined]  # read by config.openapi
    return once


def run_once(request: Request, act: Callable[[], Response], *, shown_once: Sequence[str] = ()) -> Response:
    """Return the answer of `act`, or the recorded one if this key was used before. See `idempotent`."""
    key = request.headers.get("Idempotency-Key", "").strip()
    if not 16 <= len(key) <= 100:
        raise IdempotencyKeyMissing(
            _(
                "Send an Idempotency-Key header of 16 to 100 characters (a UUID is best): a new one for each new"
                " write, the same one when you repeat it."
            )
        )
    user = request.user
    principal = f"user {user.pk}" if user and user.is_authenticated else "anonymous"
    # The path only as part of a hash: it may hold a donor's token.
    match = request.resolver_match
    route = f"{request.method} {match.route if match else ''}"[:200]
    body_sha256 = hashlib.sha256(f"{request.path} {hash_of_body(request)}".encode()).hexdigest()
    with transaction.atomic():
        is_ours, record = _begun(principal, key)
        if not is_ours:
            raise StillRunning(_("The first request with this Idempotency-Key is still running. Send it again in 2 s."))
        if record is None:
            response = act()
            if response.status_code >= 400:
                transaction.set_rollback(True)
                return response
            # Recorded as the client sees it: decimals, dates and ids are converted to JSON now, not at the replay.
            response.data = json.loads(json.dumps(response.data, cls=JSONEncoder))
            kept = response.data | dict.fromkeys(shown_once) if shown_once else response.data
            _record(principal, key, _Recorded(route, body_sha256, response.status_code, kept))
            return response
    if (record.route, record.body_sha256) != (route, body_sha256):
        raise IdempotencyKeyReused(
            _(
                "This Idempotency-Key was used for another request. Send a new key with a new request,"
                " or the same body with the same key."
            )
        )
    return Response(record.response, status=record.status, headers={"Idempotent-Replayed": "true"})


def hash_of_body(request: Request) -> str:
    """Return the SHA-256 of the body: files by content, the rest as sorted JSON."""
    digest = hashlib.sha256()
    plain = {}
    for name, value in sorted(request.data.items()) if hasattr(request.data, "items") else [("", request.data)]:
        if isinstance(value, UploadedFile):
            digest.update(f"{name}:".encode())
            for chunk in value.chunks():
                digest.update(chunk)
            value.seek(0)
        else:
            plain[name] = value
    digest.update(json.dumps(plain, sort_keys=True, cls=JSONEncoder).encode())
    return digest.hexdigest()


class _Recorded(NamedTuple):
    """What an earlier request with the same key was, and its answer."""

    route: str
    body_sha256: str
    status: int
    response: object


def _begun(principal: str, key: str) -> tuple[bool, _Recorded | None]:
    """Lock a key until the transaction ends, unless another session holds it; return whether, and the key's record.

    Two statements in one message. The second begins after the lock was taken, so it sees what its last holder stored.
    """
    number = int.from_bytes(hashlib.sha256(f"{principal} {key}".encode()).digest()[:8], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_try_advisory_xact_lock(%s);"
            " SELECT route, body_sha256, status, response::text FROM logistics_idempotencyrecord"
            " WHERE principal = %s AND key = %s",
            [number, principal, key],
        )
        is_ours = bool(cursor.fetchone()[0])
        cursor.nextset()
        found = cursor.fetchone()
    if found is None:
        return is_ours, None
    route, body_sha256, status, response = found
    return is_ours, _Recorded(route, body_sha256, status, None if response is None else json.loads(response))


def _record(principal: str, key: str, made: _Recorded) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO logistics_idempotencyrecord (principal, key, route, body_sha256, status, response)"
            " VALUES (%s, %s, %s, %s, %s, %s::jsonb)",
            [principal, key, *made[:3], None if made.response is None else json.dumps(made.response)],
        )


def forget_old() -> int:
    """Delete records older than 90 days, and return how many."""
    return IdempotencyRecord.objects.filter(created_at__lt=Now() - KEPT_FOR).delete()[0]
