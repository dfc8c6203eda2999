from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.people import services
from logistics.people.models import User


class EndsKeys:
    """Revokes a user's API keys when the password changes by any door: somebody may have learned both.

    Django tells each of AUTH_PASSWORD_VALIDATORS of a new password once it is stored.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Accept any password: this is no check."""

    def password_changed(self, password: str, user: User | None = None) -> None:
        if user is not None:
            services.revoke_keys(user, by=None, at=timezone.now())

    def get_help_text(self) -> str:
        return _("Your API keys stop working when your password changes.")
