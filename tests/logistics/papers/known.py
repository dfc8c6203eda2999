"""Make printers use the papers of the tests, and start the tests' child instead of the product's."""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from django.conf import settings

from logistics.documents.printer import process

FOLDER = Path(__file__).parent / "templates"
PROGRAM = "tests.logistics.papers.child"


@contextmanager
def known_to_printers():
    """Child processes started meanwhile know the templates beside this file, and run child.py."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(settings.TEMPLATES[0], DIRS=[FOLDER]))
        stack.enter_context(mock.patch.object(process, "PROGRAM", PROGRAM))
        yield
