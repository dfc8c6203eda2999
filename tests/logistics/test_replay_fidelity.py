"""The gate of WeasyPrint's pin: replayed lists look as plain WeasyPrint prints them.

The same characters in the same order and places (0.5 pt), the same page breaks, and pixels that differ by more than a
quarter of black in less than 0.1 %.
"""

import string
from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st
from weasyprint import DEFAULT_OPTIONS, HTML

from logistics.documents import rendering, replay
from logistics.documents.paper_tags import Paper
from tests.logistics import fidelity
from tests.shipments import mali

TEMPLATE = "shipments/papers/packing_list.html"
NAMES = [
    "Foyer Ɲɛta, Tɔnɔ",
    "d’accueil à Ségou, œuvre",
    "陳大文 毛毯",
    "مواد غذائية وبطانيات",
    "بطانيات 12 pcs (warm)",
    "ߒߞߏ ߓߊ߲",
    "Комплект гигиены детский",
    "Ελλάδα, κουβέρτες",
    "Zelt/Plane 4×6 m — verstärkt",
    "Supercalifragilisticexpialidocious_unbreakable_item_name_0123456789",
    "Água-viva anti-mosquito: rede 180/200",
    "AVATAR To Ty. “VAW” f(x) fi ffl 1/2 a.b,c;d:e",
    "a&b <c> \"d\" 'e' {f} 100% #1",
    "soft\u00adhyphen and no\u00a0break",
    "e\u0301 combined, 3\u20444",
    "",
]
WORDS = ["blanket", "tent", "filter", "kit", "soap", "Seife", "bâche", "lampe-torche", "T-shirt", "A4/A3", "WAVE", "12"]
SHORT = ["piece", "set", "kg", "陳", "ع", "", *WORDS]
FLAGS = ["heavy", "fragile", "this_way_up", "open_first", "dangerous"]


class Lists:
    """Makes packages of random lines: every script, short and long texts, codes and numbers of every width."""

    def __init__(self, random: Random) -> None:
        self.random = random

    def text(self) -> str:
        choose = self.random.choice
        if self.random.random() < 0.2:
            return choose(NAMES)
        words = [*WORDS, *NAMES[:8]] if self.random.random() < 0.2 else WORDS
        return " ".join(choose(words) for _ in range(choose([1, 2, 3, 4, 6, 9, 25])))

    def seldom(self, one_in: int) -> str:
        return self.text() if self.random.randrange(one_in) == 0 else ""

    def code(self, longest: int) -> str:
        return "".join(self.random.choices(string.ascii_uppercase + string.digits + "-_", k=longest))

    def kg(self, most: int) -> str:
        return f"{self.random.randrange(10 ** self.random.randint(1, most)) / 1000:.3f}"

    def pair(self, texts: list[str] | None = None) -> dict[str, str]:
        return {language: self.random.choice(texts) if texts else self.text() for language in ("en", "fr")}

    def line(self) -> dict[str, Any]:
        random = self.random
        return {
            "item_code": self.code(random.randint(1, 16)),
            "description": self.pair(),
            "hs6": f"{random.randrange(10**6):06}",
            "origin": random.choice(["CN", "ML", "", "FR"]),
            "condition": self.pair(SHORT),
            "quantity": random.randrange(10 ** random.randint(1, 6)),
            "unit": self.pair(SHORT),
            "net_kg": self.kg(8),
            "value_minor": random.randrange(10 ** random.randint(1, 9)),
            "un_number": random.choice(["", "", "", "UN3480"]),
            "serials": [self.code(random.randint(4, 12)) for _ in range(random.choice([0, 0, 0, 1, 5]))],
            "remark": self.seldom(5),
        }

    def package(self, number: int, count: int) -> dict[str, Any]:
        random = self.random
        return {
            "number": number,
            "marks": f"{self.code(random.choice([6, 13, 17]))} {random.randint(1, 999)}/{random.randint(1, 999)}",
            "kind": self.pair(SHORT),
            "length_cm": random.choice(["", "120", "59.5"]),
            "width_cm": random.choice(["80", "7.5"]),
            "height_cm": random.choice(["100", "2"]),
            "gross_kg": self.kg(6),
            "gross_measured": random.random() < 0.5,
            "destination": random.choice(["A", "B", ""]),
            "flags": random.sample(FLAGS, random.choice([0, 0, 1, 3])),
            "remark": self.seldom(5),
            "lines": [self.line() for _ in range(count)],
        }

    def packages(self, lines: int) -> list[dict[str, Any]]:
        """So many lines in all, some packages of one and some longer than a page."""
        made: list[dict[str, Any]] = []
        while lines:
            count = min(lines, self.random.choice([1, 1, 2, 6, 12, 40]))
            lines -= count
            made.append(self.package(len(made) + 1, count))
        return made


def printed(context: dict[str, Any], *, replayed: bool) -> bytes:
    """Print a packing list on one of the two ways, never falling back."""
    paper = Paper(languages=("en", "fr"), told=context)
    html = rendering._html(TEMPLATE, paper)
    sheets = [rendering._stylesheet(name) for name in paper.stylesheets]

    def lay_out(html: str) -> Any:
        page = HTML(string=html, url_fetcher=rendering.AssetFetcher())
        return page.render(font_config=rendering._font_configuration(), stylesheets=sheets, cache={})

    sources = [rendering._engine().get_template(name).source for name in paper.stylesheets]
    document = replay.lay_out_strictly(html, sources, lay_out=lay_out) if replayed else lay_out(html)
    pdf: bytes = document.write_pdf(**{**DEFAULT_OPTIONS, "pdf_variant": rendering.VARIANT})
    return pdf


def assert_alike(context: dict[str, Any]) -> None:
    ours, plain = printed(context, replayed=True), printed(context, replayed=False)

    assert fidelity.shift(fidelity.characters(ours), fidelity.characters(plain)) <= 0.5
    assert fidelity.differing_pixels(ours, plain) < 0.001


def test_the_real_container():
    assert_alike({**mali.packing_list(), **mali.FACTS})


@pytest.mark.parametrize(("count", "examples"), [(50, 3), (300, 1)])
def test_random_lists(count, examples):
    # The same lists at every run: a pin is moved by what it does, not by luck. Other seeds are for hunting.
    @seed(20260302)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate])
    @given(number=st.integers(0, 2**32))
    def alike(number: int) -> None:
        assert_alike({**mali.packing_list(packages=Lists(Random(number)).packages(count)), **mali.FACTS})

    alike()
