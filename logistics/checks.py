"""Settings without which something would fail late, in somebody's hands."""

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def check_field_keys(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Warn when the address of a site could not be sealed."""
    hint = "Make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
    if not settings.FIELD_KEYS:
        return [
            Warning("FIELD_KEYS is empty: no site's address can be sealed or read.", hint=hint, id="logistics.W001")
        ]
    for key in settings.FIELD_KEYS:
        try:
            Fernet(key)
        except ValueError:
            return [Warning("FIELD_KEYS holds something that is no Fernet key.", hint=hint, id="logistics.W002")]
    return []


@register()
def check_paper_limits(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Refuse a limit of papers that the limit of tasks would always be quicker than: a dead paper could not say why."""
    if settings.PAPER_WALL_SECONDS < settings.CELERY_TASK_SOFT_TIME_LIMIT:
        return []
    hint = f"It must be below CELERY_TASK_SOFT_TIME_LIMIT, which is {settings.CELERY_TASK_SOFT_TIME_LIMIT} s."
    return [Error("PAPER_WALL_SECONDS is too long.", hint=hint, id="logistics.E001")]
