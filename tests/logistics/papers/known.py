"""Has printers know the papers of the tests, and start the child of the tests in place of the product's."""

from contextlib import ExitStack, contextmanager
from pathlib import Path
from unittest import mock

from django.conf import settings

from logistics.documents.printer import process

FOLDER = Path(__file__).parent / "templates"
PROGRAM = "tests.logistics.papers.child"


@contextmanager
def known_to_printers():
    """Children that are started meanwhile know the templates beside this file, and answer as child.py says."""
    with ExitStack() as stack:
        stack.enter_context(mock.patch.dict(settings.TEMPLATES[0], DIRS=[FOLDER]))
        stack.enter_context(mock.patch.object(process, "PROGRAM", PROGRAM))
        yield
