"""All settings, from the environment only; the table in README.md explains each variable."""

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF

from config import admin_theme, openapi_settings
from logistics.logs import logging_config

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()

# --- Core -----------------------------------------------------------------------------------
# On a developer's machine: demonstration data, a stand-in for Stripe, static files straight from the folders.
DEVELOPMENT = env.bool("DEBUG", default=False)
# Django's own pages for errors would show code and settings. Whoever tries the product sees what its users will see.
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY")
# Earlier keys: with them, sessions and links in old mails stay valid after a key is replaced.
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
# The public address: used in mails, in QR codes on papers and as Stripe's return address.
PUBLIC_URL = env.str("PUBLIC_URL", default="http://localhost:8000").rstrip("/")
VAR_DIR = Path(env.str("VAR_DIR", default=str(BASE_DIR / "var")))
HTTPS = PUBLIC_URL.startswith("https://")
# Number of proxies in front that add to X-Forwarded-For; 0: none, so the header is not trusted.
TRUSTED_PROXIES = env.int("TRUSTED_PROXIES", default=0)

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "config.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "pgtrigger",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "axes",
    "csp",
    "django_structlog",
    "logistics",
    "shipments",
    "donations",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.middleware.RequestLogMiddleware",
    "config.metrics.RequestMetricsMiddleware",
    "config.middleware.PrivateByDefaultMiddleware",
    "config.middleware.RefuseEarlyMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "config.middleware.LocalTimeMiddleware",
    "config.middleware.SealedTextMiddleware",
    "config.middleware.BusyMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "config.middleware.AdminPolicyMiddleware",
    "axes.middleware.AxesMiddleware",
    "config.guessing.GuessingMiddleware",
]
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "csp.context_processors.nonce",
            ]
        },
    }
]


# --- Database -------------------------------------------------------------------------------
# With both pool and health checks, no request failed during a PostgreSQL restart (logistics/README.md).
def database(url: str, *, pool_min: int, pool_max: int) -> dict[str, Any]:
    """Return Django's settings of connections to the database at a URL."""
    found: dict[str, Any] = env.db_url_config(url)
    options = found.get("OPTIONS", {}) | {
        "pool": {"min_size": pool_min, "max_size": pool_max, "timeout": 10},
        "options": (
            f"-c statement_timeout={env.int('DATABASE_STATEMENT_TIMEOUT_MS', default=5000)}"
            " -c lock_timeout=3000 -c idle_in_transaction_session_timeout=15000"
        ),
    }
    return found | {"ENGINE": "config.postgresql", "CONN_HEALTH_CHECKS": True, "OPTIONS": options}


DATABASE_URL = env.str("DATABASE_URL")
POOL = {
    "pool_min": env.int("DATABASE_POOL_MIN", default=1),
    "pool_max": env.int("DATABASE_POOL_MAX", default=8),
}
# The role that alone may use the schema of sealed addresses. Empty: the same as everything else.
SEALED_DATABASE_URL = env.str("SEALED_DATABASE_URL", default="")
DATABASES = {
    "default": database(DATABASE_URL, **POOL),
    # Used by logistics/partners/vault.py only, and seldom.
    "sealed": database(SEALED_DATABASE_URL or DATABASE_URL, pool_min=0, pool_max=2),
}
# The owner of the tables, as whom `migrate` connects. Empty: as everything else, and the one role may do everything.
OWNER_DATABASE_URL = env.str("OWNER_DATABASE_URL", default="")
OWNER_DATABASE = database(OWNER_DATABASE_URL, **POOL) if OWNER_DATABASE_URL else {}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Broker, cache and tasks ----------------------------------------------------------------
REDIS_URL = env.str("REDIS_URL")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
        "KEY_PREFIX": "relief",
    }
}
# Each setting prevents a loss that was measured: see "Settings that were measured" in logistics/README.md.
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_TIME_LIMIT = 120
CELERY_TASK_SOFT_TIME_LIMIT = 100
CELERY_TASK_DEFAULT_QUEUE = "2-soon"  # of periodic tasks; each job names its own: see logistics/jobs/lanes.py
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 5_000  # a new child starts a new printer, which takes a second of a core
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# More than 4 x the tasks' hard limit (120 s): a shorter timeout makes long tasks loop.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    # A web process must not hang on a half-open connection; a worker's blocking read needs longer.
    "socket_timeout": env.float("BROKER_SOCKET_TIMEOUT", default=1.0),
    "socket_connect_timeout": 1,
    "socket_keepalive": True,
    "health_check_interval": 10,
    # A publish that cannot connect fails at once; kombu would otherwise retry for 6 s while the donor waits.
    "max_retries": 0,
    # A worker empties its queues in alphabetical order; "priority" would follow the order of a set.
    "queue_order_strategy": "sorted",
}

