from typing import cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.forms import AdminPasswordChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget

from logistics.admin_parts import BaseAdmin, ReadOnlyAdmin
from logistics.forms import TidyForm, TidyModelForm
from logistics.people import services
from logistics.people.models import ApiKey, User, UserFields
from logistics.roles import Role

# Our roles replace Django's groups. The records of axes hold personal data, and the audit trail has what matters.
for model in (Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)

LANGUAGES = [("en", "English"), ("fr", "Français")]


def _short(role: str) -> str:
    """Return the role's name without its description."""
    return str(Role(role).label).partition(":")[0].strip().lower()


def _roles() -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label=gettext_lazy("Roles"),
    )


class NewUserForm(TidyForm, UserCreationForm):
    roles = _roles()

    class Meta:
        model = User
        fields = ("email", "name", "roles", "language")
        field_classes: dict[str, type[forms.Field]] = {}


class UserForm(TidyModelForm):
    roles = _roles()

    class Meta:
        model = User
        fields = ("name", "roles", "language", "is_active", "is_superuser")


@admin.register(User)
class UserAdmin(DjangoUserAdmin, BaseAdmin):  # type: ignore[type-arg,misc]  # generic in its stubs only
    """People who may sign in; edited by superusers, because roles give rights."""

    form = UserForm
    add_form = NewUserForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("name", "email", "roles_shown", "language", "is_active", "last_login")
    list_filter = ("is_active", "language")
    search_fields = ("name", "email")
    ordering = ("name",)
    filter_horizontal = ()
    readonly_fields = ("email", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "is_active")}),
        (gettext_lazy("Permissions"), {"fields": ("roles", "is_superuser")}),
        (gettext_lazy("Activity"), {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "language", "roles", "password1", "password2")}),)
    actions_detail = ("set_password",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        # Users of programs are shown through their keys.
        return super().get_queryset(request).exclude(email__endswith="@keys.invalid")

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        return self.readonly_fields if obj else ()

    def has_set_password_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self.has_change_permission(request)

    @action(description=gettext_lazy("Set a new password"), permissions=["set_password"], icon="lock_reset")
    def set_password(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Redirect to Django's password page, which nothing else links to, as the form has no password field."""
        return HttpResponseRedirect(reverse("admin:auth_user_password_change", args=[object_id]))

    @display(description=gettext_lazy("roles"), label=True)
    def roles_shown(self, user: User) -> str:
        return ", ".join(_short(role) for role in user.roles) or (_("superuser") if user.is_superuser else "–")

    def save_model(self, request: HttpRequest, obj: User, form: NewUserForm | UserForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.change_user(obj, cast(UserFields, changes), by=by, at=at)
            return
        data = form.cleaned_data
        names = {name: data[name] for name in ("name", "roles", "language")}
        made = services.make_user(data["email"], data["password1"], by=by, at=at, **names)
        obj.pk, obj._state.adding = made.pk, False


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    list_display = ("name", "user", "prefix", "state", "last_used_at", "expires_at")
    list_select_related = ("user",)
    search_fields = ("name", "prefix", "user__name")
    fields = ("name", "user", "prefix", "created_at", "created_by", "last_used_at", "expires_at", "revoked_at")
    readonly_fields = fields
    actions = ("revoke",)

    @display(description=gettext_lazy("state"), label={"live": "success", "expired": "warning", "revoked": "danger"})
    def state(self, key: ApiKey) -> str:
        if key.revoked_at:
            return "revoked"
        return "live" if key.expires_at > timezone.now() else "expired"

    def has_revoke_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return cast(User, request.user).has_role(Role.COORDINATOR)

    @action(description=gettext_lazy("Revoke the keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys.order_by("pk"):
            services.revoke_key(key, by=cast(User, request.user), at=timezone.now())
        messages.success(request, _("These keys no longer work."))
