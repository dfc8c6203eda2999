"""Make this clone ready to run: virtual environment, locked packages, text libraries, translations.

    python3 config/local/setup.py [--for run|test]

Uses the standard library only, as it runs before anything is installed. Each step leaves a stamp and is skipped
while its inputs are unchanged, so that this takes a few milliseconds in a clone that is ready.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
LOCK = ROOT / "requirements-dev.txt"
OLDEST = (3, 11)
PACKAGES_NEED = 1_200  # MB

# WeasyPrint draws text with these (Debian's names); tests also need two programs to read finished papers, and a browser
# to submit forms.
TEXT_PACKAGES = ["libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0"]
CHECK_PROGRAMS = {"pdftotext": "poppler-utils", "qpdf": "qpdf"}
SMALL_BROWSER = "chromium-headless-shell"  # Debian's; the same engine without windows: half the work for each page
BROWSERS = [
    SMALL_BROWSER,
    *("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
]
TEXT_CHECK = "import sys; from weasyprint.text import ffi; sys.exit(ffi.harfbuzz_subset is None)"
HOW_TO = {
    "Debian, Ubuntu": "sudo apt-get install {debian}",
    "Fedora": "sudo dnf install {fedora}",
    "macOS": "brew install {macos}   (Apple silicon: export DYLD_FALLBACK_LIBRARY_PATH=/opt/homebrew/lib)",
}
NAMES = {  # Debian's name: Fedora's, Homebrew's
    "libpango-1.0-0": ("pango", "pango"),
    "libpangoft2-1.0-0": ("pango", "pango"),
    "libharfbuzz-subset0": ("harfbuzz", "harfbuzz"),
    "poppler-utils": ("poppler-utils", "poppler"),
    "qpdf": ("qpdf", "qpdf"),
    "chromium": ("chromium", "google-chrome"),
}


def say(text: str) -> None:
    print(text, flush=True)


def check_python() -> None:
    if sys.version_info < OLDEST:
        found = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"Python {OLDEST[0]}.{OLDEST[1]} or newer is needed; {sys.executable} is {found}.\n"
            "  Debian 12, Ubuntu: sudo apt-get install python3 python3-venv\n"
            "  Fedora:            sudo dnf install python3\n"
            "  macOS:             brew install python@3.12\n"
            "To choose another one: make PYTHON=/path/to/python3.11 ..."
        )


def digest(*parts: bytes) -> str:
    return hashlib.sha256(b"\0".join(parts)).hexdigest()


def unless_stamped(name: str, state: str, what: str, do: Callable[[], None]) -> None:
    """Do a step and say how long it took, unless its stamp shows that it was done for this state."""
    stamp = VENV / f".{name}"
    if stamp.exists() and stamp.read_text() == state:
        return
    say(f"setting up: {what} ...")
    began = time.monotonic()
    do()
    stamp.write_text(state)
    say(f"setting up: {what}: {time.monotonic() - began:.1f} s")


def check_room() -> None:
    """Exit if the packages will not fit: pip would fail only after minutes, and hardly say why."""
    free = shutil.disk_usage(ROOT).free // 1_000_000
    if free < PACKAGES_NEED:
        sys.exit(
            f"The disk that holds {ROOT} has {free} MB free, and the packages need about {PACKAGES_NEED} MB. Free some"
            " space, or clone to another disk, then repeat your command."
        )


def make_venv() -> None:
    check_room()
    done = subprocess.run([sys.executable, "-m", "venv", "--clear", str(VENV)], check=False)
    if done.returncode:
        sys.exit(
            "This Python cannot make virtual environments. On Debian and Ubuntu: sudo apt-get install python3-venv"
        )


def install_packages() -> None:
    """Install exactly what the lock file names; pip refuses a file with another hash."""
    command = [str(PYTHON), "-m", "pip", "install", "--require-hashes", "--no-deps", "-r", str(LOCK)]
    quiet = [*command, "-qq", "--disable-pip-version-check", "--no-input"]
    if subprocess.run(quiet, cwd=ROOT, check=False).returncode:
        sys.exit(
            "The packages of requirements-dev.txt could not be installed; pip says why above. Without a network,"
            " pip's own settings (PIP_INDEX_URL, PIP_FIND_LINKS) name another place to install from."
        )


def text_libraries_work() -> bool:
    return (
        subprocess.run([str(PYTHON), "-W", "ignore", "-c", TEXT_CHECK], capture_output=True, check=False).returncode
        == 0
    )


def browser() -> str | None:
    """Return the Chromium in which tests submit forms: the one that TEST_BROWSER names, or the first one found."""
    named = os.environ.get("TEST_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else BROWSERS)), None)


def missing_programs(purpose: str) -> list[str]:
    if purpose != "test":
        return []
    missing = [package for program, package in CHECK_PROGRAMS.items() if not shutil.which(program)]
    return missing if browser() else [*missing, "chromium"]


def missing_packages(purpose: str) -> list[str]:
    return ([] if text_libraries_work() else list(TEXT_PACKAGES)) + missing_programs(purpose)


def how_to_install(packages: list[str]) -> str:
    words = {
        "debian": " ".join(packages),
        "fedora": " ".join(dict.fromkeys(NAMES[package][0] for package in packages)),
        "macos": " ".join(dict.fromkeys(NAMES[package][1] for package in packages)),
    }
    return "\n".join(f"  {system + ':':16}{command.format(**words)}" for system, command in HOW_TO.items())


def apt_get(command: str, *arguments: str) -> None:
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", command, "-qq", *arguments], env=quiet, stdout=subprocess.DEVNULL, check=False)


def system_packages(purpose: str) -> None:
    """Install missing system packages if we may (apt as root); otherwise exit and say what to install."""
    missing = missing_packages(purpose)
    small = (
        [] if purpose != "test" or os.environ.get("TEST_BROWSER") or shutil.which(SMALL_BROWSER) else [SMALL_BROWSER]
    )
    if (missing or small) and os.geteuid() == 0 and shutil.which("apt-get"):
        # The lists of a fresh image are empty or old; a machine without a network can still have the packages.
        apt_get("update")
        if small:  # not every distribution has it; a full browser will do
            apt_get("install", "-y", "--no-install-recommends", *small)
            missing = missing_packages(purpose)
        if missing:
            apt_get("install", "-y", "--no-install-recommends", *missing)
            missing = missing_packages(purpose)
    if missing:
        wanted = "Papers are drawn with text libraries of the system"
        if purpose == "test":
            wanted = "The tests look into papers and submit forms in Chromium"
        another = "  TEST_BROWSER=/path/to/chrome names another browser." if "chromium" in missing else ""
        sys.exit(
            f"{wanted}; some of what they need is missing. Install it, then repeat your command:\n"
            f"{how_to_install(missing)}\n{another}".rstrip()
        )


def compile_messages() -> None:
    subprocess.run([str(PYTHON), "-m", "config.local.messages"], cwd=ROOT, check=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--for", dest="purpose", choices=["run", "test"], default="run")
    purpose = parser.parse_args().purpose
    check_python()
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two commands at once in one clone: the second waits
        python = f"{sys.version_info[0]}.{sys.version_info[1]}"
        if not PYTHON.exists():
            say(f"setting up: virtual environment with Python {python}")
            make_venv()
        unless_stamped(
            "packages", digest(LOCK.read_bytes()), "packages, the first time about two minutes", install_packages
        )
        if missing_programs(purpose):  # checked each time, as it costs nothing
            (VENV / f".system-{purpose}").unlink(missing_ok=True)
        unless_stamped(
            f"system-{purpose}", digest(LOCK.read_bytes()), "text libraries", lambda: system_packages(purpose)
        )
        catalogs = sorted(ROOT.glob("*/**/locale/*/LC_MESSAGES/*.po"))
        unless_stamped("messages", digest(*(path.read_bytes() for path in catalogs)), "translations", compile_messages)


if __name__ == "__main__":
    main()
