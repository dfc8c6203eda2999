"""The settings that a printing process needs: folders of templates and translations, languages, logging.

They are plain values: a process with the whole product collects them (`of_product`), and the printer uses them
(`apply`). It loads no app or model, but finds the same templates and translations.
"""

import logging.config
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from django.apps import apps
from django.conf import settings
from django.template.utils import get_app_template_dirs

from logistics.logs import logging_config

DJANGO_TEMPLATES = "django.template.backends.django.DjangoTemplates"
TAKEN_OVER = ("LANGUAGES", "LANGUAGE_CODE", "TIME_ZONE", "USE_I18N", "USE_TZ")


def template_folders() -> list[str]:
    """Return the template folders in search order: those in the settings, then those of the apps."""
    named = cast(Sequence[Path], settings.TEMPLATES[0].get("DIRS", []))
    return [str(folder) for folder in (*named, *get_app_template_dirs("templates"))]


def of_product() -> dict[str, object]:
    """Return the settings for `apply` as JSON values, in a process where Django is set up. None is a secret."""
    of_apps = [Path(app.path) / "locale" for app in apps.get_app_configs()]
    return {
        **{name: getattr(settings, name) for name in TAKEN_OVER},
        "TEMPLATES": [{"BACKEND": DJANGO_TEMPLATES, "DIRS": template_folders()}],
        # In Django's order: earlier folders take precedence.
        "LOCALE_PATHS": [*map(str, settings.LOCALE_PATHS), *(str(folder) for folder in of_apps if folder.is_dir())],
        "LOG_LEVEL": settings.LOGGING["root"]["level"],
    }


def apply(values: dict[str, object]) -> None:
    """Set up Django with these settings alone, in a process where it is not set up yet.

    Not by django.setup, whose logging set-up loads the ORM, mail and HTTP: ten megabytes that printing does not need.
    """
    logging.config.dictConfig(logging_config(level=str(values["LOG_LEVEL"])))
    settings.configure(**values)
    os.environ["TZ"] = settings.TIME_ZONE
    time.tzset()
    apps.populate(())
