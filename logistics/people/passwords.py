import re

from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext as _

from logistics.people import services
from logistics.people.models import User

GUESSES_MIN = 10**8
READ_MAX = 72  # characters that are judged: the time grows with the square of the length


class HardToGuess:
    """Refuses passwords that need fewer than 100 million guesses, as zxcvbn counts them, without asking any service.

    It knows 30,000 passwords from breaches, 100,000 words and names, the person's own name and address, keyboard rows,
    dates, repeats and letters written as digits. It finds them as parts of a longer password too, so "Password1234!"
    is refused although it is on no list.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        from zxcvbn import zxcvbn  # here, because its lists take 0.2 s to load and are rarely needed

        own = re.split(r"[\W_]+", f"{user.name} {user.email}") if user is not None else []
        if zxcvbn(password[:READ_MAX], user_inputs=[word for word in own if len(word) > 2])["guesses"] < GUESSES_MIN:
            raise ValidationError(
                _("This password is too easy to guess. Choose several words that do not belong together.")
            )

    def get_help_text(self) -> str:
        return _("Choose several words that do not belong together. Common passwords and patterns are refused.")


class EndsKeys:
    """Revokes a user's API keys when the password changes by any door: somebody may have learned both.

    Django tells each of AUTH_PASSWORD_VALIDATORS of a new password once it is stored.
    """

    def validate(self, password: str, user: User | None = None) -> None:
        """Accept any password; this validator only acts on changes."""

    def password_changed(self, password: str, user: User | None = None) -> None:
        if user is not None:
            services.revoke_keys(user, by=None, at=timezone.now())

    def get_help_text(self) -> str:
        return _("Your API keys stop working when your password changes.")
