"""Set-up messages on a machine that lacks something."""

import sys
from pathlib import Path

import pytest

from config.local import setup


@pytest.fixture
def bare(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Simulate a machine without any program, not even apt-get; return the only folder of its PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("TEST_BROWSER", raising=False)
    monkeypatch.setattr(setup, "BROWSERS", [name for name in setup.BROWSERS if "/" not in name])
    return tmp_path


def program(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return path


def test_without_a_browser_the_tests_are_refused_with_advice(bare: Path) -> None:
    program(bare, "pdftotext")
    program(bare, "qpdf")

    with pytest.raises(SystemExit) as refusal:
        setup.system_packages("test")

    said = str(refusal.value)
    assert "sudo apt-get install chromium\n" in said
    assert "sudo dnf install chromium\n" in said
    assert "brew install google-chrome" in said
    assert "TEST_BROWSER=" in said


def test_running_the_product_needs_no_browser(bare: Path) -> None:
    assert setup.missing_programs("run") == []
    assert "chromium" in setup.missing_programs("test")


APT_GET = """#!/bin/sh
echo "$@" >> {calls}
case "$*" in *"recommends {knows}") printf '#!/bin/sh\n' > {folder}/{knows}; /bin/chmod +x {folder}/{knows};; esac
"""


@pytest.mark.parametrize(
    ("known", "installs"),
    [
        ("chromium-headless-shell", ["chromium-headless-shell"]),
        ("chromium", ["chromium-headless-shell", "chromium"]),
    ],
)
def test_root_gets_the_small_browser_where_there_is_one(
    known: str, installs: list[str], bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare, "pdftotext")
    program(bare, "qpdf")
    calls = bare / "calls"
    program(bare, "apt-get").write_text(APT_GET.format(calls=calls, folder=bare, knows=known))
    monkeypatch.setattr(setup.os, "geteuid", lambda: 0)

    setup.system_packages("test")

    assert setup.browser() == str(bare / known)
    assert [call.split()[-1] for call in calls.read_text().splitlines()] == ["-qq", *installs]


@pytest.mark.parametrize("name", ["chromium-headless-shell", "chromium", "chromium-browser", "google-chrome"])
def test_a_browser_is_found_by_its_usual_names(name: str, bare: Path) -> None:
    path = program(bare, name)

    assert setup.browser() == str(path)


def test_a_configured_browser_is_used(bare: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(bare, "chromium")
    monkeypatch.setenv("TEST_BROWSER", sys.executable)
    named = setup.browser()
    monkeypatch.setenv("TEST_BROWSER", "/nowhere/chrome")

    assert named == sys.executable
    assert setup.browser() is None
