from typing import ClassVar

from django.db import models

from logistics.ids import uuid7
from logistics.owed.models import Owed


class Email(Owed):
    """A mail that we owe somebody: first a promise, later sent. Frozen when it is asked for."""

    TASK = "logistics.send_email"

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    kind = models.CharField(max_length=40)  # "receipt", "shipment-dispatched": what it is, for staff
    to = models.EmailField()
    language = models.CharField(max_length=10, default="en")
    subject = models.CharField(max_length=200)
    body = models.TextField()  # for its reader only: it may hold a secret link; empty once it is sent
    # Each: name (as the reader sees it), storage_name, sha256, type.
    attachments = models.JSONField(default=list, blank=True)

    class Meta(Owed.Meta):
        ordering: ClassVar = ["-id"]

    def __str__(self) -> str:
        return f"{self.kind} mail {self.pk}"
