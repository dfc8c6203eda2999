"""Published code lists: read once per process, never edited by users.

Sources and licences: data/SOURCES.md.
"""

import csv
from collections.abc import Container, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from django.utils.translation import gettext as _

from logistics.errors import Invalid

DATA = Path(__file__).parent / "data"


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        yield from csv.DictReader(file)


@dataclass(frozen=True, slots=True)
class Currency:
    code: str
    name: str
    exponent: int  # digits after the decimal point: HKD 2, XOF 0, KWD 3


@dataclass(frozen=True, slots=True)
class Country:
    code: str
    name_en: str
    name_fr: str


@cache
def currencies() -> dict[str, Currency]:
    """ISO 4217: currencies in use that have minor units (metals and test codes have none)."""
    return {
        row["AlphabeticCode"]: Currency(row["AlphabeticCode"], row["Currency"], int(row["MinorUnit"]))
        for row in _rows("currency-codes.csv")
        if row["AlphabeticCode"] and row["MinorUnit"].isdigit() and not row["WithdrawalDate"]
    }


@cache
def countries() -> dict[str, Country]:
    """ISO 3166-1 alpha-2."""
    return {r["alpha2"]: Country(r["alpha2"], r["name_en"], r["name_fr"]) for r in _rows("country-codes.csv")}


@cache
def hs() -> dict[str, str]:
    """Harmonized System 2022: code of 2, 4 or 6 digits -> description."""
    return {row["hscode"]: row["description"] for row in _rows("harmonized-system.csv")}


@cache
def hs6() -> dict[str, str]:
    """Subheadings of the Harmonized System 2022: code of six digits -> its description after its heading's."""
    names = hs()
    return {code: f"{names[code[:4]]}: {name}" for code, name in names.items() if len(code) == 6 and code.isdigit()}


@cache
def units() -> dict[str, str]:
    """UN/ECE Recommendation 20: common code -> name (H87 piece, KGM kilogram, PR pair, SET set)."""
    return {r["CommonCode"]: r["Name"] for r in _rows("unece-rec20-units.csv") if r["Status"] not in ("X", "D")}


@cache
def package_kinds() -> dict[str, str]:
    """UN/ECE Recommendation 21: code -> name (CT carton, PX pallet, BL bale, PK package, CR crate)."""
    return {r["Code"]: r["Name"] for r in _rows("unece-rec21-package-codes.csv") if r["Status"] not in ("X", "D")}


@cache
def ports() -> dict[str, str]:
    """UN/LOCODE without its space -> name (HKHKG Hong Kong, SNDKR Dakar)."""
    named = {r["LOCODE"].replace(" ", ""): r["Name"] for r in _rows("un-locode-subset-2014.csv")}
    return named | {r["locode"]: r["name"] for r in _rows("un-locode-supplement.csv")}


@cache
def admin1() -> dict[str, str]:
    """Admin-1 p-codes of COD-AB (Mali v03 and the countries on the way there) -> name (ML04 Segou)."""
    return {row["pcode"]: row["name"] for row in _rows("admin1-pcodes.csv")}


@cache
def incoterms() -> dict[str, str]:
    """Incoterms 2020: code -> name."""
    return {row["code"]: row["name"] for row in _rows("incoterms-2020.csv")}


@cache
def container_types() -> dict[str, dict[str, str]]:
    """ISO 6346 size and type code -> name, sizes, tare and payload."""
    return {row["iso_type"]: row for row in _rows("container-types.csv")}


def is_hs6(code: str) -> bool:
    """Return whether this is a subheading (six digits) of the Harmonized System 2022."""
    return len(code) == 6 and code in hs()


def is_unit(code: str) -> bool:
    """Return whether this is a unit of Rec 20, where X and a package code counts packages (XBX boxes)."""
    return code in units() or (len(code) == 3 and code[0] == "X" and code[1:] in package_kinds())


def check(field: str, value: str, known: Container[str]) -> None:
    """Raise Invalid for a code that is not in its list. An empty one is not known yet and passes."""
    if value and value not in known:
        raise Invalid(
            _("%(value)s is not in the published code list.") % {"value": value}, field=field, code="unknown_code"
        )
