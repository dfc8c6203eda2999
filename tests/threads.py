"""Run the same work in several threads."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from django.db import connections

Result = TypeVar("Result")


def in_threads(work: Callable[[int], Result], times: int = 8) -> list[Result]:
    """Run `work` with 0, 1, 2 ... concurrently, each with its own database connections."""

    def run(number: int) -> Result:
        try:
            return work(number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(run, range(times)))
