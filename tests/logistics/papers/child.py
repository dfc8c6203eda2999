"""The printer's child process, with some output first; the paper MODULES returns its loaded modules.

It must import nothing that the product's child does not.
"""

import os
import sys

from logistics.confined import serving
from logistics.documents.printer import child
from logistics.documents.printer.request import Request

MODULES = "modules"

keep_pipes, print_paper = serving.pipes, child._print


def keep_pipes_and_make_noise() -> tuple[int, int]:
    """Output written while a printer works must not mix with its answers."""
    kept = keep_pipes()
    print("noise")
    os.write(1, b"\x00\x00\x00\x02\x00\x00\x00\x00{}")
    return kept


def print_or_tell(request: Request, answers: int) -> tuple[dict[str, object], bytes]:
    if request["template"] != MODULES:
        return print_paper(request, answers)
    told = {"modules": sorted(sys.modules), "resident_mb": child._kept_mb()}
    return {"refused": "paper_refused", "message": "No paper.", "details": told}, b""


if __name__ == "__main__":
    serving.pipes, child._print = keep_pipes_and_make_noise, print_or_tell
    child.main()
