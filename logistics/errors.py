from collections.abc import Callable, Mapping
from typing import ClassVar, TypeVar

from django.utils.translation import gettext as _

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


class Busy(DomainError):
    """Others held what this request needs for too long, or the database was too slow. Nothing was changed."""

    code = "busy"
    status = 503
    headers = {"Retry-After": "3"}


# SQLSTATEs: a lock was waited for too long; a statement took too long, which may be waiting too; two transactions
# waited for each other, and this one was ended.
_WAITED = ("55P03", "57014", "40P01", "40001")


def waited_too_long(error: BaseException | None) -> bool:
    """Return whether a transaction failed only because of others: repeated later, it may succeed."""
    while error is not None:
        if getattr(error, "sqlstate", None) in _WAITED:
            return True
        error = error.__cause__
    return False


def busy() -> Busy:
    """Return the refusal to send instead of such an error."""
    return Busy(_("Others are changing the same data. Nothing was changed. Wait a few seconds and try again."))


def may_raise(*errors: type[DomainError]) -> Callable[[Method], Method]:
    """Mark a view method with the errors of its own that it may raise, for the API description (config.openapi)."""

    def mark(method: Method) -> Method:
        method.may_raise = (*getattr(method, "may_raise", ()), *errors)  # type: ignore[attr-defined]
        return method

    return mark
