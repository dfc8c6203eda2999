"""Inspect the broker's queues."""

import base64
import json
from typing import Any

from celery import current_app


def queued_for(queue: str) -> int:
    return len(queued_in(queue))


def queued_in(queue: str) -> list[dict[str, Any]]:
    """Return the messages of a queue, the one that is taken next first."""
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        return [json.loads(message) for message in reversed(channel.client.lrange(queue, 0, -1))]


def row_of(message: dict[str, Any]) -> str:
    """Return the id of the row that a message is about."""
    arguments, *_ = json.loads(base64.b64decode(message["body"]))
    return str(arguments[0])
