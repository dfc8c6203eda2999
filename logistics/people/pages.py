"""Pages of sign-in and of one's own account, in the admin."""

from base64 import b64decode, b64encode
from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.forms import AuthenticationForm, SetPasswordForm
from django.contrib.auth.views import LoginView, PasswordResetConfirmView
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse, reverse_lazy
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import AdminOwnPasswordChangeForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminTextInputWidget

from logistics import sealing
from logistics.barcodes import qr_path
from logistics.forms import TidyForm
from logistics.people import recent, second_factor, services
from logistics.people.models import User

# After the right password, the code must follow within this time.
CODE_WITHIN = timedelta(minutes=10)
_HALF = "half_signed_in"  # in the session: who gave the right password, and when
_BEING_SET_UP = "new_second_factor"  # in the session, encrypted: the secret that is being set up


class SignIn(LoginView):
    """The first step of sign-in: email address and password."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user = form.get_user()
        assert isinstance(user, User)
        then = self.get_success_url()
        if second_factor.is_set_up(user):
            return _ask_for_code(self.request, user, then=then)
        recent.sign_in(self.request, user, with_factor=False)
        return HttpResponseRedirect(then)


def _ask_for_code(request: HttpRequest, user: User, *, then: str) -> HttpResponse:
    """Replace the session by an anonymous one, which remembers who gave the right password."""
    request.session.flush()
    request.session[_HALF] = {
        "user": str(user.pk),
        "at": timezone.now().timestamp(),
        "password": user.get_session_auth_hash(),
        "then": then,
    }
    return HttpResponseRedirect(reverse("admin:code"))


def _half_signed_in(request: HttpRequest) -> tuple[User, str] | None:
    """Return who gave the right password in this session, and where they want to go."""
    half, now = request.session.get(_HALF), timezone.now()
    if not half or now.timestamp() - half["at"] > CODE_WITHIN.total_seconds():
        return None
    user = User.objects.filter(pk=half["user"]).first()
    if user is None or not user.is_working(now) or user.get_session_auth_hash() != half["password"]:
        return None
    return user, half["then"]


class CodeForm(TidyForm, forms.Form):
    code = forms.CharField(
        label=gettext_lazy("Code"),
        max_length=40,
        help_text=gettext_lazy("From your authenticator app, or a recovery code."),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "one-time-code", "autofocus": ""}),
    )


class FirstCodeForm(CodeForm):
    """The first code of an app that is being set up; a recovery code would prove nothing."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.fields["code"].help_text = ""


def code(request: HttpRequest) -> HttpResponse:
    """The second step of sign-in: the code."""
    half = _half_signed_in(request)
    if half is None:
        return HttpResponseRedirect(reverse("admin:login"))
    user, then = half
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if recent.is_right_code(request, user, form.cleaned_data["code"]):
            recent.sign_in(request, user, with_factor=True)
            del request.session[_HALF]
            return HttpResponseRedirect(then)
        form.add_error("code", _("This code is wrong or was used before. Wait for the next one."))
    return _page(request, "people/code.html", _("Enter your code"), form=form)


def lead_to_second_factor(request: HttpRequest) -> HttpResponse:
    """Redirect somebody whose session lacks the second factor to where they give it or set it up."""
    user, then = request.user, _next(request)
    assert isinstance(user, User)
    if second_factor.is_set_up(user):
        return _ask_for_code(request, user, then=then)
    return HttpResponseRedirect(reverse("admin:set_up_second_factor"))


