from typing import ClassVar

from django.db import models
from django.utils.translation import gettext_lazy as _

from logistics import wording


class HealthCheck(models.Model):
    """When something that must happen regularly last happened, and what it found.

    "worker", "worker-now", "worker-upkeep", "relay": their last heartbeats. "invariants": the last check;
    "audit trail", "gift totals": their last parts. In the database, not in the cache, so that they can be read while
    Redis is down.
    """

    name = models.CharField(_("name"), max_length=40, primary_key=True)
    at = models.DateTimeField(_("time"))
    # For "invariants": {"statement that did not hold": number of rows that break it}; otherwise empty.
    findings = models.JSONField(_("findings"), default=dict)
    # How far a check has come that looks at a part of its rows each time.
    bookmark = models.JSONField(_("bookmark"), default=dict, editable=False)

    class Meta:
        verbose_name = _("health check")
        verbose_name_plural = _("health checks")
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return wording.of_moment(self.name, self.at)
