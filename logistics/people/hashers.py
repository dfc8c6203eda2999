from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's minimum of memory: 19 MiB, two passes, one lane.

    Django's default takes 100 MiB per attempt: gigabytes for a few dozen attempts at once. A password that was hashed
    with other parameters is hashed again when its owner signs in.
    Source: OWASP Password Storage Cheat Sheet, Argon2id.
    """

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
