"""Inspect the broker's queues."""

from typing import Any

from celery import current_app


def queued_for(queue: str) -> int:
    with current_app.connection_for_write() as broker:
        channel: Any = broker.default_channel
        return int(channel.client.llen(queue))
