from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from logistics import wording
from logistics.ids import uuid7
from logistics.rows import reads
from logistics.search import folded, trigrams


class Donor(models.Model):
    """A donor: the only table with donors' personal data.

    Several people may share an email; the same email, name and organisation, in any letter case, is the same donor.
    """

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    name = models.CharField(_("name"), max_length=120, blank=True)
    organisation = models.CharField(_("organisation"), max_length=120, blank=True)
    email = models.CharField(_("email address"), max_length=254)  # in lower case
    address = models.TextField(_("address"), blank=True)
    country = models.CharField(_("country"), max_length=2, blank=True, help_text=_("ISO 3166-1 alpha-2"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    version = models.PositiveIntegerField(_("version"), default=1, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)
    name_folded = folded("name")
    organisation_folded = folded("organisation")

    class Meta:
        verbose_name = _("donor")
        verbose_name_plural = _("donors")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint("email", Lower("name"), Lower("organisation"), name="a_donor_is_known_once"),
            models.CheckConstraint(name="an_email_of_a_donor_is_in_lower_case", condition=Q(email=Lower("email"))),
        ]
        indexes: ClassVar = [
            trigrams("name_folded", "organisation_folded", "email", name="donors_by_words"),  # searches, also of gifts
            # Filters of the lists, which are in the order of the ids.
            models.Index(fields=["country", "id"], name="donors_by_country"),
            models.Index(fields=["language", "id"], name="donors_by_language"),
        ]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.created_at)

    @property
    @reads("name", "organisation")
    def addressee(self) -> str:
        """Name on the receipt: the organisation, else the person; "" if neither is given."""
        return self.organisation or self.name

    @property
    def in_choices(self) -> str:
        """The donor in a list from which finance chooses: several may have the same name. For finance only."""
        names = ", ".join(filter(None, (self.name, self.organisation)))
        return f"{names} <{self.email}>" if names else self.email
