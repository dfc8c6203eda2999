from typing import ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from donations.donors.models import Donor
from logistics import wording
from logistics.ids import uuid7
from logistics.jobs.lanes import Lane
from logistics.jobs.models import Job


class SignInRequest(Job):
    """A request for a link to the gifts made with an email address. If there are any, the link is mailed there.

    Stored for known and unknown addresses alike, so that neither the response nor its timing reveals which.
    The address is wiped once the link is sent. The link works once, for ten minutes.
    """

    TASK = "donations.send_sign_in_link"
    LANE = Lane.NOW

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    email = models.CharField(_("email address"), max_length=254, blank=True, editable=False)
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en", editable=False)
    address_hash = models.CharField(max_length=32, blank=True, editable=False)
    email_hash = models.CharField(max_length=32, blank=True, editable=False)
    donor = models.ForeignKey(
        Donor, null=True, editable=False, on_delete=models.CASCADE, related_name="+", verbose_name=_("donor")
    )
    used_at = models.DateTimeField(_("used at"), null=True, editable=False)

    class Meta(Job.Meta):
        verbose_name = _("sign-in request")
        verbose_name_plural = _("sign-in requests")
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            *Job.Meta.constraints,
            models.CheckConstraint(
                name="only_a_link_that_was_sent_is_used",
                condition=models.Q(used_at=None) | models.Q(donor__isnull=False),
            ),
        ]
        indexes: ClassVar = [*Job.Meta.indexes, models.Index(fields=["created_at"], name="sign_ins_by_age")]

    def __str__(self) -> str:
        return wording.of_moment(self._meta.verbose_name, self.created_at)
