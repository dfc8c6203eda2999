"""Ciphertexts of addresses and refused texts, in the schema `sealed`: the only code that connects as its role.

The application's own role cannot use that schema (`logistics.grants`), except that it may store what it has refused
(`keep_refused`): workers that read spreadsheets of strangers refuse texts too, and do not have the other role's
password. Rows refer to a ciphertext by an id.

Two connections are two transactions, and the other role's commits at once. So `put` is called inside the transaction
that stores the id. If that one fails, a ciphertext is left over that belongs to nothing, and `remove_unused` deletes
it. There is never a row whose ciphertext is missing. Ages are measured by the database's clock, the same for all
processes.
"""

from collections.abc import Collection
from uuid import UUID

from django.db import connection, connections, transaction

from logistics import sealing
from logistics.partners import keys

ALIAS = "sealed"


def put(pk: UUID, text: bytes) -> None:
    """Encrypt a text under the newest key and store it."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "INSERT INTO sealed.ciphertext (id, content, key_id) VALUES (%s, %s, %s)",
            [pk, sealing.seal(text), keys.newest()],
        )


def keep_refused(pk: UUID, text: bytes) -> None:
    """Encrypt a refused text and store it, as the application's role and in the transaction of its row.

    `pk`: the `sealed_id` of a RefusedText that is already stored; the database refuses any other.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT public.keep_refused_text(%s, %s, %s)",
            [pk, sealing.seal(text), keys.newest()],
        )


def read(pks: Collection[UUID]) -> dict[UUID, bytes]:
    """Return texts, decrypted, by id. An id without a ciphertext is left out."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT id, content FROM sealed.ciphertext WHERE id = ANY(%s)", [[*pks]])
        return {pk: sealing.opened(bytes(content)) for pk, content in cursor.fetchall()}


def missing(pks: Collection[UUID]) -> set[UUID]:
    """Return which ids have no ciphertext."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT id FROM sealed.ciphertext WHERE id = ANY(%s)", [[*pks]])
        return set(pks) - {pk for (pk,) in cursor.fetchall()}


def remove_unused(used: Collection[UUID]) -> int:
    """Delete ciphertexts that are older than a day and not in use, and return how many.

    Younger ones may belong to a transaction that has not committed yet.
    """
    with connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "DELETE FROM sealed.ciphertext WHERE created_at < now() - interval '1 day' AND id <> ALL(%s)", [[*used]]
        )
        return int(cursor.rowcount)


def rotate(batch: int) -> int:
    """Encrypt some of what is under an older key again under the newest, and return how many."""
    with transaction.atomic(using=ALIAS), connections[ALIAS].cursor() as cursor:
        cursor.execute(
            "SELECT id, content FROM sealed.ciphertext WHERE key_id <> %s ORDER BY id LIMIT %s FOR UPDATE",
            [keys.newest(), batch],
        )
        rows = cursor.fetchall()
        cursor.executemany(
            "UPDATE sealed.ciphertext SET content = %s, key_id = %s WHERE id = %s",
            [(sealing.rotated(bytes(content)), keys.newest(), pk) for pk, content in rows],
        )
    return len(rows)


def under_older_keys() -> int:
    """Return how many ciphertexts are not under the newest key."""
    with connections[ALIAS].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM sealed.ciphertext WHERE key_id <> %s", [keys.newest()])
        ((count,),) = cursor.fetchall()
    return int(count)
