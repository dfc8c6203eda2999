"""Chromium prints the HTML of our own template, with its stylesheets and the bundled fonts, as its command line does.

Each paper starts a browser, so its start is in each figure, and told apart as well. A browser is a tree of processes:

- CPU is that of all of them. Whoever of them loses its parent becomes ours (Linux: subreaper), so that we wait for it
  and its time is counted; without that, three quarters are missing.
- Memory is what all of them hold at once, each page that several share counted once (PSS), looked at every 50 ms; of
  those that hold gigabytes less often, as each look stops them.
"""

import ctypes
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from tests.benchmarks.papers import FONTS

NAMES = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-pdf-header-footer",
)  # fmt: skip
PR_SET_CHILD_SUBREAPER = 36
LOOK_S, LONG_LOOK_S = 0.05, 0.1
FONTCONFIG = "<fontconfig><dir>{fonts}</dir><cachedir>{cache}</cachedir></fontconfig>"


@dataclass(frozen=True)
class Printed:
    pdf: bytes
    cpu_s: float
    peak_kib: float


@cache
def program() -> str:
    """Return the path of Chromium; empty if it is missing, or if not all of its processes can be measured."""
    found = (shutil.which(name) for name in NAMES)
    return next(filter(None, found), "") if sys.platform == "linux" else ""


def html(template: str, context: dict[str, Any], languages: Sequence[str]) -> str:
    """Return the paper as one file: the HTML that WeasyPrint gets, with the stylesheets in its head."""
    from logistics.documents import rendering
    from logistics.documents.paper_tags import TemplatePaper

    paper = TemplatePaper(languages=tuple(languages), context=context)
    body = rendering._html(template, paper)
    sheets = [rendering._engine().get_template(name).source for name in paper.stylesheets]
    return body.replace("</head>", "".join(f"<style>{sheet}</style>" for sheet in sheets) + "</head>", 1)


class Browser:
    """Create a profile with the bundled fonts; later starts reuse what the first one leaves there."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="relief-chromium-", ignore_cleanup_errors=True)
        self._path = Path(self._folder.name)
        fontconfig = FONTCONFIG.format(fonts=FONTS, cache=self._path / "fonts")
        (self._path / "fonts.conf").write_text(fontconfig, encoding="utf-8")
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def to_pdf(self, html: str) -> Printed:
        """Start Chromium, have it print, and wait until all of its processes are gone."""
        page, pdf = self._path / "paper.html", self._path / "paper.pdf"
        page.write_text(html, encoding="utf-8")
        pdf.unlink(missing_ok=True)
        command = [program(), *FLAGS, f"--user-data-dir={self._path / 'profile'}", f"--print-to-pdf={pdf}", str(page)]
        before, peak = _cpu_of_children_s(), 0.0
        with (self._path / "log").open("wb") as log:
            process = subprocess.Popen(
                command, env={**os.environ, "FONTCONFIG_FILE": str(self._path / "fonts.conf")}, stdout=log, stderr=log
            )
            while process.poll() is None:
                began = time.perf_counter()
                peak = max(peak, _held_below_us_kib())
                look_s = time.perf_counter() - began
                # Reading a process's memory stops it, for longer the more memory it has.
                time.sleep(LOOK_S if look_s < LONG_LOOK_S else 10 * look_s)
        if process.returncode or not pdf.exists():
            raise RuntimeError(f"Chromium ended with {process.returncode} and without a PDF.")
        while _reaped():
            pass
        return Printed(pdf.read_bytes(), _cpu_of_children_s() - before, peak)


def _reaped() -> bool:
    """Wait for an orphaned process of a browser; return whether there was one."""
    try:
        os.wait()
    except ChildProcessError:
        return False
    return True


def _cpu_of_children_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _held_below_us_kib() -> float:
    held = 0
    for process in psutil.Process().children(recursive=True):
        try:
            held += process.memory_full_info().pss
        except psutil.Error:
            continue  # it is gone, or going
    return held / 1024
