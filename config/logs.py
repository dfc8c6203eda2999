"""One JSON object a line, from every process, with the request id that started the work."""

from typing import Any

import structlog

PROCESSORS: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
    structlog.processors.format_exc_info,
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
            # Fonts and CSS report here at length; documents.rendering listens at WARNING and raises what matters.
            "fontTools": {"level": "WARNING"},
            "weasyprint": {"level": "WARNING", "propagate": False},
            # Bodies and parameters of requests are personal data.
            "stripe": {"level": "WARNING"},
            "django.db.backends": {"level": "WARNING"},
            "axes": {"level": "ERROR"},
        },
    }
