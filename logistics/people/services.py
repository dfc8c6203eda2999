import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from django.contrib.auth.tokens import default_token_generator
from django.db import models, transaction
from django.db.models import ExpressionWrapper, Q
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from logistics.audit import services as audit
from logistics.errors import DomainError
from logistics.mail import services as mail
from logistics.people import second_factor
from logistics.people.models import ApiKey, User, UserFields
from logistics.roles import Role
from logistics.rows import Prepared
from logistics.transactions import Taken, insert_drawn, lock

PREFIX = re.compile(r"[0-9a-f]{12}")
KEYS_MAX = 2  # so that a key can be replaced without a gap
# `last_used_at` is updated at most this often, to avoid a write per request.
LAST_USED_INTERVAL = timedelta(minutes=1)


# What must hold of a key's user beside being active; rooms above add to it when their app is ready.
_conditions: list[Q] = []


def keys_work_only_if(condition: Q) -> None:
    """Add a condition on ApiKey, without which a key is refused. Rooms above call this when their app is ready."""
    if condition not in _conditions:
        _conditions.append(condition)
        _keys_by_text.cache_clear()


class TooManyKeys(DomainError):
    """The user already has two valid API keys."""

    code = "too_many_keys"


@dataclass(frozen=True)
class NewKey:
    """A new key; `text` is shown once and not stored."""

    row: ApiKey
    text: str


def email_taken() -> str:
    return _("This email address is already in use. Use another one.")


@transaction.atomic
def make_user(
    email: str,
    password: str | None,
    *,
    name: str,
    roles: Sequence[str],
    language: str = "en",
    by: User | None,
    at: datetime,
) -> User:
    """Create a user who may sign in or, without a password, a user for a program's keys. Raises Taken."""
    if User.objects.filter(email__iexact=email).exists():
        raise Taken(email_taken())
    user = User.objects.create_user(email, password, name=name, roles=list(roles), language=language)
    audit.record("user created", user, by=by, at=at, roles=list(roles))
    return user


class MayNotManage(DomainError):
    """You may manage neither your own rights, nor a user with a role that you do not have."""

    code = "may_not_manage"
    status = 403


RIGHTS = frozenset({"roles", "is_active", "is_superuser", "ends_at"})


def roles_to_give(by: User) -> frozenset[str]:
    """Return the roles that a user may give and take: an administrator those that they have, and the partners'."""
    if by.is_active and by.is_superuser:
        return frozenset(Role.values)
    return frozenset({*by.roles, Role.PARTNER}) if by.has_role(Role.ADMINISTRATOR) else frozenset()


def may_manage(by: User, user: User) -> bool:
    """Return whether `by` may change this user, which needs every role that the user has."""
    gives = roles_to_give(by)
    return by.is_superuser or bool(gives and gives >= set(user.roles) and not user.is_superuser)


def _check_managed(by: User, user: User, changes: UserFields) -> None:
    """Raise MayNotManage if `by` must not make these changes."""
    if user.pk == by.pk and RIGHTS & set(changes):
        raise MayNotManage(_("You cannot change your own rights. Ask another administrator."))
    gives = set(changes.get("roles", ())) - roles_to_give(by)
    if not may_manage(by, user) or gives or (changes.get("is_superuser") and not by.is_superuser):
        raise MayNotManage(_("You may only manage users whose roles you have yourself."))


@transaction.atomic
def invite(
    email: str,
    *,
    name: str,
    roles: Sequence[str],
    language: str = "en",
    ends_at: datetime | None = None,
    by: User,
    at: datetime,
) -> User:
    """Create a user and mail a link to set the password. Raises Taken, MayNotManage."""
    _check_managed(by, User(roles=[]), {"roles": list(roles)})
    user = make_user(email, None, name=name, roles=roles, language=language, by=by, at=at)
    if ends_at is not None:
        user = change_user(user, {"ends_at": ends_at}, by=by, at=at)
    return send_link(user, by=by, at=at)


@transaction.atomic
def send_link(user: User, *, by: User, at: datetime) -> User:
    """Mail a link with which the user sets a password: once, within three days. Raises MayNotManage."""
    user = lock(user)
    _check_managed(by, user, {})
    path = reverse(
        "admin:set_password",
        args=[urlsafe_base64_encode(force_bytes(user.pk)), default_token_generator.make_token(user)],
    )
    context = {"name": user.name, "path": path}
    mail.request(
        "invitation", to=user.email, template="people/mail/invitation.txt", context=context, language=user.language
    )
    audit.record("link to set the password sent", user, by=by, at=at)
    return user


def remove_second_factor(user: User, *, by: User, at: datetime) -> User:
    """Remove somebody's second factor, such as one on a lost phone. Raises MayNotManage."""
    _check_managed(by, user, {})
    return second_factor.remove(user, by=by, at=at)


