from collections.abc import Callable, Collection
from typing import Any, TypeVar

from django.http.response import HttpResponseBase
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from logistics import matrix
from logistics.roles import Role

READS = ("GET", "HEAD", "OPTIONS")


class NobodyUnlessAllowed(BasePermission):
    """The default: a view without roles is closed to everybody."""

    def has_permission(self, request: Request, view: object) -> bool:
        return False


class Anyone(BasePermission):
    """Open to the public, on purpose."""

    open_to_all = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})

    def has_permission(self, request: Request, view: object) -> bool:
        return True


def allow(*roles: Role, read: Collection[Role] = (), open_to_all: Collection[str] = ()) -> type[BasePermission]:
    """Return a permission class for users with one of these roles; roles in `read` may only read.

    Views of a noun take their roles from the matrix, by `may`. Methods in `open_to_all` (`READS`, "POST") are open to
    everybody.
    """
    writers = frozenset(roles)
    readers = {*roles, *read}
    methods = frozenset(open_to_all)

    class Allowed(BasePermission):
        allowed_roles = writers
        reading_roles = frozenset(readers)
        open_to_all = methods

        def has_permission(self, request: Request, view: object) -> bool:
            if request.method in self.open_to_all:
                return True
            user = request.user
            if not (user and user.is_authenticated):
                return False
            return user.has_role(*(self.reading_roles if request.method in READS else self.allowed_roles))

    return Allowed


_METHODS = {matrix.VIEW: READS, matrix.ADD: ("POST",)}


def may(noun: matrix.Noun, verb: str = matrix.CHANGE) -> type[BasePermission]:
    """Return a permission class with the roles that the matrix names: to read, and for all else this verb."""
    open_to_all = [method for public in noun.public for method in _METHODS[public]]
    return allow(*noun.roles(verb), read=noun.roles(matrix.VIEW), open_to_all=open_to_all)


Page = TypeVar("Page", bound=Callable[..., HttpResponseBase])


def public_page(view: Page) -> Page:
    """Mark a page (a plain Django view) as public on purpose; a test checks each page for the mark."""
    view.open_to_all = True  # type: ignore[attr-defined]
    return view


def actor(request: Request) -> Any:
    """Return the user, or None for the public, to pass to services as `by`."""
    return request.user if request.user and request.user.is_authenticated else None
