"""bandit and detect-secrets, held to config/local/findings.toml: what they may find, each with its reason.

    python -m config.local.findings bandit     # security lint of the product, medium severity and higher
    python -m config.local.findings secrets    # secrets in the files that git knows

A finding without an entry fails, and so does an entry that no longer matches.
"""

import json
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from config.local.programs import BIN, ROOT

ALLOWED = Path(__file__).with_suffix(".toml")
PACKAGES = ("config", "logistics", "shipments", "donations")
# Not read for secrets: lock files, which are full of hashes, and data: pictures, tables, catalogues of translations.
NOT_CODE = (".txt", ".xlsx", ".png", ".gz", ".csv", ".json", ".po", ".ttf", ".otf", ".icc", ".pdf", ".svg", ".bin")


def bandit() -> Counter[str]:
    """Return bandit's findings as "B608 path"; it knows rules that ruff's port of it does not have."""
    command = [str(BIN / "bandit"), "-q", "-r", *PACKAGES, "-x", "*/migrations/*", "-ll", "-f", "json"]
    return Counter(f"{one['test_id']} {one['filename'].removeprefix('./')}" for one in _json(command)["results"])


def secrets() -> Counter[str]:
    """Return what looks like a secret as "path hash": the hash of the secret, not the secret."""
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    read = [name for name in listed.splitlines() if not name.endswith(NOT_CODE) and (ROOT / name).is_file()]
    found = _json([str(BIN / "detect-secrets"), "scan", *read])["results"]
    return Counter({f"{name} {one['hashed_secret'][:12]}": 1 for name, ones in found.items() for one in ones})


def _json(command: list[str]) -> dict[str, Any]:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}") from None
    return found


def allowed(name: str) -> Counter[str]:
    """Return the allowed findings of a tool; one that is allowed twice is named twice."""
    entries = tomllib.loads(ALLOWED.read_text(encoding="utf-8"))[name]
    return Counter(finding for entry in entries if entry["reason"].strip() for finding in entry["findings"])


TOOLS: dict[str, Callable[[], Counter[str]]] = {"bandit": bandit, "secrets": secrets}


def main(name: str) -> int:
    found, known = TOOLS[name](), allowed(name)
    for finding in sorted((found - known).elements()):
        print(f"{finding}: remove it, or say in {ALLOWED.relative_to(ROOT)} why it may stay")
    for finding in sorted((known - found).elements()):
        print(f"{finding}: no longer found; remove it from {ALLOWED.relative_to(ROOT)}")
    return 0 if found == known else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
