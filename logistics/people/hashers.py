from django.contrib.auth.hashers import Argon2PasswordHasher


class PasswordHasher(Argon2PasswordHasher):
    """Argon2id with OWASP's least memory: 19 MiB, two passes, one lane.

    Django's own choice takes 100 MiB for each attempt, which a few dozen attempts at once turn into gigabytes. A
    password that was hashed with other parameters is hashed again when its owner signs in.
    Source: OWASP Password Storage Cheat Sheet, Argon2id.
    """

    memory_cost = 19_456  # KiB
    time_cost = 2
    parallelism = 1