# --- Files ----------------------------------------------------------------------------------
# Issued papers and uploads. S3_BUCKET set: an S3-compatible store; otherwise the folder var/files.
S3_BUCKET = env.str("S3_BUCKET", default="")
STORAGES = {
    "default": (
        {
            "BACKEND": "storages.backends.s3.S3Storage",
            "OPTIONS": {
                "bucket_name": S3_BUCKET,
                "endpoint_url": env.str("S3_ENDPOINT_URL", default="") or None,
                "access_key": env.str("S3_ACCESS_KEY", default="") or None,
                "secret_key": env.str("S3_SECRET_KEY", default="") or None,
                "region_name": env.str("S3_REGION", default="") or None,
                "file_overwrite": True,  # names are content hashes: the same name is the same file
                "querystring_auth": True,
            },
        }
        if S3_BUCKET
        else {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(VAR_DIR / "files"), "allow_overwrite": True},
        }
    ),
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage"
            if DEVELOPMENT
            else "whitenoise.storage.CompressedManifestStaticFilesStorage"
        )
    },
}
STATIC_URL = "/static/"
STATIC_ROOT = Path(env.str("STATIC_ROOT", default=str(VAR_DIR / "static")))
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEVELOPMENT
# How long browsers may keep files whose names do not change with their content (seconds).
WHITENOISE_MAX_AGE = env.int("STATIC_MAX_AGE", default=0 if DEVELOPMENT else 60)
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000
# Limits of printing one paper. The wall-clock limit is below the tasks' limit, so that a failed paper says why.
PAPER_MEMORY_MB = env.int("PAPER_MEMORY_MB", default=2048)
PAPER_CPU_SECONDS = env.int("PAPER_CPU_SECONDS", default=60)
PAPER_WALL_SECONDS = env.int("PAPER_WALL_SECONDS", default=90)
# Largest manifest spreadsheet; the Mali shipment's is 44 kB.
UPLOAD_MAX_BYTES = 10_000_000

# --- Mail -----------------------------------------------------------------------------------
# EMAIL_URL as django-environ reads it (smtp+tls://user:password@host:587); default: files in var/mail.
EMAIL_CONFIG = env.email_url("EMAIL_URL", default=f"filemail://{VAR_DIR}/mail")
EMAIL_BACKEND = EMAIL_CONFIG["EMAIL_BACKEND"]
# django-environ drops the first slash of the path.
EMAIL_FILE_PATH = f"/{EMAIL_CONFIG['EMAIL_FILE_PATH']}" if EMAIL_CONFIG.get("EMAIL_FILE_PATH") else None
EMAIL_HOST = EMAIL_CONFIG.get("EMAIL_HOST") or "localhost"
EMAIL_PORT = EMAIL_CONFIG.get("EMAIL_PORT") or 25
EMAIL_HOST_USER = EMAIL_CONFIG.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = EMAIL_CONFIG.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = bool(EMAIL_CONFIG.get("EMAIL_USE_TLS"))
EMAIL_USE_SSL = bool(EMAIL_CONFIG.get("EMAIL_USE_SSL"))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="giving@example.org")

# --- Payments -------------------------------------------------------------------------------
STRIPE_SECRET_KEY = env.str("STRIPE_SECRET_KEY", default="")
STRIPE_WEBHOOK_SECRETS = env.list("STRIPE_WEBHOOK_SECRETS", default=[])
# Empty: Stripe itself. Anything else is a stand-in, refused unless DEVELOPMENT.
STRIPE_API_BASE = env.str("STRIPE_API_BASE", default="")
# Unpaid checkouts per hour by network address and by email, and all in total: card testers try thousands.
GIVE_LIMITS = {
    "address": env.int("GIVE_PER_ADDRESS", default=10),
    "email": env.int("GIVE_PER_EMAIL", default=10),
    "world": env.int("GIVE_PER_HOUR", default=2000),
}
# Declined cards per hour after which a checkout is closed, and its address must pass a challenge.
GIVE_DECLINES = env.int("GIVE_DECLINES", default=5)
# An alarm rings if an hour has more of these than usual; below these numbers it never does.
GIVE_ALARM_FLOORS = {
    "attempts": env.int("GIVE_ALARM_ATTEMPTS", default=100),
    "declines": env.int("GIVE_ALARM_DECLINES", default=20),
    "challenges": env.int("GIVE_ALARM_CHALLENGES", default=20),
}
# What one person in finance may refund of a gift, in whole units by currency ("HKD=10000,XOF=750000"). Above it, and in
# other currencies, a second person must approve.
REFUND_ALONE_UP_TO = env.dict(
    "REFUND_ALONE_UP_TO",
    default={"HKD": "10000", "USD": "1250", "EUR": "1250", "GBP": "1000", "XOF": "750000"},
)
# Rounds of PBKDF2 in each of about a thousand steps of a challenge: 1000 take a phone one to three seconds.
GIVE_CHALLENGE_ROUNDS = env.int("GIVE_CHALLENGE_ROUNDS", default=1000)

