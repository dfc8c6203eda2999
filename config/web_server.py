"""gunicorn settings that need code: `gunicorn --config=python:config.web_server config.wsgi:application`."""

import os
import shutil
import tempfile
from typing import Any

from logistics.logs import logging_config

# Set before any worker imports prometheus_client, which reads it once: each process counts in its own files in this
# folder, and /metrics adds them up.
_is_ours = "PROMETHEUS_MULTIPROC_DIR" not in os.environ
if _is_ours:
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = tempfile.mkdtemp(prefix="relief-metrics-")

# The control socket is not used. Its path is the same for all servers of an account, so they would share it.
control_socket_disable = True

# gunicorn's lines as the product's: one JSON object each, without secrets in paths. There is no access log, because the
# product writes a line for each request, with its route; if somebody turns it on, it has no paths either.
logconfig_dict = logging_config(level="WARNING") | {"root": {"handlers": ["stderr"], "level": "WARNING"}}
access_log_format = "%(m)s %(s)s %(b)s %(L)s"


def child_exit(server: object, worker: Any) -> None:
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def on_exit(server: object) -> None:
    if _is_ours:
        shutil.rmtree(os.environ["PROMETHEUS_MULTIPROC_DIR"], ignore_errors=True)
