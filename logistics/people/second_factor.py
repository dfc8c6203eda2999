"""The second factor of staff: codes of an authenticator app (TOTP, RFC 6238), and recovery codes for a lost phone."""

import base64
import hashlib
import hmac
import logging
import re
import secrets
from datetime import datetime

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from logistics import sealing
from logistics.audit import services as audit
from logistics.errors import DomainError
from logistics.people.models import RecoveryCode, SecondFactor, User
from logistics.transactions import lock

ISSUER = "Relief"
STEP_S = 30
DRIFT = 1  # steps by which a phone's clock may be off, either way
RECOVERY_CODES = 10
# Wrong codes of one person within an hour, from all networks in which that person has never signed in. From one
# network, django-axes allows five. Recovery codes are not limited: nobody can guess one, so nobody is locked out.
WRONG_MAX, WRONG_SECONDS = 10, 3600
KNOWN_SECONDS = 30 * 24 * 3600
log = logging.getLogger(__name__)


class WrongCode(DomainError):
    """The code of the authenticator app is wrong, too old, or was used before."""

    code = "wrong_code"


def new_secret() -> bytes:
    """Return a secret of 160 random bits, as RFC 4226 recommends."""
    return secrets.token_bytes(20)


def address_for_app(secret: bytes, user: User) -> str:
    """Return the address that an authenticator app reads from the QR code."""
    return _totp(secret).get_provisioning_uri(user.email, ISSUER)


def written(secret: bytes) -> str:
    """Return the secret for typing it into an app, in groups of four."""
    return _in_fours(base64.b32encode(secret).decode())


def is_set_up(user: User) -> bool:
    return SecondFactor.objects.filter(user=user).exists()


def recovery_codes_left(user: User) -> int:
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


@transaction.atomic
def set_up(user: User, secret: bytes, code: str, *, at: datetime) -> list[str]:
    """Give the user a second factor, or another one, and return new recovery codes. Raises WrongCode.

    From now on, each session of this user needs it.
    """
    user = lock(user)
    step = _step_of(secret, code, at)
    if step is None:
        raise WrongCode(_("This code is wrong. Check that your phone’s clock is right, then enter the next code."))
    values = {"sealed": sealing.seal(secret), "last_step": step, "set_up_at": at}
    SecondFactor.objects.update_or_create(user=user, defaults=values)
    user.second_factor_due_at = at
    user.save(update_fields=["second_factor_due_at"])
    audit.record("second factor set up", user, by=user, at=at)
    return _new_recovery_codes(user)


@transaction.atomic
def renew_recovery_codes(user: User, *, at: datetime) -> list[str]:
    """Return new recovery codes; earlier ones no longer work."""
    user = lock(user)
    audit.record("recovery codes created", user, by=user, at=at)
    return _new_recovery_codes(user)


@transaction.atomic
def remove(user: User, *, by: User | None, at: datetime) -> User:
    """Remove a second factor, such as one on a lost phone. Where one is required, sign-in then asks for another."""
    user = lock(user)
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    user.second_factor_due_at = at if settings.SECOND_FACTOR_REQUIRED else None
    user.save(update_fields=["second_factor_due_at"])
    audit.record("second factor removed", user, by=by, at=at)
    return user


@transaction.atomic
def accept(user: User, code: str, *, network: str, at: datetime) -> bool:
    """Return whether this is a right code, and use it up: no code is accepted twice.

    `network` is where the attempt comes from; see WRONG_MAX.
    """
    digest = _hash(code)
    if RecoveryCode.objects.filter(user=user, sha256=digest, used_at=None).update(used_at=at):
        audit.record("recovery code used", lock(user), by=user, at=at)
        return True
    factor = SecondFactor.objects.filter(user=user).first()
    if factor is None or _too_many_wrong(user, network):
        return False
    step = _step_of(sealing.opened(bytes(factor.sealed)), code, at)
    if step is None or not SecondFactor.objects.filter(user=user, last_step__lt=step).update(last_step=step):
        _count_wrong(user)
        return False
    return True


@transaction.atomic
def note_sign_in(user: User, *, network: str, at: datetime) -> None:
    """Note a complete sign-in: the person's network is known from now on, and the time of grace begins if it must."""
    try:
        cache.set(_known(user, network), 1, timeout=KNOWN_SECONDS)
    except RedisError:
        log.warning("a network is not remembered: the cache does not answer")
    if settings.SECOND_FACTOR_REQUIRED and user.is_staff and user.second_factor_due_at is None:
        user.second_factor_due_at = at + settings.SECOND_FACTOR_GRACE
        user.save(update_fields=["second_factor_due_at"])


def is_due(user: User, *, at: datetime) -> bool:
    """Return whether a session of this user needs the second factor by now."""
    if user.second_factor_due_at is None or user.second_factor_due_at > at:
        return False
    return settings.SECOND_FACTOR_REQUIRED or is_set_up(user)


def _new_recovery_codes(user: User) -> list[str]:
    codes = [_in_fours(base64.b32encode(secrets.token_bytes(10)).decode()) for _number in range(RECOVERY_CODES)]
    RecoveryCode.objects.filter(user=user).delete()
    RecoveryCode.objects.bulk_create([RecoveryCode(user=user, sha256=_hash(code)) for code in codes])
    return codes


def _step_of(secret: bytes, code: str, at: datetime) -> int | None:
    """Return the step at which the app shows this code, or None if that is not now."""
    given, totp = re.sub(r"[\s-]", "", code).encode(), _totp(secret)
    now = int(at.timestamp()) // STEP_S
    steps = range(now - DRIFT, now + DRIFT + 1)
    return next((step for step in steps if hmac.compare_digest(totp.generate(step * STEP_S), given)), None)


def _totp(secret: bytes) -> TOTP:
    return TOTP(secret, 6, SHA1(), STEP_S)  # noqa: S303  # the hash that authenticator apps know


def _hash(code: str) -> str:
    return hashlib.sha256(re.sub(r"[\s-]", "", code).upper().encode()).hexdigest()


def _in_fours(text: str) -> str:
    return "-".join(text[start : start + 4] for start in range(0, len(text), 4))


def _known(user: User, network: str) -> str:
    return f"second-factor-known-{user.pk}-{hashlib.sha256(f'{settings.SECRET_KEY}{network}'.encode()).hexdigest()}"


def _too_many_wrong(user: User, network: str) -> bool:
    try:
        found = cache.get_many([f"second-factor-wrong-{user.pk}", known := _known(user, network)])
    except RedisError:
        log.warning("limit on codes skipped: the cache does not answer")
        return False
    return known not in found and found.get(f"second-factor-wrong-{user.pk}", 0) >= WRONG_MAX


def _count_wrong(user: User) -> None:
    name = f"second-factor-wrong-{user.pk}"
    try:
        cache.add(name, 0, timeout=WRONG_SECONDS)
        cache.incr(name)
    except (RedisError, ValueError):  # the cache does not answer, or the counter expired in between
        log.warning("a wrong code is not counted")


@transaction.atomic
def rotate() -> int:
    """Encrypt all secrets again under the newest key of FIELD_KEYS, and return how many there are. Staff are few."""
    rows = list(SecondFactor.objects.select_for_update().order_by("pk"))
    for row in rows:
        SecondFactor.objects.filter(pk=row.pk).update(sealed=sealing.rotated(bytes(row.sealed)))
    return len(rows)
