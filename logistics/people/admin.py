from collections.abc import Callable
from typing import Any, ClassVar, cast

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSingleDateWidget

from logistics.admin_parts import WRONG_DATE, FormClass, ReadOnlyAdmin, copy_saved, may_act
from logistics.forms import LastDayField, TidyModelForm, last_day_before
from logistics.people import services
from logistics.people.models import ApiKey, User, UserFields
from logistics.people.recent import RecentSignInAdmin, needs_recent_sign_in
from logistics.roles import Role

# Our roles replace Django's groups. The records of axes hold personal data, and the audit trail has what matters.
for model in (Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


def _short(role: str) -> str:
    """Return the role's name without its description."""
    return str(Role(role).label).partition(":")[0].strip().lower()


class RolesForm(TidyModelForm):
    """A user's form; it offers the roles that the acting user may give, and shows those of the user beside them."""

    roles = forms.MultipleChoiceField(
        choices=Role.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        label=gettext_lazy("Roles"),
    )
    ends_at = LastDayField(
        required=False,
        widget=UnfoldAdminSingleDateWidget,
        label=gettext_lazy("Access until"),
        help_text=gettext_lazy("For temporary staff: the last day on which sign-in and keys work. Blank: no end date."),
        error_messages={"invalid": WRONG_DATE},
    )
    to_give: ClassVar[frozenset[str]] = frozenset()  # set by UserAdmin.get_form

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        if isinstance(roles := self.fields.get("roles"), forms.MultipleChoiceField):
            roles.choices = [(role, label) for role, label in Role.choices if role in self.to_give]


class NewUserForm(RolesForm):
    class Meta:
        model = User
        fields = ("email", "name", "roles", "language", "ends_at")

    def clean_email(self) -> str:
        email: str = self.cleaned_data["email"]
        if User.objects.filter(email__iexact=email).exists():
            raise ValidationError(services.email_taken())
        return email


class UserForm(RolesForm):
    class Meta:
        model = User
        fields = ("name", "roles", "language", "is_active", "ends_at", "is_superuser")


@admin.register(User)
class UserAdmin(RecentSignInAdmin):
    """People who may sign in. Administrators manage those whose roles they have, and never their own rights."""

    is_short = True
    form = UserForm
    list_display = ("name", "email", "roles_shown", "is_active", "ends_on", "with_second_factor", "last_login")
    list_filter = ("is_active", "language")
    search_fields = ("name", "email")
    ordering = ("name",)
    readonly_fields = ("email", "ends_on", "last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "name", "language", "is_active", "ends_at")}),
        (gettext_lazy("Permissions"), {"fields": ("roles", "is_superuser")}),
        (gettext_lazy("Activity"), {"fields": ("last_login", "created_at")}),
    )
    add_fieldsets = ((None, {"fields": ("email", "name", "language", "roles", "ends_at")}),)
    actions_detail = ("send_link", "remove_second_factor")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        # Users of programs are shown through their keys.
        people = super().get_queryset(request).exclude(email__endswith="@keys.invalid")
        return cast(QuerySet[User], people.select_related("second_factor"))

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: object) -> FormClass:
        form = super().get_form(request, obj, change, **({"form": NewUserForm} if obj is None else {}) | options)
        return type(form.__name__, (form,), {"to_give": services.roles_to_give(cast(User, request.user))})

    def get_fieldsets(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return self.add_fieldsets
        shown = super().get_fieldsets(request, obj)
        if "ends_at" in self.get_readonly_fields(request, obj) or not self.has_change_permission(request, obj):
            last_day = {"ends_at": "ends_on"}  # not the midnight after it
            shown = [
                (title, {"fields": [last_day.get(name, name) for name in more["fields"]]}) for title, more in shown
            ]
        return shown

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        if obj is None:
            return ()
        by = cast(User, request.user)
        if obj.pk == by.pk:
            return (*self.readonly_fields, "roles", "is_active", "is_superuser", "ends_at")
        return self.readonly_fields if by.is_superuser else (*self.readonly_fields, "is_superuser")

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        may = bool(super().has_change_permission(request, obj))
        return may and (obj is None or services.may_manage(cast(User, request.user), obj))

    def has_send_link_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        by, user = cast(User, request.user), self._other(request, object_id)
        return self.has_change_permission(request) and (user is None or services.may_manage(by, user))

    def has_remove_second_factor_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        user = self._other(request, object_id)
        return self.has_send_link_permission(request, object_id) and (user is None or hasattr(user, "second_factor"))

    def _other(self, request: HttpRequest, object_id: str | None) -> User | None:
        return self.get_queryset(request).filter(pk=object_id).first() if object_id else None

    @action(
        description=gettext_lazy("Mail a link to set the password"), url_path="send-link", permissions=["send_link"],
        icon="mail",
    )  # fmt: skip
    @needs_recent_sign_in
    def send_link(self, request: HttpRequest, object_id: str) -> HttpResponse:
        explanation = _("The link works once, for three days. Until it is used, the current password still works.")
        return self._ask(request, object_id, _("Mail a link to set the password"), explanation, services.send_link)

    @action(
        description=gettext_lazy("Remove the second factor"), url_path="remove-second-factor",
        permissions=["remove_second_factor"], icon="phonelink_erase",
    )  # fmt: skip
    @needs_recent_sign_in
    def remove_second_factor(self, request: HttpRequest, object_id: str) -> HttpResponse:
        explanation = _(
            "For when both the phone and the recovery codes are lost. First make sure that the request really comes"
            " from this person."
        )
        return self._ask(request, object_id, _("Remove the second factor"), explanation, services.remove_second_factor)

    def _ask(
        self, request: HttpRequest, object_id: str, verb: str, explanation: str, act: Callable[..., User]
    ) -> HttpResponse:
        """Ask for confirmation, then act."""
        user = self.get_object(request, object_id)
        back = reverse("admin:logistics_user_change", args=[object_id])
        if user is None:
            raise PermissionDenied
        if request.method == "POST":
            act(user, by=cast(User, request.user), at=timezone.now())
            messages.success(request, f"{user.name}: {verb}")
            return HttpResponseRedirect(back)
        shown = {"title": user.name, "verb": verb, "explanation": explanation, "back": back}
        return TemplateResponse(request, "people/ask.html", {**self.admin_site.each_context(request), **shown})

    @display(description=gettext_lazy("roles"), label=True)
    def roles_shown(self, user: User) -> str:
        return ", ".join(_short(role) for role in user.roles) or (_("superuser") if user.is_superuser else "–")

    @display(description=gettext_lazy("access until"), ordering="ends_at")
    def ends_on(self, user: User) -> object:
        return last_day_before(user.ends_at) if user.ends_at else None

    @display(description=gettext_lazy("second factor"), boolean=True)
    def with_second_factor(self, user: User) -> bool:
        return hasattr(user, "second_factor")

    def save_model(self, request: HttpRequest, obj: User, form: RolesForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            changes = {name: form.cleaned_data[name] for name in form.changed_data}
            services.change_user(obj, cast(UserFields, changes), by=by, at=at)
            return
        made = services.invite(**form.cleaned_data, by=by, at=at)
        copy_saved(obj, made)


@admin.register(ApiKey)
class ApiKeyAdmin(ReadOnlyAdmin):
    is_short = True
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
        return may_act(request, ApiKey)

    @action(description=gettext_lazy("Revoke the keys"), permissions=["revoke"])
    def revoke(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        for key in keys.order_by("pk"):
            services.revoke_key(key, by=cast(User, request.user), at=timezone.now())
        messages.success(request, _("These keys no longer work."))
