from django.utils import timezone
from django.utils.translation import gettext as _
from drf_spectacular.authentication import SessionScheme
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from logistics.people import recent, services
from logistics.people.models import User


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer prefix.secret`."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        kind, _space, text = get_authorization_header(request).decode("latin-1").partition(" ")
        if kind.lower() != "bearer":
            return None
        key = services.key_of(text.strip())
        user = services.use_key(key, at=timezone.now()) if key else None
        if user is None:
            # A program whose key has ended gets this answer each time, however often it tries.
            request._request.is_guess = key is None  # type: ignore[attr-defined]  # for config.guessing
            raise AuthenticationFailed(
                _("This API key is unknown, expired or revoked. Ask your coordinator for a new one."), code="bad_key"
            )
        return user, None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="api"'


class StaffSession(SessionAuthentication):
    """The session of somebody who signed in to the admin; the second factor is required as there."""

    def authenticate(self, request: Request) -> tuple[User, None] | None:
        found: tuple[User, None] | None = super().authenticate(request)
        if found is not None and recent.is_factor_missing(request._request):
            raise recent.SecondFactorMissing(_("Sign in with your second factor first: /admin/login/"))
        return found


class StaffSessionScheme(SessionScheme):
    target_class = "logistics.people.authentication.StaffSession"


class ApiKeyScheme(OpenApiAuthenticationExtension):
    target_class = ApiKeyAuthentication
    name = "ApiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key: `prefix.secret`."}
