"""`make attack` runs every module of this package; the suite has its limits in tests/config/test_guessing.py."""

import importlib

import pytest

from tests.attacks.__main__ import names


def test_every_attack_is_found():
    assert {"guessing", "hostile_files"} <= set(names())


@pytest.mark.parametrize("name", names())
def test_an_attack_runs_and_says_whether_the_product_held(name: str):
    attack = importlib.import_module(f"tests.attacks.{name}")

    assert callable(attack.run)
    assert callable(attack.holds)
