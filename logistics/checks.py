"""System checks of settings that would otherwise fail only in use."""

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register


@register()
def check_field_keys(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Warn if the addresses of sites could not be encrypted."""
    hint = "Make one: python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
    if not settings.FIELD_KEYS:
        return [
            Warning("FIELD_KEYS is empty: site addresses cannot be encrypted or read.", hint=hint, id="logistics.W001")
        ]
    for key in settings.FIELD_KEYS:
        try:
            Fernet(key)
        except ValueError:
            return [Warning("FIELD_KEYS holds an invalid Fernet key.", hint=hint, id="logistics.W002")]
    return []


@register()
def check_paper_limits(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Refuse a paper limit above the task limit, which would always strike first: a dead paper could not say why."""
    if settings.PAPER_WALL_SECONDS < settings.CELERY_TASK_SOFT_TIME_LIMIT:
        return []
    hint = f"It must be below CELERY_TASK_SOFT_TIME_LIMIT, which is {settings.CELERY_TASK_SOFT_TIME_LIMIT} s."
    return [Error("PAPER_WALL_SECONDS is too long.", hint=hint, id="logistics.E001")]
