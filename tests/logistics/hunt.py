"""Hunt for papers that replay prints differently: python -m tests.logistics.hunt FIRST LAST [rows]

Prints a line for each seed, and saves the papers that differ in var/hunt.
"""

import logging
import random
import sys
import tempfile
import traceback
from pathlib import Path

import django

VAR = Path(__file__).parents[2] / "var" / "hunt"


def main(first: int, last: int, rows: int = 0) -> None:
    django.setup()
    from logistics.documents.replay import Refused
    from tests.logistics import fidelity
    from tests.logistics.both_ways import papers_of_our_own, printed, template
    from tests.logistics.random_papers import Papers

    logging.getLogger("weasyprint").setLevel(logging.ERROR)
    VAR.mkdir(parents=True, exist_ok=True)
    for seed in range(first, last):
        chance = random.Random(seed)
        count = rows or chance.choice([20, 40, 60, 120])
        paper = Papers(chance).paper(count)
        with (
            tempfile.TemporaryDirectory() as assets,
            papers_of_our_own(template(paper.body, paper.style), Path(assets)),
        ):
            context = {"number": "X-1", "issued_on": "2026-03-02", **paper.context}
            try:
                ours = printed("paper.html", context, replayed=True)
            except Refused as refusal:
                print(seed, "REFUSED", refusal, flush=True)
                continue
            except Exception:
                print(seed, "ERROR", traceback.format_exc(), flush=True)
                continue
            plain = printed("paper.html", context, replayed=False)
        try:
            shift = fidelity.shift(fidelity.characters(ours), fidelity.characters(plain))
            pixels = fidelity.differing_pixels(ours, plain)
            bad = shift > 0.01 or pixels > 0.0002
            told = f"{shift:.4f} pt {pixels:.6f}"
        except AssertionError as error:
            bad, told = True, str(error)
        print(seed, "DIFFERS" if bad else "ok", told, flush=True)
        if bad:
            (VAR / f"{seed}-ours.pdf").write_bytes(ours)
            (VAR / f"{seed}-plain.pdf").write_bytes(plain)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
