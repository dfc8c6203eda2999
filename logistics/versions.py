"""Optimistic locking over HTTP: ETag is the version that was read, If-Match the one to be changed."""

from typing import Protocol

from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from logistics.errors import DomainError, Invalid, Stale, may_raise


class Versioned(Protocol):
    version: int


class VersionMissing(DomainError):
    """An edit must name the version that it is based on."""

    code = "version_missing"
    status = 428


# Marks a view method that calls `expected_version`; implied for PATCH.
needs_version = may_raise(Stale, VersionMissing)


def expected_version(request: Request) -> int:
    """Return the version that the caller read: `If-Match: "3"`, or `version` in the body.

    Raises VersionMissing if there is neither, Invalid if it is not a whole number.
    """
    data = request.data if isinstance(request.data, dict) else {}
    given = request.headers.get("If-Match") or data.get("version")
    if given in (None, ""):
        raise VersionMissing(
            _(
                'Send the version that you read, as `If-Match: "3"` (the ETag of the answer) or as `version` in the'
                " body, so that no change is lost."
            )
        )
    text = str(given).strip().removeprefix("W/").strip('"')
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Invalid(_("A version is a whole number, e.g. 3."), field="version")
    return int(text)


def with_etag(response: Response, row: Versioned) -> Response:
    """Return the answer with the row's version as its ETag."""
    response["ETag"] = f'"{row.version}"'
    return response
