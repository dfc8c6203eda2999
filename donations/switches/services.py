"""The switch with which finance turns online giving off, for example during an attack."""

from datetime import datetime

from django.db import transaction
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from donations.switches.models import GivingSwitch
from logistics.audit import services as audit
from logistics.errors import DomainError, Invalid
from logistics.partners import guard
from logistics.people.models import User
from logistics.rows import Prepared
from logistics.transactions import lock


class GivingPaused(DomainError):
    """Online giving is switched off by the charity; `detail` is its message to donors."""

    code = "giving_paused"
    status = 503


_SWITCH = Prepared(lambda: GivingSwitch.objects.order_by("pk"))


def the_switch() -> GivingSwitch:
    """Return the switch; on, if its row is missing."""
    return _SWITCH.first() or GivingSwitch()


def check_on() -> None:
    """Raise GivingPaused, with the message for donors in the current language, while online giving is off."""
    switch = the_switch()
    if not switch.is_on:
        raise GivingPaused(switch.message((get_language() or "en")[:2]))


@transaction.atomic
def turn(
    switch: GivingSwitch,
    *,
    is_on: bool,
    message_en: str,
    message_fr: str,
    reason: str,
    version: int,
    by: User | None,
    at: datetime,
) -> GivingSwitch:
    """Turn online giving on or off, or change the message. Checkouts that are open then are closed within minutes.
    Turning it on again clears the message.

    Raises Stale, and Invalid without a reason or for a text that gives a confidential site of a partner away.
    """
    if not reason.strip():
        raise Invalid(_("Say why. The reason is kept in the audit trail."), field="reason", code="required")
    switch = lock(switch, version=version)
    was_on = switch.is_on
    switch.is_on, switch.message_en, switch.message_fr = is_on, message_en.strip(), message_fr.strip()
    if is_on and not was_on:
        switch.message_en = switch.message_fr = ""  # the next pause has another reason
    guard.check(switch, None, by=by, at=at)
    guard.check_texts("logistics.auditentry", {"reason": reason}, None, by=by, at=at)
    switch.version += 1
    switch.save(update_fields=["is_on", "message_en", "message_fr", "version"])
    verb = "giving message changed" if is_on == was_on else "giving turned on" if is_on else "giving turned off"
    audit.record(verb, switch, by=by, at=at, reason=reason.strip(), version=switch.version)
    return switch
