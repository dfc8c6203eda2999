"""docs/api-errors.md is up to date and lists every code that a client can get."""

import re
from operator import attrgetter
from pathlib import Path

import pytest

from config import api_errors, error_tables
from shipments.imports import workbook

ROOT = Path(api_errors.__file__).parent.parent
RAISED = re.compile(r"""(?:Invalid|ErrorDetail|ValidationError)\([^;]*?\bcode="([a-z_]+)\"""", re.DOTALL)


def codes_raised():
    """Return the invalid-input codes in the product's files, each with a file that uses it."""
    paths = [path for app in ("logistics", "shipments", "donations") for path in (ROOT / app).rglob("*.py")]
    return {code: path.name for path in paths for code in RAISED.findall(path.read_text(encoding="utf-8"))}


def test_the_page_is_up_to_date():
    assert api_errors.PAGE.read_text(encoding="utf-8") == api_errors.text(), "Run: python -m config.api_errors"


@pytest.mark.parametrize("error", sorted(api_errors.by_code().values(), key=attrgetter("code")))
def test_every_error_is_on_the_page_with_its_meaning(error):
    assert error.__doc__
    assert f"| `{error.code}` |" in api_errors.text()


def test_every_code_of_invalid_input_is_on_the_page():
    raised = codes_raised()

    assert len(raised) > 30
    assert raised.keys() <= api_errors.INPUT.keys()


# How the codes of spreadsheets, of incomplete manifests and of failed jobs are written, and the files that have them.
CODE = r"""["']([a-z_]+)["']"""
OTHERS = (
    ("shipments/imports/*.py", rf"(?:BadCell\(|code_low=|errors\.add\(\s*[^,]+,[^,]+,)\s*{CODE}"),
    ("shipments/imports/columns.py", rf"one_of\(\s*[^\n]*?,\s*{CODE}"),
    ("donations/*/*.py", rf"(?:GiveUp|Mismatch)\({CODE}"),
    ("logistics/jobs/models.py", rf"last_error_code={CODE}"),
)


def test_every_other_code_is_on_the_page():
    tables = (error_tables.SPREADSHEET, error_tables.NOTICES, error_tables.MANIFEST, error_tables.JOBS)
    listed = {code for table in (*tables, api_errors.INPUT) for code in table}
    files = [(path, pattern) for folder, pattern in OTHERS for path in ROOT.glob(folder)]

    found = {code for path, pattern in files for code in re.findall(pattern, path.read_text(encoding="utf-8"))}
    found |= (workbook.REASONS.keys() | workbook.EMPTY_CELLS.keys()) - {"empty_sheet"}
    found |= set(re.findall(rf"\n        {CODE}: \(", (ROOT / "shipments/packing/completeness.py").read_text()))

    assert found - listed == set()
    assert len(found) > 60
    assert all(f"| `{code}` |" in api_errors.text() for table in tables for code in table)


def test_there_is_no_advice_for_a_removed_code():
    codes = {error.code for error in api_errors.subclasses(api_errors.DomainError)}

    assert api_errors.WHAT_TO_DO.keys() <= codes
