"""README.md's journey, as a newcomer pastes it: the exact block, in a shell, beside a running product."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from config.local.environment import write_env
from config.local.programs import ROOT
from tests.journeys import papers
from tests.journeys.goods import PRINTED_TOTALS
from tests.processes import Instance, eventually

SHELL_BLOCK = re.compile(r"^```(?:sh|bash|shell|console|zsh)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OPENED = "SELECT number, status FROM shipments_shipment WHERE title = 'Mali: beds, stoves, school books'"
DIFFERS = "SELECT kind, count(*) FROM shipments_discrepancy GROUP BY kind ORDER BY kind"
STILL_THERE = "\necho the shell lives on, after code $?\n"


@pytest.fixture(scope="module")
def journey() -> str:
    blocks: list[str] = SHELL_BLOCK.findall((ROOT / "README.md").read_text(encoding="utf-8"))
    assert len(blocks) == 1, "README.md has one block for a shell: the journey"
    return blocks[0]


@contextmanager
def pasted(text: str, var: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a text in a shell with a minimal environment and the product's data folder."""
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    with subprocess.Popen(
        ["bash"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=env | {"VAR_DIR": str(var), "LANG": "C.UTF-8"},
    ) as shell:
        assert shell.stdin
        shell.stdin.write(text + STILL_THERE)
        shell.stdin.close()
        shell.stdin = None
        try:
            yield shell
        finally:
            shell.kill()


def test_it_has_no_characters_special_to_an_interactive_shell(journey: str):
    assert "\t" not in journey  # completes names
    assert "!" not in journey  # repeats older commands
    assert "<the" not in journey  # must be filled in


@pytest.mark.processes
def test_without_a_running_product_it_says_how_to_start_one(journey: str, tmp_path: Path):
    with pasted(journey, tmp_path) as shell:
        said, complaints = shell.communicate(timeout=60)

    assert "Start the product first: make run" in complaints
    assert said.strip() == "the shell lives on, after code 1"


@pytest.mark.long
@pytest.mark.processes
def test_pasted_as_a_whole_it_runs_from_the_gift_to_the_trail(journey: str, tmp_path: Path):
    with Instance.started(tmp_path, "web", "stripe") as product:
        var = Path(product.env["VAR_DIR"])
        # As `make run` leaves it for `make manage`.
        write_env(var / "run" / "environment", product.env)

        # The charity is not set up yet: the first call is refused, shown, and the last one.
        with pasted(journey, var) as shell:
            said, complaints = shell.communicate(timeout=60)
        assert '"code":"charity_not_set_up"' in complaints
        assert said.strip() == "the shell lives on, after code 1"
        assert list(var.glob("*.pdf")) == []

        product.manage("demonstrate")
        with pasted(journey, var) as shell:
            # The worker starts late, so that there is something to wait for.
            eventually(lambda: asked_twice_for_an_import(product) or shell.poll() is not None, within=240)
            product.start("worker")
            said, complaints = shell.communicate(timeout=240)
        assert "the shell lives on, after code 0" in said, complaints
        it_did_the_job(product, said, (var / "packing-list.pdf").read_bytes())


def asked_twice_for_an_import(product: Instance) -> bool:
    return product["web"].text().count("GET api/v1/shipments/<str:shipment>/imports/") >= 2


def it_did_the_job(product: Instance, said: str, pdf: bytes) -> None:
    ((number, status),) = product.rows(OPENED)
    words = papers.words_of(pdf)
    story = said[said.rindex(f"opened shipment {number}") :]

    assert "Imported: 270 packages, 323 lines." in said
    # The packing list was requested while it was being printed, and the refusals were not saved as the PDF.
    assert re.search(r'"code": 409, "request": "GET [^"]*/packing-list/"', product["web"].text())
    assert pdf.startswith(b"%PDF-")
    assert [word for word in (number, *PRINTED_TOTALS) if word not in words] == []
    assert status == "received"
    assert product.rows(DIFFERS) == [("damage", 1), ("lost_package", 1)]
    told = ("sealed the shipment: 270 packages", "dispatched the shipment", "confirmed delivery")
    assert [words for words in told if words not in story] == []
