"""Packing lists of any length: the real container's packages, one load after the other."""

from typing import Any

from logistics import wording
from tests.shipments import mali

LANGUAGES = ("en", "fr")


def packages(lines: int) -> list[dict[str, Any]]:
    """Return packages with this many lines, numbered consecutively."""
    made: list[dict[str, Any]] = []
    load = mali.packages()
    while lines:
        for package in load:
            if not lines:
                break
            kept = package["lines"][:lines]
            lines -= len(kept)
            number = len(made) + 1
            made.append({**package, "number": number, "marks": f"CGD-ML-26-001 {number}", "lines": kept})
    return made


def context(lines: int) -> dict[str, Any]:
    if lines == 323:
        return {**mali.packing_list(), **mali.FACTS}
    return {**mali.packing_list(packages=packages(lines)), **mali.FACTS}


def table(context: dict[str, Any]) -> list[list[str]]:
    """The same rows as texts, one language under the other, for engines that take tables."""
    rows = []
    for package in context["packages"]:
        for number, line in enumerate(package["lines"]):
            head = [str(package["number"]), "", "", "", "", ""]
            if number == 0:
                size = f"{package['length_cm']} × {package['width_cm']} × {package['height_cm']}"
                gross = wording.number(package["gross_kg"], LANGUAGES)
                head[1:] = [package["marks"], _both(package["kind"]), size, gross, package["destination"]]
            rows.append(
                [
                    *head,
                    line["item_code"],
                    _both(line["description"]),
                    line["hs6"],
                    line["origin"],
                    _both(line["condition"]),
                    str(line["quantity"]),
                    _both(line["unit"]),
                    wording.number(line["net_kg"], LANGUAGES),
                    wording.number(f"{line['value_minor'] / 100:.2f}", LANGUAGES),
                ]
            )
    return rows


def _both(texts: dict[str, str]) -> str:
    return "\n".join(dict.fromkeys(texts.values()))
