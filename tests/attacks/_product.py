"""The product that is attacked: real processes on throw-away stores, with the limits of production."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import services
from tests.journeys.place import place_of
from tests.journeys.story import Place
from tests.processes import Instance


@contextmanager
def attacked(*programs: str) -> Iterator[tuple[Instance, Place]]:
    """Start a product behind one proxy, so that each attacker has an address of its own, with its staff."""
    services.ensure_started()
    with tempfile.TemporaryDirectory(prefix=services.PREFIX) as name:
        folder = Path(name)
        with Instance.started(folder, *programs, settings={"TRUSTED_PROXIES": "1"}) as product:
            product.env["LOG_LEVEL"] = "WARNING"  # of management commands, whose log is printed among the figures
            yield product, place_of(product, keep=folder)


def addresses(count: int) -> list[str]:
    return [f"198.51.{number // 250}.{number % 250 + 1}" for number in range(count)]
