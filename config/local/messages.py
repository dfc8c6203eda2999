"""Compile the translations (*.po to *.mo) without GNU gettext, which a bare machine does not have."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]


def catalogs() -> list[Path]:
    """Return the .po files of all apps."""
    return sorted(
        path for app in ("config", "logistics", "shipments", "donations") for path in (ROOT / app).rglob("*.po")
    )


def compile_all() -> int:
    """Compile the files that are newer than their compiled ones; return how many."""
    compiled = 0
    for source in catalogs():
        target = source.with_suffix(".mo")
        if target.exists() and target.stat().st_mtime > source.stat().st_mtime:
            continue
        with source.open("rb") as text:
            catalog = read_po(text, locale=source.parts[-3])
        unfinished = target.with_suffix(".mo.new")
        with unfinished.open("wb") as binary:
            write_mo(binary, catalog)
        unfinished.replace(target)  # atomic: readers see the old file or the new one
        compiled += 1
    return compiled


if __name__ == "__main__":
    sys.stdout.write(f"{compile_all()} compiled of {len(catalogs())}\n")
