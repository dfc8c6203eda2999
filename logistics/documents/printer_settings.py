"""What a process that prints needs of the product: folders of templates and of words, languages, and how it logs.

Plain values, which a process that has the whole product takes from it (`of_product`), and a smaller one lives by
(`apply`): it loads no app, no model and nothing that these load, and sees the same templates in the same words.
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
    """Where papers find their templates, first come first served: those that settings name, then those of apps."""
    named = cast(Sequence[Path], settings.TEMPLATES[0].get("DIRS", []))
    return [str(folder) for folder in (*named, *get_app_template_dirs("templates"))]


def of_product() -> dict[str, object]:
    """Settings for `apply`, JSON throughout, from a process in which Django is set up. No secret is among them."""
    of_apps = [Path(app.path) / "locale" for app in apps.get_app_configs()]
    return {
        **{name: getattr(settings, name) for name in TAKEN_OVER},
        "TEMPLATES": [{"BACKEND": DJANGO_TEMPLATES, "DIRS": template_folders()}],
        # In Django's order: what an earlier folder says, no later one says otherwise.
        "LOCALE_PATHS": [*map(str, settings.LOCALE_PATHS), *(str(folder) for folder in of_apps if folder.is_dir())],
        "LOG_LEVEL": settings.LOGGING["root"]["level"],
    }


def apply(told: dict[str, object]) -> None:
    """Set Django up by these settings alone, in a process that has not set it up yet.

    Not by django.setup, whose way to set logging up loads the ORM, mail and HTTP: ten megabytes that print nothing.
    """
    logging.config.dictConfig(logging_config(level=str(told["LOG_LEVEL"])))
    settings.configure(**told)
    os.environ["TZ"] = settings.TIME_ZONE
    time.tzset()
    apps.populate(())