def confirm(request: HttpRequest) -> HttpResponse:
    """Ask for password and code again, then go on to `next`."""
    if not _is_staff(request):
        return HttpResponseRedirect(reverse("admin:login"))
    form = recent.ConfirmForm(request, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        return HttpResponseRedirect(_next(request))
    return recent.confirm_page(request, form, then=_next(request))


def set_up(request: HttpRequest) -> HttpResponse:
    """Set up a second factor, or another one: scan the QR code, enter the first code, keep the recovery codes."""
    user = request.user
    if not (_is_staff(request) and isinstance(user, User)):
        return HttpResponseRedirect(reverse("admin:login"))
    if recent.is_factor_missing(request) and second_factor.is_set_up(user):
        return lead_to_second_factor(request)
    if not recent.reauthenticated_within(request, minutes=15):
        return HttpResponseRedirect(f"{reverse('admin:confirm')}?next={request.path}")
    secret, form = _secret_being_set_up(request), FirstCodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            codes = second_factor.set_up(user, secret, form.cleaned_data["code"], at=timezone.now())
        except second_factor.WrongCode as refusal:
            form.add_error("code", str(refusal))
        else:
            del request.session[_BEING_SET_UP]
            request.session.cycle_key()
            recent.note_proof(request, with_factor=True, at=timezone.now())
            return _recovery_codes(request, codes)
    side, path = qr_path(second_factor.address_for_app(secret, user))
    return _page(
        request, "people/set_up.html", _("Set up your second factor"),
        form=form, side=side + 8, path=path, secret=second_factor.written(secret),
    )  # fmt: skip


def _secret_being_set_up(request: HttpRequest) -> bytes:
    if _BEING_SET_UP not in request.session:
        request.session[_BEING_SET_UP] = b64encode(sealing.seal(second_factor.new_secret())).decode()
    return sealing.opened(b64decode(request.session[_BEING_SET_UP]))


@recent.needs_recent_sign_in
def second_factor_page(request: HttpRequest) -> HttpResponse:
    """Show the state of one's own second factor; renew the recovery codes or remove it."""
    user = request.user
    assert isinstance(user, User)
    is_set_up = second_factor.is_set_up(user)
    if request.method == "POST" and is_set_up:
        if request.POST.get("action") == "renew":
            return _recovery_codes(request, second_factor.renew_recovery_codes(user, at=timezone.now()))
        if request.POST.get("action") == "remove":
            if settings.SECOND_FACTOR_REQUIRED:
                raise PermissionDenied
            second_factor.remove(user, by=user, at=timezone.now())
            messages.success(request, _("Your second factor was removed."))
            return HttpResponseRedirect(request.path)
    return _page(
        request, "people/second_factor.html", _("Second factor"),
        is_set_up=is_set_up, left=second_factor.recovery_codes_left(user), required=settings.SECOND_FACTOR_REQUIRED,
        due_at=user.second_factor_due_at,
    )  # fmt: skip


def _recovery_codes(request: HttpRequest, codes: list[str]) -> HttpResponse:
    return _page(request, "people/recovery_codes.html", _("Your recovery codes"), codes=codes)


class WeakAtFirst:
    """Shows what is wrong with a new password beside that password; Django would show it beside its repetition."""

    def validate_password_for_user(self, user: User, *_args: str) -> None:
        super().validate_password_for_user(user, "new_password1")  # type: ignore[misc]


class ChangePasswordForm(WeakAtFirst, AdminOwnPasswordChangeForm):
    """The form of "Change password"."""


class NewPasswordForm(WeakAtFirst, SetPasswordForm):  # type: ignore[type-arg]  # generic in its stubs only
    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        for field in self.fields.values():
            field.widget = UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"})


class SetPassword(PasswordResetConfirmView):
    """Where the link of an invitation leads: set a password. It does not sign the person in."""

    template_name = "people/set_password.html"
    form_class = NewPasswordForm
    success_url = reverse_lazy("admin:login")

    def get_user(self, uidb64: str) -> User | None:
        user = super().get_user(uidb64)
        return user if isinstance(user, User) and user.is_working(timezone.now()) else None

    def get_context_data(self, **context: object) -> dict[str, object]:
        return {**admin.site.each_context(self.request), **super().get_context_data(**context)}

    def render_to_response(self, context: dict[str, object], **more: object) -> HttpResponse:
        # 404 for a link that does not work: config.guessing counts these.
        return super().render_to_response(context, **more, status=200 if self.validlink else 404)

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        services.note_new_password(form.user, at=timezone.now())
        messages.success(self.request, _("Your password is set. You can sign in now."))
        return response


def _is_staff(request: HttpRequest) -> bool:
    return request.user.is_active and isinstance(request.user, User) and request.user.is_staff


def _next(request: HttpRequest) -> str:
    """Return the page to go on to: `next`, if it is ours, else the admin's first page."""
    then = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(then, {request.get_host()}, require_https=request.is_secure())
    return then if is_ours else reverse("admin:index")


def _page(request: HttpRequest, template: str, title: str, **context: object) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), "title": title, **context})
