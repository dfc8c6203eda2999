"""The attack of `python -m tests.attacks.card_testing`, in short."""

import pytest

from tests.attacks import card_testing


@pytest.mark.long  # tests/donations/test_card_testing.py has each limit by itself
@pytest.mark.processes
def test_card_testers_are_stopped_and_donors_are_not() -> None:
    figures = card_testing.run(tries=36, donors=3)

    assert card_testing.holds(figures), figures
    assert figures["challenges to bots"] > 0
