"""Encrypt what a copy of the database must not reveal, with FIELD_KEYS."""

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured


def seal(text: bytes) -> bytes:
    return _fernet().encrypt(text)


def opened(sealed: bytes) -> bytes:
    return _fernet().decrypt(sealed)


def rotated(sealed: bytes) -> bytes:
    """Return the same text, encrypted under the newest key."""
    return _fernet().rotate(sealed)


def _fernet() -> MultiFernet:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS is empty: set a Fernet key (see README.md).")
    return MultiFernet([Fernet(key) for key in settings.FIELD_KEYS])
