"""Benchmarks run only on request (`make bench`): the test suite does not check speed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from tests.benchmarks.measuring import Report


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    return None if config.getoption("--benchmarks") else True


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> Iterator[Report]:
    made = Report()
    yield made
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        console = Console(width=130)
        console.print()
        made.show(console)
