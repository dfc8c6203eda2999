"""The main job, as its people do it: gift, receipt, manifest, papers, delivery. See story.py and goods.py."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.goods import GoodsStory
from tests.journeys.place import running_place
from tests.sources import ROOT


@pytest.mark.processes
def test_the_main_story_holds(tmp_path: Path) -> None:
    keep = tmp_path / "papers"
    keep.mkdir()
    with running_place(tmp_path, keep=keep) as place:
        story = GoodsStory(place)

        told = {title: step() for title, step in story.steps()}

    assert len(told) == 20
    assert {path.name for path in keep.glob("*.pdf")} == {
        "receipt-hkd.pdf",
        "receipt-xof.pdf",
        "receipt-second-card.pdf",
        "packing-list.pdf",
        "goods-received-note.pdf",
    }


PROGRAMS = (
    "tests.attacks.__main__", "tests.benchmarks.pages", "tests.benchmarks.papers.__main__", "tests.benchmarks.seed",
    "tests.benchmarks.upkeep", "tests.fuzz.__main__", "tests.journeys.demo", "tests.sweep.__main__",
)  # fmt: skip


def test_programs_of_the_makefile_start_without_settings() -> None:
    """They start their own data stores; what they import before that must not need settings."""
    bare = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    started = subprocess.run(
        [sys.executable, "-c", f"import {', '.join(PROGRAMS)}"],
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        check=False,
    )

    assert started.returncode == 0, started.stderr
