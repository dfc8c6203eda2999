"""System checks of settings that would otherwise fail only in use."""

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning, register
from django.db import OperationalError, connection, connections


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


@register()
def check_sealed_database(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Refuse to look for ciphertexts in another database, such as the real one of a restore drill."""
    default, sealed = (connections[alias].settings_dict["NAME"] for alias in ("default", "sealed"))
    if default == sealed:
        return []
    hint = "Name the same database in both, with two roles."
    return [Error("SEALED_DATABASE_URL and DATABASE_URL name two databases.", hint=hint, id="logistics.E002")]


# Whether the role may act as the owner of any table, or create some; a superuser may do both.
OWNS = """
    SELECT has_schema_privilege('public', 'CREATE') OR EXISTS (
        SELECT FROM pg_class
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_has_role(relowner, 'USAGE')
    )
"""
# The schema exists after the first migration.
USES_SEALED = "SELECT FROM pg_namespace WHERE nspname = 'sealed' AND has_schema_privilege(oid, 'USAGE')"
ROLES_HINT = (
    "Make the roles of config/roles.sql and set OWNER_DATABASE_URL and SEALED_DATABASE_URL for `manage.py migrate`; see"
    " docs/operations.md, Database roles."
)


@register(deploy=True)
def check_database_role(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Warn if the application could change its tables and switch off their triggers. It asks the database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(OWNS)
            (owns,) = cursor.fetchone()
    except OperationalError:
        hint = "Start it, then repeat this check."
        return [Warning("The database does not answer, so its roles were not checked.", hint=hint, id="logistics.W004")]
    if not owns:
        return []
    return [
        Warning(
            "The role of DATABASE_URL owns the tables: a fault of the application could change them, and rows that"
            " must never change.",
            hint=ROLES_HINT,
            id="logistics.W003",
        )
    ]


@register(deploy=True)
def check_sealed_role(app_configs: object, **kwargs: object) -> list[CheckMessage]:
    """Warn if the application can read sealed ciphertexts, or if the role that has to cannot. It asks the database."""
    found: list[CheckMessage] = []
    if _uses_sealed("default"):
        message = "DATABASE_URL can read the ciphertexts of addresses, which only SEALED_DATABASE_URL needs to read."
        found.append(Warning(message, hint=ROLES_HINT, id="logistics.W005"))
    if not _uses_sealed("sealed"):
        message = "SEALED_DATABASE_URL cannot read the ciphertexts of addresses, so no address can be sealed or read."
        found.append(Warning(message, hint=ROLES_HINT, id="logistics.W006"))
    return found


def _uses_sealed(alias: str) -> bool:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute(USES_SEALED)
            return bool(cursor.rowcount)
    except OperationalError:
        return False
