"""The product's source files, for tests that read them."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
APPS = ("config", "logistics", "shipments", "donations")
SOURCES = [path for app in APPS for path in (ROOT / app).rglob("*.py") if "migrations" not in path.parts]
