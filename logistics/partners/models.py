import secrets
from typing import ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from logistics import wording
from logistics.ids import moment_of, uuid7

# No vowels, no 0/1: a code is read aloud and must not spell a word.
ALPHABET = "BCDFGHJKLMNPQRSTVWXZ23456789"


def site_code() -> str:
    """Return a random code for a site; never initials, town or sequence, because papers print it.

    There are 28^5 = 17,210,368 codes, few enough for occasional collisions: store sites with
    `transactions.insert_drawn`. Even with a million sites, 16 of 17 codes are free.
    """
    return "".join(secrets.choice(ALPHABET) for _ in range(5))


def foreign_site() -> str:
    return gettext("This site belongs to another partner.")


class Partner(models.Model):
    """An organisation that receives what we send, and confirms it."""

    class Status(models.TextChoices):
        APPROVED = "approved", pgettext_lazy("partner", "Approved")
        SUSPENDED = "suspended", pgettext_lazy("partner", "Suspended")
        ENDED = "ended", pgettext_lazy("partner", "Ended")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    code = models.CharField(
        _("code"),
        max_length=12,
        unique=True,
        validators=[RegexValidator(r"^[A-Z0-9][A-Z0-9-]*$", _("A-Z, 0-9 and - only."))],
        help_text=_("Short and public, e.g. AMAR-ML"),
    )
    name = models.CharField(_("name"), max_length=200)
    status = models.CharField(_("status"), max_length=10, choices=Status, default=Status.APPROVED)
    languages = ArrayField(
        models.CharField(max_length=10),
        default=list,
        help_text=_("Languages of its papers, the main one first: en, fr"),
        verbose_name=_("languages"),
    )
    country = models.CharField(_("country"), max_length=2, help_text=_("ISO 3166-1 alpha-2"))
    address = models.TextField(
        _("address"), blank=True, help_text=_("Its public office; never the address of a confidential site")
    )
    tax_number = models.CharField(_("tax number"), max_length=40, blank=True, help_text=_("NIF in Mali"))
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("partner")
        verbose_name_plural = _("partners")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Contact(models.Model):
    """A person at a partner who is notified of shipments."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="contacts", verbose_name=_("partner"))
    name = models.CharField(_("name"), max_length=100)
    email = models.EmailField(_("email address"))
    phone = models.CharField(_("phone"), max_length=40, blank=True)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="fr")
    is_notified = models.BooleanField(_("notified of what is sent"), default=True)
    is_administrator = models.BooleanField(
        _("partner’s administrator"),
        default=False,
        db_default=False,
        help_text=_("Notified by email when somebody reads the address of a confidential site"),
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering: ClassVar = ["id"]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, moment_of(self.pk))


class Membership(models.Model):
    """A user who acts for a partner, and sees only that partner's rows; if bound to a site, only those of the site."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="membership", verbose_name=_("user")
    )
    partner = models.ForeignKey(
        Partner, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("partner")
    )
    # By name: the class is below. Set when the membership is made; a program that needs more gets another user.
    site = models.ForeignKey(
        "logistics.Site",
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        verbose_name=_("site"),
        help_text=_("Blank: sees all sites of the partner. Cannot be changed later."),
    )

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        triggers: ClassVar = [
            pgtrigger.Protect(
                name="a_membership_keeps_its_site", operation=pgtrigger.Update, condition=pgtrigger.AnyChange("site")
            ),
            pgtrigger.Trigger(
                name="a_membership_has_a_site_of_its_partner",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                condition=pgtrigger.Q(new__site__isnull=False),
                func="""
                    IF NOT EXISTS (
                        SELECT FROM logistics_site s WHERE s.id = NEW.site_id AND s.partner_id = NEW.partner_id
                    ) THEN
                        RAISE EXCEPTION 'pgtrigger: The site belongs to another partner';
                    END IF;
                    RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"

    def clean(self) -> None:
        """Refuse a site of another partner in forms."""
        if self.site is not None and self.site.partner_id != self.partner_id:
            raise ValidationError(foreign_site())


class Site(models.Model):
    """Where goods are used. Holds only what most code and every paper may know of it.

    The name, address and phone of a confidential site are sealed (SiteAddress); deliveries
    end at the hand-over point.
    """

    class Kind(models.TextChoices):
        OPEN = "open", pgettext_lazy("site", "Open")
        CONFIDENTIAL = "confidential", pgettext_lazy("site", "Confidential")

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="sites", verbose_name=_("partner"))
    code = models.CharField(_("code"), max_length=8, unique=True, default=site_code, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind, default=Kind.CONFIDENTIAL)
    public_name = models.CharField(_("public name"), max_length=100, blank=True, help_text=_("Open sites only"))
    region = models.CharField(_("region"), max_length=10, blank=True, help_text=_("Admin-1 p-code, e.g. ML04"))
    hand_over_point = models.CharField(
        _("hand-over point"), max_length=200, help_text=_("A public place where the goods are handed over")
    )
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)

    class Meta:
        verbose_name = _("site")
        verbose_name_plural = _("sites")
        ordering: ClassVar = ["code"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(kind="open") | models.Q(public_name=""),
                name="a_confidential_site_has_no_public_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.code}"


class SiteAddress(models.Model):
    """The address of a site: its ciphertext is in the schema `sealed`, and read only through partners.addresses.reveal.

    `hints` are keyed hashes of what gives the address away (partners.hints), with which texts are compared.
    """

    site = models.OneToOneField(Site, primary_key=True, on_delete=models.PROTECT, related_name="secret")
    sealed_id = models.UUIDField(unique=True)  # in partners.vault: {"name", "address", "town", "phone"} as JSON
    hints = models.BinaryField(db_default=b"")
    key_id = models.CharField(max_length=16, db_default="")  # of the key that hashed it

    def __str__(self) -> str:
        return f"{self.site_id}"


class RefusedText(models.Model):
    """A text that was refused because it resembles a sealed address of the partner, and may be allowed nevertheless.

    The text is sealed (partners.vault), as the address that it may name; it is found by its keyed hash.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, related_name="+", verbose_name=_("partner"))
    # Where it was entered last, e.g. "shipments.shipment.title". Blank: allowed before anybody entered it.
    field = models.CharField(_("field"), max_length=100, blank=True)
    digest = models.BinaryField()
    sealed_id = models.UUIDField(unique=True)
    key_id = models.CharField(max_length=16)  # of the key that hashed it
    refused_at = models.DateTimeField(_("refused at"), null=True)
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("entered by")
    )
    allowed_at = models.DateTimeField(_("allowed at"), null=True)
    allowed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.PROTECT, related_name="+", verbose_name=_("allowed by")
    )

    class Meta:
        verbose_name = _("refused text")
        verbose_name_plural = _("refused texts")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(allowed_at__isnull=True, allowed_by__isnull=True)
                | models.Q(allowed_at__isnull=False, allowed_by__isnull=False),
                name="a_text_is_allowed_by_somebody",
            )
        ]

    def __str__(self) -> str:
        return str(self.partner)  # the page's title
