"""The Celery application."""

import subprocess
import sys


def test_workers_keep_what_was_imported_out_of_garbage_collections() -> None:
    """In a process of its own: the tests' one is frozen already."""
    code = """
import gc
from celery.signals import worker_init
import config.celery
worker_init.send(sender=None)
print(gc.get_freeze_count())
"""

    told = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)

    assert int(told.stdout) > 10_000
