import secrets
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import pgettext_lazy

from logistics.ids import uuid7

# No vowels, no 0/1: a code is read aloud, and must not spell anything.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"


def site_code() -> str:
    """Return a random code for a site; never initials, town or sequence, since papers carry it.

    There are 28^5 = 17,210,368 codes, so short that two sites draw the same one now and then: store sites with
    `transactions.insert_drawn`. Even a million sites would leave it 16 free codes of every 17.
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(5))


class Partner(models.Model):
    """An organisation that receives what we send, and confirms it."""

    class Status(models.TextChoices):
        APPROVED = "approved", pgettext_lazy("partner", "Approved")
        SUSPENDED = "suspended", pgettext_lazy("partner", "Suspended")
        ENDED = "ended", pgettext_lazy("partner", "Ended")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    code = models.CharField(
        max_length=12,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9-]*$", "A-Z, 0-9 and - only.")],
        help_text="Short and public, e.g. AMAR-ML",
    )
    name = models.CharField(max_length=200)
    status = models.CharField(max_length=10, choices=Status, default=Status.APPROVED)
    languages = ArrayField(
        models.CharField(max_length=10), default=list, help_text="Of its papers, first one first: en, fr"
    )
    country = models.CharField(max_length=2, help_text="ISO 3166-1 alpha-2")
    address = models.TextField(blank=True, help_text="Its public office; never a confidential site's")
    tax_number = models.CharField(max_length=40, blank=True, help_text="NIF in Mali")
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person at a partner who is told of shipments."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="contacts")
    name = models.CharField(max_length=100)
    email = models.EmailField()
    phone = models.CharField(max_length=40, blank=True)
    language = models.CharField(max_length=10, default="fr")
    is_told = models.BooleanField("is told of shipments", default=True)
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return f"contact {self.pk}"


class Membership(models.Model):
    """A user who acts for a partner, and sees only that partner's rows."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="membership")
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="memberships")

    def __str__(self) -> str:
        return f"membership {self.pk}"


class Site(models.Model):
    """Where goods are used. All that most code, and every paper, can know of it stands here.

    The name, address and phone of a confidential site lie encrypted in SiteAddress; deliveries
    end at the hand-over point.
    """

    class Kind(models.TextChoices):
        OPEN = "open", pgettext_lazy("site", "Open")
        CONFIDENTIAL = "confidential", pgettext_lazy("site", "Confidential")

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="sites")
    code = models.CharField(max_length=8, unique=True, default=site_code, editable=False)
    kind = models.CharField(max_length=12, choices=Kind, default=Kind.CONFIDENTIAL)
    public_name = models.CharField(max_length=100, blank=True, help_text="Open sites only")
    region = models.CharField(max_length=10, blank=True, help_text="Admin-1 p-code, e.g. ML04")
    hand_over_point = models.CharField(max_length=200, help_text="A public place where the goods change hands")
    version = models.PositiveIntegerField(default=1, editable=False)

    class Meta:
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind="open") | models.Q(public_name=""),
                name="a_confidential_site_has_no_public_name",
            )
        ]

    def __str__(self) -> str:
        return f"site {self.code}"


class SiteAddress(models.Model):
    """Where a site really is: encrypted, and read only through partners.addresses.reveal."""

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.PROTECT, related_name="secret")
    sealed = models.BinaryField()  # Fernet over {"name", "address", "town", "phone"} as JSON

    def __str__(self) -> str:
        return f"address of site {self.site_id}"