# --- People and secrets ---------------------------------------------------------------------
AUTH_USER_MODEL = "logistics.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "logistics.people.backends.RoleBackend",
]
PASSWORD_HASHERS = ["logistics.people.hashers.PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
    {"NAME": "logistics.people.passwords.HardToGuess"},
    {"NAME": "logistics.people.passwords.EndsKeys"},
]
# Staff must have a second factor, this long after the first sign-in at which it is required. Otherwise they may.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=not DEVELOPMENT)
SECOND_FACTOR_GRACE = timedelta(days=env.int("SECOND_FACTOR_GRACE_DAYS", default=14))
# For what needs a recent sign-in, such as issuing a key: how recent.
RECENT_SIGN_IN_MINUTES = env.int("RECENT_SIGN_IN_MINUTES", default=5)
PASSWORD_RESET_TIMEOUT = 3 * 24 * 3600  # how long the link of an invitation works
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "logistics.people.backends.guessed_email"
AXES_CLIENT_IP_CALLABLE = "logistics.visitors.address_of"
AXES_VERBOSE = False
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password", "code"]
AXES_LOCKOUT_CALLABLE = "config.errors.locked_out"
# Fernet keys for encrypted columns, newest first; older ones still decrypt.
FIELD_KEYS = env.list("FIELD_KEYS", default=[])

SESSION_ENGINE = "logistics.people.sessions"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_COOKIE_HTTPONLY = True
SECURE_SSL_REDIRECT = False  # the proxy's job; health checks come over plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
# Secret URLs (a gift's page, the mailed link) are not sent to other sites. The stricter "no-referrer" makes browsers
# post forms with `Origin: null`, which Django refuses: no page may set it.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_TRUSTED_ORIGINS = [PUBLIC_URL]
CSRF_FAILURE_VIEW = "config.errors.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "frame-ancestors": [NONE],
        "form-action": [SELF, "https://checkout.stripe.com", *([STRIPE_API_BASE] if STRIPE_API_BASE else [])],
    },
}

# --- Languages and time ---------------------------------------------------------------------
LANGUAGE_CODE = "en"
FORMAT_MODULE_PATH = ["config.formats"]
LANGUAGES = [("en", "English"), ("fr", "Français")]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"  # people see the charity's (logistics.charity.services.day_of)
LOCALE_PATHS = [BASE_DIR / "config" / "locale"]  # each app has its own as well

# --- API ------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "logistics.people.authentication.ApiKeyAuthentication",
        "logistics.people.authentication.StaffSession",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["logistics.permissions.NobodyUnlessAllowed"],
    "DEFAULT_RENDERER_CLASSES": ["config.rendering.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["logistics.parsers.JSONParser"],
    "DEFAULT_PAGINATION_CLASS": "config.pagination.CursorPagination",
    "DEFAULT_FILTER_BACKENDS": [
        "config.api.FilterBackend",
        "config.api.SearchFilter",
        "config.api.OrderingFilter",
    ],
    "DEFAULT_SCHEMA_CLASS": "config.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "config.api.exception_handler",
    "DEFAULT_THROTTLE_CLASSES": ["config.throttling.CallerThrottle"],
    "DEFAULT_THROTTLE_RATES": {
        "anonymous": env.str("RATE_ANONYMOUS", default="120/min"),
        "caller": env.str("RATE_CALLER", default="1200/min"),
        "give": env.str("RATE_GIVE", default="300/hour"),
    },
    "UNICODE_JSON": True,
    "COERCE_DECIMAL_TO_STRING": True,
}
SPECTACULAR_SETTINGS = openapi_settings.SPECTACULAR

# --- Admin ----------------------------------------------------------------------------------
UNFOLD = admin_theme.UNFOLD

# --- Monitoring -----------------------------------------------------------------------------
# The bearer token that /metrics requires. Empty: only programs on this machine get an answer.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- Checks ---------------------------------------------------------------------------------
# W004: email addresses are unique regardless of case, by a constraint on Lower("email").
SILENCED_SYSTEM_CHECKS = ["auth.W004"]

# --- Logs -----------------------------------------------------------------------------------
LOGGING = logging_config(level=env.str("LOG_LEVEL", default="INFO"))
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_IP_LOGGING_ENABLED = False
DJANGO_STRUCTLOG_USER_ID_FIELD = "pk"
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = TRUSTED_PROXIES > 0
# One line per request (config.middleware) and per job: the one with its outcome.
DJANGO_STRUCTLOG_CELERY_TASK_START_LOG_LEVEL = logging.DEBUG
