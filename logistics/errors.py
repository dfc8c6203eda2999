from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

Method = TypeVar("Method", bound=Callable[..., object])


class DomainError(Exception):
    """A business rule was violated. This is not a bug; any other exception is.

    Subclasses are defined beside the function that raises them. Clients rely on `code`, so it never changes.
    The message tells the user what to do.
    """

    code = "refused"
    status = 409
    headers: dict[str, str] = {}
    # Further members of the body, as the API description shows them.
    example: ClassVar[Mapping[str, object]] = {}

    def __init__(self, message: str, **details: object) -> None:
        super().__init__(message)
        self.details = details


class WrongState(DomainError):
    """The action is not allowed in the current state."""

    code = "wrong_state"


class Stale(DomainError):
    """Somebody else changed the row after you read it."""

    code = "stale"
    status = 412


class Forbidden(DomainError):
    """Your role does not allow this."""

    code = "permission_denied"
    status = 403


class Invalid(DomainError):
    """The input is wrong; `errors` names the fields."""

    code = "invalid_input"
    status = 400

    def __init__(self, message: str, *, field: str = "", code: str = "invalid", **details: object) -> None:
        self.field = field
        errors = [{"field": field, "code": code, "detail": message}]
        super().__init__(message, **({"errors": errors} | details))


def may_raise(*errors: type[DomainError]) -> Callable[[Method], Method]:
    """Mark a view method with the errors of its own that it may raise, for the API description (config.openapi)."""

    def mark(method: Method) -> Method:
        method.may_raise = (*getattr(method, "may_raise", ()), *errors)  # type: ignore[attr-defined]
        return method

    return mark
