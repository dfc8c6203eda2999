"""What somebody may do with a row now: `allowed_actions` has this one shape in every answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from rest_framework import serializers

from logistics.errors import DomainError
from logistics.outputs import Output
from logistics.roles import HasRoles, Role


@dataclass(frozen=True)
class AllowedAction:
    """Whether an action is allowed now; where it is not, the code and the text that a POST would be refused with."""

    action: str
    allowed: bool
    code: str = ""
    reason: str = ""

    @classmethod
    def of(cls, action: str, refusal: DomainError | None) -> "AllowedAction":
        """Return the answer for an action that is refused with this error, or for one that is not refused."""
        return cls(action, True) if refusal is None else cls(action, False, refusal.code, str(refusal))


def allowed(user: HasRoles, actions: Mapping[str, tuple[Collection[Role], DomainError | None]]) -> list[AllowedAction]:
    """Return the actions that somebody's roles include, each with the refusal that the service would raise now."""
    return [AllowedAction.of(action, refusal) for action, (roles, refusal) in actions.items() if user.has_role(*roles)]


class AllowedActionOut(Output[AllowedAction]):
    action = serializers.CharField()
    allowed = serializers.BooleanField()
    code = serializers.CharField(help_text="Of the refusal; empty where it is allowed")
    reason = serializers.CharField(help_text="Why it is refused now, and what to do; empty where it is allowed")
