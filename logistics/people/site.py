"""The admin's site: sign-in with a second factor, and the pages of one's own account."""

from typing import cast

from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.auth.views import PasswordChangeView
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite


class NamedAutocomplete(AutocompleteJsonView):
    def serialize_result(self, obj: Model, to_field_name: str) -> dict[str, str]:
        result: dict[str, str] = super().serialize_result(obj, to_field_name)
        choice_of = getattr(self.model_admin, "choice_of", None)
        return result | ({"text": choice_of(obj)} if choice_of else {})


class StaffSite(UnfoldAdminSite):
    def has_permission(self, request: HttpRequest) -> bool:
        """Return whether this session may enter: of active staff, with the second factor if it is due."""
        from logistics.people import recent

        return bool(super().has_permission(request)) and not recent.is_factor_missing(request)

    def login(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Show the sign-in page. Whoever only lacks the second factor is led to it instead."""
        from logistics.people import pages, recent

        if request.method == "GET" and request.user.is_authenticated and recent.is_factor_missing(request):
            return pages.lead_to_second_factor(request)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        context = {
            **self.each_context(request),
            "title": _("Sign in"),
            "app_path": request.get_full_path(),
            "next": request.GET.get("next") or reverse("admin:index"),
            **(extra_context or {}),
        }
        sign_in = pages.SignIn.as_view(
            extra_context=context, authentication_form=self.login_form, template_name="admin/login.html"
        )
        return cast(HttpResponse, never_cache(sign_in)(request))

    def logout(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        """Sign out, and have the browser forget the refused forms that it kept for its Back button."""
        answer = cast(HttpResponse, super().logout(request, extra_context))
        answer["Clear-Site-Data"] = '"cache"'
        return answer

    def password_change(self, request: HttpRequest, extra_context: dict[str, object] | None = None) -> HttpResponse:
        from logistics.people import pages

        change = PasswordChangeView.as_view(
            form_class=pages.ChangePasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return cast(HttpResponse, change(request))

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Search rows for a field. They are called as their pages choose: `__str__` holds no personal data."""
        return cast(HttpResponse, NamedAutocomplete.as_view(admin_site=self)(request))

    def extra_urls(self) -> list[URLPattern]:
        from logistics.people import pages

        return [
            path("code/", pages.code, name="code"),
            path("confirm/", pages.confirm, name="confirm"),
            path("second-factor/", self.admin_view(pages.second_factor_page), name="second_factor"),
            path("set-up-second-factor/", pages.set_up, name="set_up_second_factor"),
            path("password/<str:uidb64>/<str:token>/", pages.SetPassword.as_view(), name="set_password"),
        ]
