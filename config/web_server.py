"""gunicorn settings that need code: `gunicorn --config=python:config.web_server config.wsgi:application`."""

import os
import shutil
import tempfile
from typing import Any

# Set before any worker imports prometheus_client, which reads it once: each process counts in its own files in this
# folder, and /metrics adds them up.
_folder = os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", tempfile.mkdtemp(prefix="relief-metrics-"))

# The control socket is not used. Its path is the same for all servers of an account, so they would share it.
control_socket_disable = True


def child_exit(server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server: object) -> None:
    shutil.rmtree(_folder, ignore_errors=True)
