"""`allowed_actions`: what a user may do with a row now, in the same shape in every answer."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache

from rest_framework import serializers

from logistics.errors import DomainError
from logistics.outputs import Output
from logistics.roles import HasRoles, Role


@dataclass(frozen=True)
class AllowedAction:
    """Whether an action is allowed now; if not, the code and text with which a POST would be refused."""

    action: str
    allowed: bool
    code: str = ""
    reason: str = ""

    @classmethod
    def of(cls, action: str, refusal: DomainError | None) -> "AllowedAction":
        """Return the entry for an action that is refused with this error, or allowed (None)."""
        return _granted(action) if refusal is None else cls(action, False, refusal.code, str(refusal))


@cache
def _granted(action: str) -> AllowedAction:
    return AllowedAction(action, True)


def allowed(user: HasRoles, actions: Mapping[str, tuple[Collection[Role], DomainError | None]]) -> list[AllowedAction]:
    """Return the actions that the user's roles include, each with the error that the service would raise now."""
    return [AllowedAction.of(action, refusal) for action, (roles, refusal) in actions.items() if user.has_role(*roles)]


class AllowedActionOut(Output[AllowedAction]):
    action = serializers.CharField()
    allowed = serializers.BooleanField()
    code = serializers.CharField(help_text="The error code; empty if allowed")
    reason = serializers.CharField(help_text="Why it is refused now, and what to do; empty if allowed")

    def to_representation(self, instance: AllowedAction) -> dict[str, object]:
        """Return the attributes, which are the fields: each row of a list has several actions."""
        return dict(vars(instance))
