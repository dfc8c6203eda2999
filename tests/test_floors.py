"""No package is older than the release with a security fix, or differs from the version that was measured."""

import re
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ["requirements.txt", "requirements-dev.txt"]

# Minimum versions, and why.
FLOORS = {
    "django": ("5.2.19", "advisories of 2026 on caches, Vary and database functions"),
    "djangorestframework": ("3.18.3", "JSON bomb through a charset; tokens whose revocation did nothing"),
    "weasyprint": ("70.0", "fetchers that followed redirects to local addresses"),
    "pillow": ("13.0.0", "decoders that wrote out of bounds"),
}
# Exact versions, measured over 35 broker restarts; Celery 5.7.0 exits when Redis restarts.
PINS = {"celery": "5.6.3", "kombu": "5.6.2", "redis": "7.1.0"}


@pytest.mark.parametrize("package", FLOORS)
def test_an_installed_package_is_not_below_its_floor(package: str):
    floor, why = FLOORS[package]
    assert Version(version(package)) >= Version(floor), why


@pytest.mark.parametrize("package", PINS)
def test_an_installed_package_is_the_measured_version(package: str):
    assert version(package) == PINS[package]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_file_has_hashes_and_no_index(name: str):
    text = (ROOT / name).read_text()
    pinned = re.findall(r"^[a-z0-9][^\s=]*==", text, re.MULTILINE)
    unhashed = [block for block in re.split(r"\n(?=[a-z0-9])", text) if "==" in block and "--hash=sha256:" not in block]

    assert "://" not in text
    assert "--index" not in text
    assert "--find-links" not in text
    assert len(pinned) > 50
    assert unhashed == []


def test_installed_packages_match_the_lock_file():
    """Otherwise an outdated installation would test old packages."""
    locked = dict(re.findall(r"^([a-z0-9][\w.-]*)(?:\[[^]]*\])?==([^\s;]+) \\", (ROOT / LOCKS[1]).read_text(), re.M))

    differing = {name: wanted for name, wanted in locked.items() if version(name) != wanted}

    assert len(locked) > 80
    assert differing == {}
