"""The keys of sealed columns: FIELD_KEYS encrypts them, and derives the key of the hashes of what they hold."""

from hashlib import blake2b
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from logistics.partners.hints import Hasher, plain


def newest() -> str:
    """Return the id of the newest key, under which everything should be stored."""
    return _id(_keys()[0])


def hasher(key_id: str, partner_id: UUID) -> Hasher:
    """Return the hashes of one partner under one key: the same word has another hash at another partner.

    Raises ImproperlyConfigured if the key is no longer in FIELD_KEYS: nothing could be compared with the address.
    """
    for key in _keys():
        if _id(key) == key_id:
            return Hasher(blake2b(partner_id.bytes, key=_derived(key, b"hints"), digest_size=32).digest())
    raise ImproperlyConfigured("A sealed address was hashed under a key that is not in FIELD_KEYS. Put the key back.")


def digest_of(text: str, key_id: str, partner_id: UUID) -> bytes:
    """Return the hash by which a refused text is found: of its letters and digits in plain form."""
    return hasher(key_id, partner_id).of(f"allowed {' '.join(plain(text).tokens)}")


def digested(text: str, partner_id: UUID) -> dict[str, bytes | str]:
    """Return the columns by which a refused text is found, under the newest key."""
    key_id = newest()
    return {"digest": digest_of(text, key_id, partner_id), "key_id": key_id}


def _id(key: str) -> str:
    return _derived(key, b"id")[:8].hex()


def _derived(key: str, purpose: bytes) -> bytes:
    return blake2b(key.encode(), person=purpose, digest_size=32).digest()


def _keys() -> list[str]:
    if not settings.FIELD_KEYS:
        raise ImproperlyConfigured("FIELD_KEYS is empty: set a Fernet key (see README.md).")
    return list(settings.FIELD_KEYS)
