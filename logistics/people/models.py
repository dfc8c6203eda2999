from datetime import datetime
from typing import ClassVar, TypedDict, Unpack

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower, Now
from django.utils.translation import gettext_lazy as _

from logistics import matrix, wording
from logistics.ids import moment_of, uuid7
from logistics.roles import STAFF_ROLES, Role


class UserFields(TypedDict, total=False):
    """The fields of a user besides email address and password."""

    name: str
    roles: list[str]
    language: str
    is_active: bool
    is_superuser: bool
    ends_at: datetime | None


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Unpack[UserFields]) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Unpack[UserFields]) -> "User":
        fields["is_superuser"] = True
        return self.create_user(email, password, **fields)

    def with_role(self, role: Role, *, at: datetime) -> "models.QuerySet[User]":
        """Return those who have a role and still work here: to whom its mails go."""
        return self.at_work(at=at).filter(roles__contains=[role])

    def at_work(self, *, at: datetime) -> "models.QuerySet[User]":
        """Return those whose accounts work."""
        works = Q(ends_at=None) | Q(ends_at__gt=at)
        return self.filter(works, is_active=True).order_by("pk")

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser):
    """A person or a partner's program; roles say what it may do."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    email = models.EmailField(_("email address"))
    name = models.CharField(_("name"), max_length=100)
    roles = ArrayField(models.CharField(max_length=20, choices=Role), default=list, blank=True, verbose_name=_("roles"))
    language = models.CharField(_("language"), max_length=10, choices=settings.LANGUAGES, default="en")
    is_active = models.BooleanField(_("active"), default=True)
    is_superuser = models.BooleanField(
        _("superuser"), default=False, help_text=_("Has all rights in the admin; for set-up only.")
    )
    ends_at = models.DateTimeField(
        _("access until"),
        null=True,
        blank=True,
        help_text=_("For temporary staff: after this time, sign-in and keys stop working. Blank: no end date."),
    )
    # From then on a session needs the second factor; empty until the person first signs in where it is required.
    second_factor_due_at = models.DateTimeField(_("second factor required from"), null=True, editable=False)
    created_at = models.DateTimeField(_("created at"), db_default=Now(), editable=False)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar = ["name"]
    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="an_email_belongs_to_one_user"),
            models.CheckConstraint(
                condition=Q(roles__contained_by=[role.value for role in Role]), name="the_roles_of_a_user_are_known"
            ),
        ]

    def __str__(self) -> str:
        return self.name or wording.of_moment(self._meta.verbose_name, moment_of(self.pk))

    def is_working(self, at: datetime) -> bool:
        """Return whether this user may sign in, and their keys work."""
        return self.is_active and (self.ends_at is None or self.ends_at > at)

    @property
    def is_staff(self) -> bool:
        """Whether the user may enter the admin."""
        return self.is_superuser or bool(STAFF_ROLES & set(self.roles))

    def get_full_name(self) -> str:
        """Return the name that the admin shows for the signed-in user."""
        return self.name

    def has_role(self, *roles: Role) -> bool:
        return self.is_active and (self.is_superuser or bool(set(self.roles) & set(roles)))

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """Return whether this user has an admin permission, such as `shipments.change_shipment`."""
        if not self.is_active:
            return False
        return self.is_superuser or (self.is_staff and matrix.may([Role(role) for role in self.roles], perm))

    def has_perms(self, perms: list[str], obj: object = None) -> bool:
        return all(self.has_perm(perm) for perm in perms)

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_active and self.is_staff


class ApiKey(models.Model):
    """A key with which a program acts as its user: `prefix.secret`; only a hash of the secret is stored."""

    id = models.UUIDField(_("ID"), primary_key=True, default=uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="api_keys", verbose_name=_("user"))
    name = models.CharField(_("name"), max_length=100, help_text=_("Where it is used, e.g. 'coordinator's phone'."))
    prefix = models.CharField(_("prefix"), max_length=12, unique=True, editable=False)
    secret_sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(_("created at"), editable=False)
    created_by = models.ForeignKey(
        User, null=True, on_delete=models.PROTECT, related_name="+", editable=False, verbose_name=_("created by")
    )
    expires_at = models.DateTimeField(_("expires at"))
    revoked_at = models.DateTimeField(_("revoked at"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=models.F("created_at")), name="an_api_key_expires_after_it_was_made"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"


class SecondFactor(models.Model):
    """The secret that a user's authenticator app shares with us (TOTP, RFC 6238), encrypted with FIELD_KEYS."""

    user = models.OneToOneField(User, primary_key=True, on_delete=models.PROTECT, related_name="second_factor")
    sealed = models.BinaryField()
    # The 30-second step of the last accepted code: neither it nor an earlier one is accepted again.
    last_step = models.BigIntegerField()
    set_up_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.user_id}"


class RecoveryCode(models.Model):
    """A code that replaces the authenticator app once. It has 80 random bits, so a plain hash is enough."""

    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="recovery_codes")
    sha256 = models.CharField(max_length=64)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("user", "sha256", name="recovery_codes_of_a_user_differ")]

    def __str__(self) -> str:
        return f"{self._meta.verbose_name} {self.pk}"
