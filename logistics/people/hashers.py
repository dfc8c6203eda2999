from threading import BoundedSemaphore

from django.contrib.auth.hashers import Argon2PasswordHasher

# The threads of one process that may hash at the same time: each hash holds its memory while it runs.
AT_ONCE = BoundedSemaphore(2)


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id with the least memory that OWASP recommends: 19 MiB, two passes, one lane.

    Django's default takes 100 MiB per attempt, so a few dozen attempts at once need gigabytes. A password that was
    hashed with other parameters is hashed again when its owner signs in.
    Source: OWASP Password Storage Cheat Sheet, Argon2id.
    """

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1

    def encode(self, password: str, salt: str) -> str:
        with AT_ONCE:
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with AT_ONCE:
            return super().verify(password, encoded)
