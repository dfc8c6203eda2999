"""Papers filled in on forms laid out once: they look as WeasyPrint prints them, and never leak into one another."""

import hashlib
import logging
import subprocess
import sys
from random import Random

import pytest
from hypothesis import Phase, given, seed, settings
from hypothesis import strategies as st

from logistics.documents import rendering, replay
from logistics.documents.replay import filled, forms, slots
from logistics.documents.replay.refusal import Refused
from tests.donations.receipt_context import FACTS, receipt
from tests.logistics import fidelity, pdfs
from tests.shipments import mali

pytestmark = pytest.mark.papers

TEMPLATE = "donations/receipt.html"
NAMES = [
    "Chan Tai Man",
    "陳大文 Chan Tai Man",
    "李小龍",
    "Fatoumata Ɲaré, Tɔnɔ",
    "محمد علي",
    "محمد علي (Mohamed Ali) 12",
    "ߒߞߏ ߓߊ߲",
    "José Núñez-Œuvre",
    "e\u0301lodie fi ffl AVATAR",
    "Μαρία Παπαδοπούλου",
    "Иван Петров",
    "Supercalifragilisticexpialidocious Unbreakable-Double-Barrelled Foundation for Everything and Everyone",
    "a&b <c> \"d\" 'e' {f} 100% \\ (g",
    "  spaces   around and\tinside ",
]


@pytest.fixture(autouse=True)
def _no_form_yet(monkeypatch):
    monkeypatch.setattr(replay, "kept_forms", filled.Forms())


def random_receipt(random: Random) -> dict:
    appeals = ["", "Mali", "Mali: " + "rescue and rehabilitation for survivors of trafficking, " * random.randint(1, 4)]
    context = receipt(
        number=f"HK-2026-{random.randrange(10**6):06}",
        donor={"name": random.choice(NAMES), "address_lines": random.sample(NAMES, random.randint(0, 3))},
        appeal=random.choice(appeals),
        amount_minor=random.randrange(100, 10**9),
        issued_on=f"2026-0{random.randint(1, 9)}-1{random.randint(0, 9)}",
        payment_mode=random.choice(["card", "cash"]),
    )
    token = f"{random.getrandbits(128):x}"
    return {
        **context,
        "content_sha256": f"{random.getrandbits(256):064x}",
        "verify_url": f"https://relief.test/{token}/",
    }


def printed(context, *, languages=("en",), template=TEMPLATE) -> bytes:
    return rendering.to_pdf(template, context, languages=languages).pdf


def filled_in(context, caplog, *, languages=("en",)) -> bytes:
    """Print a receipt on a form, without fallback."""
    caplog.clear()
    with caplog.at_level(logging.INFO, logger=replay.__name__):
        pdf = printed(context, languages=languages)
    assert not [record for record in caplog.records if "Not filled in" in record.getMessage()]
    return pdf


def plain(context, **options) -> bytes:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(replay, "has_slots", lambda html: False)
        return printed(context, **options)


def assert_alike(ours: bytes, other: bytes) -> None:
    assert fidelity.shift(fidelity.characters(ours), fidelity.characters(other)) <= 0.5
    assert fidelity.differing_pixels(ours, other) < 0.001


@pytest.mark.parametrize("examples", [4, pytest.param(25, marks=pytest.mark.long)])
def test_random_receipts_look_as_weasyprint_prints_them(caplog, examples):
    @seed(20260302)
    @settings(max_examples=examples, deadline=None, database=None, phases=[Phase.generate])
    @given(number=st.integers(0, 2**32))
    def alike(number: int) -> None:
        random = Random(number)
        context, languages = random_receipt(random), random.choice([("en",), ("fr",)])
        assert_alike(filled_in(context, caplog, languages=languages), plain(context, languages=languages))

    alike()

    if examples == 25:
        assert sum(map(len, replay.kept_forms.forms.values())) < 25  # some were filled in on the form of another


@pytest.mark.parametrize(
    "name",
    [*NAMES[1:7:2], *(pytest.param(name, marks=pytest.mark.long) for name in [NAMES[0], *NAMES[2:7:2], *NAMES[7:]])],
)
def test_each_name_looks_right_on_another_names_form(caplog, name):
    filled_in({**receipt(), **FACTS}, caplog)
    context = {**receipt(donor={"name": name, "address_lines": ["12/F", "Kowloon"]}), **FACTS}

    assert_alike(filled_in(context, caplog), plain(context))


def test_a_second_receipt_is_not_laid_out_again(caplog, monkeypatch):
    filled_in({**receipt(), **FACTS}, caplog)
    monkeypatch.setattr(forms.Form, "__init__", lambda *_: pytest.fail("laid out again"))

    pdf = filled_in({**receipt(number="HK-2026-000002", amount_minor=123456), **FACTS}, caplog)

    assert "HK$1,234.56" in pdfs.text_of(pdf)
    assert pdfs.metadata(pdf)["Title"].startswith("HK-2026-000002")


def test_a_receipt_contains_nothing_of_another_donor(caplog):
    """Not on the page, in the fonts' glyphs or in the metadata: the bytes are the same."""
    mine = {**receipt(donor={"name": "Awa", "address_lines": ["1", "2"]}, appeal="Mali"), **FACTS}
    others = [random_receipt(Random(number)) for number in range(6)]
    others.append({**receipt(donor={"name": "龍 Zyx", "address_lines": ["3", "4"]}, appeal="Mali"), **FACTS})
    alone = filled_in(mine, caplog)
    replay.kept_forms.forms.clear()

    for other in others:
        filled_in(other, caplog)

    assert filled_in(mine, caplog) == alone