@transaction.atomic
def note_new_password(user: User, *, at: datetime) -> None:
    """Record that a user has set a password by the link."""
    audit.record("password set", lock(user), by=user, at=at)


@transaction.atomic
def change_user(user: User, changes: UserFields, *, by: User | None, at: datetime) -> User:
    """Change a user's fields. The keys of a user who is deactivated or loses a role are revoked.

    Raises MayNotManage for oneself and for users with more rights than `by`, who is None for the system.
    """
    user = lock(user)
    if by is not None:
        _check_managed(by, user, changes)
    loses_rights = set(user.roles) - set(changes.get("roles", user.roles)) or (
        user.is_superuser and not changes.get("is_superuser", True)
    )
    if loses_rights or not changes.get("is_active", True):
        revoke_keys(user, by=by, at=at)
    for name, value in changes.items():
        setattr(user, name, value)
    user.save(update_fields=list(changes))
    audit.record("user changed", user, by=by, at=at, fields=sorted(changes), roles=list(user.roles))
    return user


@transaction.atomic
def make_key(user: User, *, name: str, valid: timedelta, by: User | None, at: datetime) -> NewKey:
    """Create an API key for the user. Raises TooManyKeys if two are valid already, NoFreeCode."""
    user = lock(user)
    if live_keys(at).filter(user=user).count() >= KEYS_MAX:
        raise TooManyKeys(_("There are already %(most)d valid keys. Revoke one first.") % {"most": KEYS_MAX})
    secret = secrets.token_urlsafe(32)
    key = ApiKey(
        user=user,
        name=name,
        prefix=_prefix(),
        secret_sha256=_hash(secret),
        created_at=at,
        created_by=by,
        expires_at=at + valid,
    )
    insert_drawn(key, field="prefix", draw=_prefix)
    audit.record("key created", user, by=by, at=at, key=str(key.pk))
    return NewKey(key, f"{key.prefix}.{secret}")


def _prefix() -> str:
    """Return the part by which a key is looked up: 48 random bits, which may collide once in many million keys."""
    return secrets.token_hex(6)


@transaction.atomic
def replace_keys(user: User, *, name: str, valid: timedelta, by: User | None, at: datetime) -> NewKey:
    """Replace the user's valid keys of this name by a new one. Raises TooManyKeys if two of other names are valid."""
    for key in live_keys(at).filter(user=user, name=name).order_by("pk"):
        revoke_key(key, by=by, at=at)
    return make_key(user, name=name, valid=valid, by=by, at=at)


def revoke_keys(user: User, *, by: User | None, at: datetime) -> None:
    """Revoke all valid keys of a user."""
    for key in live_keys(at).filter(user=user).order_by("pk"):
        revoke_key(key, by=by, at=at)


@transaction.atomic
def revoke_key(key: ApiKey, *, by: User | None, at: datetime) -> ApiKey:
    """Revoke a key with immediate effect. Revoking twice changes nothing."""
    user = lock(key.user)  # the owner first, as the audit entry is recorded for the owner
    key = lock(key)
    if key.revoked_at is None:
        key.revoked_at = at
        key.save(update_fields=["revoked_at"])
        audit.record("key revoked", user, by=by, at=at, key=str(key.pk))
    return key


def key_of(text: str) -> ApiKey | None:
    """Return the key with this text, valid or not, or None.

    One statement, which finds no row for an unknown prefix as for a known one with another secret: the time tells
    nothing. The secret has 256 random bits, so a plain hash is enough.
    """
    prefix, _dot, secret = text.partition(".")
    if not PREFIX.fullmatch(prefix):
        return None
    return _keys_by_text().first(prefix, _hash(secret))


@cache
def _keys_by_text() -> Prepared[ApiKey]:
    holds = ExpressionWrapper(Q(*_conditions, pk__isnull=False), models.BooleanField())
    keys = ApiKey.objects.select_related("user__membership").annotate(conditions_hold=holds)
    return Prepared(lambda prefix, sha256: keys.filter(prefix=prefix, secret_sha256=sha256), "a prefix", "a hash")


def user_of_key(text: str, *, at: datetime) -> User | None:
    """Return the user of the key with this text if it is valid, or None."""
    key = key_of(text)
    return use_key(key, at=at) if key else None


def use_key(key: ApiKey, *, at: datetime) -> User | None:
    """Return the user of a key that `key_of` found, and note the use; None if the key is not valid."""
    is_live = key.revoked_at is None and key.expires_at > at and vars(key)["conditions_hold"]
    if not (is_live and key.user.is_working(at)):
        return None
    if key.last_used_at is None or at - key.last_used_at > LAST_USED_INTERVAL:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=at)
    return key.user


def live_keys(at: datetime) -> "models.QuerySet[ApiKey]":
    """Return the keys that are neither revoked nor expired at this time; their users may be inactive."""
    return ApiKey.objects.filter(Q(revoked_at=None), expires_at__gt=at)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
