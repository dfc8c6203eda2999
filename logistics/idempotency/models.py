from typing import ClassVar

from django.db import models
from django.db.models.functions import Now


class IdempotencyRecord(models.Model):
    """A write that a caller made under one of its keys, and our answer; kept 90 days.

    A phone may be offline for weeks and repeat its request when it comes back.
    """

    principal = models.CharField(max_length=60)  # whose key it is: "user <id>" or "anonymous"
    key = models.CharField(max_length=100)
    route = models.CharField(max_length=200)  # method, and path without its arguments
    body_sha256 = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField()
    response = models.JSONField(null=True)  # null: an answer without a body (204)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["principal", "key"], name="an_idempotency_key_is_used_once")
        ]
        indexes: ClassVar = [models.Index(fields=["created_at"], name="idempotency_by_age")]

    def __str__(self) -> str:
        return f"{self.route} {self.key}"
