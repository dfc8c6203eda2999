from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now

from logistics.ids import uuid7


class Donor(models.Model):
    """Who gave: the only home of donors' personal data.

    One e-mail may stand for several people; the same name (and organisation) under it is the same donor.
    """

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120, blank=True)
    organisation = models.CharField(max_length=120, blank=True)
    email = models.CharField(max_length=254)  # in lower case
    address = models.TextField(blank=True)
    country = models.CharField(max_length=2, blank=True, help_text="ISO 3166-1 alpha-2")
    language = models.CharField(max_length=10, default="en")
    version = models.PositiveIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["email", "name", "organisation"], name="a_donor_is_known_once"),
            models.CheckConstraint(name="an_email_of_a_donor_is_in_lower_case", condition=Q(email=Lower("email"))),
        ]

    def __str__(self) -> str:
        return f"donor {self.pk}"

    @property
    def addressee(self) -> str:
        """To whom a receipt is made out: the organisation, else the person; "" when nobody is named."""
        return self.organisation or self.name
