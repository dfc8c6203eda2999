"""Logging: one JSON object per line, from every process, with the id of the request that started the work."""

import re
import sys
import traceback
from typing import Any

import structlog
from structlog.typing import EventDict, Processor

from logistics.errors import DomainError


def without_values(_: object, __: str, event: EventDict) -> EventDict:
    """Replace `exc_info` by the error's class and where it happened.

    The message is left out: PostgreSQL quotes the row, SMTP the address, and logs must hold no personal data. For a
    DomainError, its code is logged.
    """
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        frames = traceback.extract_tb(error.__traceback__)
        ours = [frame for frame in frames[:-1] if "site-packages" not in frame.filename]
        shown = [*ours[-10:], *frames[-1:]]
        event["exception"] = " > ".join(f"{frame.filename}:{frame.lineno} {frame.name}" for frame in shown)
        event["error"] = type(error).__qualname__
        if isinstance(error, DomainError):
            event["error_code"] = error.code
    return event


# A segment of a path that may be a secret token: 20 characters or more, with a digit or a capital. File names have
# neither, or a suffix.
TOKEN_IN_PATH = re.compile(r"/(?=[\w~=:%-]*[0-9A-Z])[\w~=:%-]{20,}(?!\.)\b")
QUERY = re.compile(r"(/[^\s?'\"]*)\?[\w.-]+=[^\s'\"]*")
# Our own lines, which name no path, and where long words are ids of requests and files of ours.
NOT_MASKED = frozenset({"exception", "request_id", "timestamp"})


def without_tokens(_: object, __: str, event: EventDict) -> EventDict:
    """Mask what may be a secret in paths, whoever wrote the line: Django's loggers and gunicorn's write whole paths.

    A request that a logger adds becomes its method and its route.
    """
    for name, value in event.items():
        if hasattr(value, "resolver_match"):  # a request; its class is not loaded in the printer
            match = value.resolver_match
            event[name] = f"{value.method} {match.route if match else '(no route)'}"
        elif isinstance(value, str) and name not in NOT_MASKED:
            event[name] = QUERY.sub(r"\1?…", TOKEN_IN_PATH.sub("/…", value))
    return event


PROCESSORS: list[Processor] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    without_values,
    without_tokens,
]

structlog.configure(
    processors=[*PROCESSORS, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)


def logging_config(*, level: str) -> dict[str, Any]:
    """Return Django's LOGGING: JSON to standard error, newlines and control characters escaped."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {
                "()": structlog.stdlib.ProcessorFormatter,
                "processor": structlog.processors.JSONRenderer(ensure_ascii=True),
                "foreign_pre_chain": PROCESSORS,
            }
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # Verbose about fonts and CSS; documents.rendering listens at WARNING and raises what matters.
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "WARNING", "propagate": False},
            # Bodies and query parameters hold personal data.
            "stripe": {"level": "WARNING"},
            "django.db.backends": {"level": "WARNING"},
            # Logs the whole path, which holds ids and tokens; our own line has the route instead.
            "django.request": {"level": "CRITICAL"},
            "axes": {"level": "ERROR"},
            # Its own handler would write whole request lines as plain text.
            "gunicorn.error": {"level": "WARNING", "handlers": ["stderr"], "propagate": False},
            # Logs messages and tracebacks; django-structlog's own lines have no values.
            "celery.app.trace": {"level": "CRITICAL"},
            # One line per received message; ours says how the job ended.
            "celery.worker.strategy": {"level": "WARNING"},
        },
    }