@pytest.mark.long
def test_another_process_prints_the_same_bytes_after_another_receipt(caplog):
    program = (
        "import django, hashlib; django.setup()\n"
        "from tests.logistics.test_slots import FACTS, printed, random_receipt, receipt, Random\n"
        "printed(random_receipt(Random(1)))\n"
        "print(hashlib.sha256(printed({**receipt(), **FACTS})).hexdigest())\n"
    )
    here = filled_in({**receipt(), **FACTS}, caplog)

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert there.stdout.split()[-1] == hashlib.sha256(here).hexdigest()


@pytest.mark.parametrize("first", [True, False])
def test_a_missing_glyph_stops_the_paper_on_a_new_form_and_on_an_old_one(first):
    if not first:
        printed({**receipt(), **FACTS})
    context = {**receipt(donor={"name": "Anna 🎈", "address_lines": ["12/F", "Kowloon"]}), **FACTS}

    for _ in range(2):
        with pytest.raises(rendering.MissingGlyphs) as refusal:
            printed(context)

    assert refusal.value.details["characters"] == ["🎈"]


def test_a_missing_glyph_outside_the_slots_stops_the_paper_every_time():
    context = receipt(signatory="Bob 🎈")

    for _ in range(2):
        with pytest.raises(rendering.MissingGlyphs):
            printed({**context, **FACTS})


def test_the_number_of_cached_forms_is_bounded(caplog, monkeypatch):
    monkeypatch.setattr(replay, "kept_forms", filled.Forms(most=2))

    for lines in range(4):
        filled_in({**receipt(donor={"name": "Awa", "address_lines": ["x"] * lines}), **FACTS}, caplog)

    assert sum(map(len, replay.kept_forms.forms.values())) <= 2


class TestRefusals:
    """A slot that could move something else, or appear elsewhere, is printed by plain WeasyPrint."""

    @pytest.mark.parametrize(
        ("body", "style", "why"),
        [
            ("<h1 data-slot>{}</h1>", "", "plain block"),
            ("<table><tr><td data-slot>{}</td><td>x</td></tr></table>", "", "columns depend"),
            ('<div style="display: flex"><p data-slot>{}</p></div>', "", "plain block"),
            ('<div style="display: inline-block"><p data-slot>{}</p></div>', "", "plain block"),
            ('<div style="float: left">x</div><p data-slot>{}</p>', "", "floats"),
            ('<div style="position: absolute"><p data-slot>{}</p></div>', "", "does not look"),
            ('<div style="max-lines: 1"><p data-slot>{}</p></div>', "", "cut off"),
            ("<p data-slot>{}</p>", "p { string-set: title content() }", "plain block"),
            ("<p data-slot>{}</p>", "p::first-letter { font-size: 30pt }", "first-letter"),
            ("<p data-slot>{}</p>", "body { columns: 2 }", "plain block"),
            ('<p data-slot>{}</p><a href="https://relief.test">x</a>', "", "links"),
            ('<p data-slot>{}</p><p style="background: linear-gradient(red, blue)">x</p>', "", "gradient"),
            ("<style>p {{ color: red }}</style><p data-slot>{}</p>", "", "stylesheet inside"),
        ],
    )
    def test_a_layout_that_depends_on_the_text_is_refused(self, body, style, why):
        from weasyprint import CSS, HTML

        html = f'<html lang="en"><head><title>x</title></head><body>{body.format("text")}</body></html>'

        def lay_out(html):
            return HTML(string=html).render(stylesheets=[CSS(string=style)])

        with pytest.raises(Refused, match=why):
            filled.Forms().fill(html, [style], lay_out=lay_out)

    def test_a_refusal_returns_the_finished_layout(self):
        """A refusal costs no second layout, and leaves the document as WeasyPrint made it."""
        from weasyprint import HTML

        body = '<p data-slot>kept</p><p style="background: linear-gradient(red, blue)">x</p>'
        laid_out = []

        def lay_out(html):
            laid_out.append(HTML(string=html).render())
            return laid_out[-1]

        html = f'<html lang="en"><head><title>x</title></head><body>{body}</body></html>'
        document = replay.fill(html, [], lay_out=lay_out)

        assert laid_out == [document]
        assert "kept" in pdfs.text_of(laid_out[0].write_pdf())

    def test_papers_that_cannot_be_forms_are_not_cached(self):
        html = '<html lang="en"><head></head><body><h1 data-slot>x</h1></body></html>'
        forms_kept = filled.Forms()

        for why, sources in (("laid out", []), ("first-letter", ["p::first-letter { color: red }"])):
            with pytest.raises((Refused, InterruptedError), match=why):
                forms_kept.fill(html, sources, lay_out=self._interrupted)

        assert not forms_kept.forms

    @staticmethod
    def _interrupted(html):
        raise InterruptedError("laid out")

    def test_a_paper_with_only_a_qr_code_slot_needs_no_form(self):
        rendering.to_pdf("shipments/papers/waybill.html", {**mali.waybill(), **mali.FACTS}, languages=("en", "fr"))

        assert not replay.kept_forms.forms

    @pytest.mark.parametrize("path", ["M0 0L1 1", "M0 0c1 1 1 1 1 1", "m1 1h1", "M0 0h1e3", "M0,0h1"])
    def test_a_path_of_other_than_straight_lines_is_refused(self, path):
        with pytest.raises(Refused, match="straight lines"):
            forms.steps(path)


def test_a_slot_on_an_element_with_children_is_ignored():
    cut = slots.cut(
        '<html lang="en"><head></head><body><p data-slot>a <b>b</b></p><p data-slot> c&amp;\n d</p></body></html>'
    )

    assert cut.contents == ["c& d"]
    assert "a <b>b</b>" in "".join(cut.form)
