"""Compile the translations (*.po to *.mo) without GNU gettext, which a bare machine has not."""

import sys
from pathlib import Path

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

ROOT = Path(__file__).resolve().parents[2]


def catalogs() -> list[Path]:
    """The sources of all translations of the product."""
    return sorted(path for app in ("logistics", "shipments", "donations") for path in (ROOT / app).rglob("*.po"))


def compile_all() -> int:
    """Compile what is newer than its compiled file; return how many were."""
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
        unfinished.replace(target)  # whoever reads it meanwhile sees the old one or the new one
        compiled += 1
    return compiled


if __name__ == "__main__":
    sys.stdout.write(f"{compile_all()} compiled of {len(catalogs())}\n")
