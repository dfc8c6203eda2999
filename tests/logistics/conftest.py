from collections.abc import Iterator

import pytest
from celery import current_app


@pytest.fixture
def dead_broker() -> Iterator[None]:
    """Nobody listens where the broker should be."""
    was = current_app.conf.broker_url
    _broker("redis://127.0.0.1:9/0")
    yield
    _broker(was)


def _broker(url: str) -> None:
    current_app.conf.broker_url = url
    current_app.conf.broker_write_url = url
    # What a forked worker does: forget the producers, which keep their connections.
    current_app._after_fork()
