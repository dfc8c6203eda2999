"""Sign-in of people in a browser: with which factors, and how recently.

Programs send API keys instead. A key has no second factor and is not asked again: it is limited by its user's roles,
ends on a date and can be revoked. A session over the API follows the same rules as in the admin.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps

from django import forms
from django.conf import settings
from django.contrib import admin
from django.contrib.auth import authenticate, login
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse, QueryDict
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.authentication import SessionAuthentication
from rest_framework.request import Request
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from logistics.admin_parts import BaseAdmin
from logistics.errors import DomainError
from logistics.people import second_factor
from logistics.people.models import User
from logistics.visitors import address_of

BACKEND = "logistics.people.backends.RoleBackend"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_AT = "signed_in_at"  # in the session: when the person last proved who they are, in seconds since 1970
_WITH_FACTOR = "with_second_factor"  # in the session: whether that was with the second factor


class SignInAgain(DomainError):
    """This needs a recent sign-in (five minutes by default). Sessions only; API keys are not asked."""

    code = "sign_in_again"
    status = 403


class SecondFactorMissing(DomainError):
    """You signed in without the second factor, which is required. Sessions only; API keys are not asked."""

    code = "second_factor_missing"
    status = 403


def sign_in(request: HttpRequest, user: User, *, with_factor: bool) -> None:
    """Begin the session of a user who has proved who they are."""
    login(request, user, backend=BACKEND)
    note_proof(request, with_factor=with_factor, at=timezone.now())
    second_factor.note_sign_in(user, network=address_of(request), at=timezone.now())


def note_proof(request: HttpRequest, *, with_factor: bool, at: datetime) -> None:
    """Note in the session that the person has just proved who they are."""
    request.session[_AT] = at.timestamp()
    if with_factor:
        request.session[_WITH_FACTOR] = True


def is_factor_missing(request: HttpRequest) -> bool:
    """Return whether this session needs a second factor that it did not give."""
    user = request.user
    if not isinstance(user, User) or request.session.get(_WITH_FACTOR):
        return False
    return second_factor.is_due(user, at=timezone.now())


def proved_at(request: Request | HttpRequest) -> datetime | None:
    """Return when the person of this session last proved who they are; None for an API key."""
    if isinstance(request, Request) and not isinstance(request.successful_authenticator, SessionAuthentication):
        return None
    at = request.session.get(_AT)
    return None if at is None else EPOCH + timedelta(seconds=at)


def reauthenticated_within(request: HttpRequest, minutes: int) -> bool:
    """Return whether the person of this session has proved who they are within the last minutes."""
    proved_at = request.session.get(_AT)
    return proved_at is not None and timezone.now().timestamp() - proved_at < timedelta(minutes=minutes).total_seconds()


def signed_in_recently(request: HttpRequest) -> bool:
    return reauthenticated_within(request, settings.RECENT_SIGN_IN_MINUTES)


def require_recent_sign_in(request: Request | HttpRequest) -> None:
    """Raise SignInAgain unless the person of this session has proved who they are recently. Keys are not asked.

    For endpoints of the API and for services' callers; pages of the admin use `needs_recent_sign_in`.
    """
    if isinstance(request, Request) and not isinstance(request.successful_authenticator, SessionAuthentication):
        return
    django_request = request._request if isinstance(request, Request) else request
    if not signed_in_recently(django_request):
        raise SignInAgain(_("Confirm first that it is you, at /admin/confirm/, then try again."))


class ConfirmForm(forms.Form):
    """Password, and code if the user has a second factor. Their names differ from those of any other form."""

    confirm_password = forms.CharField(
        label=gettext_lazy("Password"),
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "current-password"}),
    )
    confirm_code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code"}),
        help_text=gettext_lazy("From your authenticator app, or a recovery code."),
    )

    def __init__(self, request: HttpRequest, posted: QueryDict | None = None) -> None:
        super().__init__(posted)
        assert isinstance(request.user, User)
        self.request, self.user = request, request.user
        self.has_factor = second_factor.is_set_up(self.user)
        if not self.has_factor:
            del self.fields["confirm_code"]

    def clean(self) -> None:
        data = self.cleaned_data
        if self.errors:
            return
        right = is_right_password(self.request, self.user, data["confirm_password"])
        if right and self.has_factor:
            right = is_right_code(self.request, self.user, data["confirm_code"])
        if not right:
            self.add_error(None, _("The password or the code is wrong. Try again."))
            return
        note_proof(self.request, with_factor=self.has_factor, at=timezone.now())


def is_right_password(request: HttpRequest, user: User, password: str) -> bool:
    """Check a password; wrong ones are counted by django-axes as failed sign-ins of this user."""
    with _posting_nothing(request):
        found = authenticate(request, username=user.email, password=password)
    return found is not None and found.pk == user.pk


def is_right_code(request: HttpRequest, user: User, code: str) -> bool:
    """Check a code; wrong ones are counted by django-axes as failed sign-ins of this user."""
    from axes.handlers.proxy import AxesProxyHandler

    with _posting_nothing(request):
        credentials = {"username": user.email}
        if not AxesProxyHandler.is_allowed(request, credentials):
            request.axes_locked_out = True  # type: ignore[attr-defined]  # axes' middleware then answers 429
            return False
        if second_factor.accept(user, code, network=address_of(request), at=timezone.now()):
            return True
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
    return False


@contextmanager
def _posting_nothing(request: HttpRequest) -> Iterator[None]:
    """Hide the posted form, because django-axes stores what was posted with a wrong password."""
    posted = request.POST
    request.POST = QueryDict()
    try:
        yield
    finally:
        request.POST = posted


View = Callable[..., HttpResponse]


def needs_recent_sign_in(view: View) -> View:
    """Decorate a page of the admin, or an action of an admin class: its POST needs a recent sign-in.

    Otherwise a page asks for the password (and the code). It holds the posted form and sends it again, so that
    nothing has to be filled in twice.
    """

    @wraps(view)
    def checked(*args: object, **named: object) -> HttpResponse:
        request = next(argument for argument in args if isinstance(argument, HttpRequest))
        if request.method != "POST" or signed_in_recently(request):
            return view(*args, **named)
        asked_before = "confirm_password" in request.POST
        form = ConfirmForm(request, request.POST if asked_before else None)
        if asked_before and form.is_valid():
            return view(*args, **named)
        return confirm_page(request, form, held=request.POST)

    checked.asks_again = True  # type: ignore[attr-defined]  # for a test that looks for acts without it
    return checked


class RecentSignInAdmin(BaseAdmin):
    """An admin page that asks for a recent sign-in before a row is saved."""

    @needs_recent_sign_in
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        return super().changeform_view(request, object_id, form_url, extra_context)


def confirm_page(
    request: HttpRequest, form: ConfirmForm, *, held: QueryDict | None = None, then: str = ""
) -> HttpResponse:
    """Return the page that asks for password and code. `held`: a posted form that is sent again with the answer."""
    left_out = {"csrfmiddlewaretoken", "confirm_password", "confirm_code"}
    values = [(name, value) for name, many in (held or QueryDict()).lists() if name not in left_out for value in many]
    shown = {"title": _("Confirm that it is you"), "form": form, "held": values, "next": then}
    context = {**admin.site.each_context(request), **shown}
    return TemplateResponse(request, "people/confirm.html", context)
