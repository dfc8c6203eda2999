"""The product's settings with papers of the tests, for printers of the tests: DJANGO_SETTINGS_MODULE names it."""

import os

from config.settings import *  # noqa: F403

INSTALLED_APPS += ["tests.logistics.papers"]  # noqa: F405

# What is written while a printer works must not get between its answers, whoever writes it.
print("noise")
os.write(1, b"\x00\x00\x00\x02\x00\x00\x00\x00{}")
