import hashlib
import subprocess
import sys

import pytest
import weasyprint
from django.template import Engine

from logistics import wording
from logistics.documents import fonts, rendering
from logistics.money import amounts as money
from tests.donations.receipt_context import FACTS, receipt
from tests.logistics import pdfs

PAYLOADS = [
    '<img src="file:///etc/passwd">',
    '<link rel="attachment" href="file:///etc/hostname">',
    '<object data="http://127.0.0.1:9/x"></object>',
    "<style>@import url(http://127.0.0.1:9/x.css);</style>",
    '"><svg><image href="file:///etc/passwd"/></svg>',
    "</td></table><script>alert(1)</script>",
    "{{ settings.SECRET_KEY }}{% load x %}",
    "url(file:///etc/passwd)",
    "&lt;b&gt; &amp; <!-- -->",
    "javascript:alert(1)",
]


@pytest.fixture
def paper(monkeypatch):
    """Print an HTML body through the real engine, in the real base template of all papers."""

    def paper(body, style="", **context):
        sources = {
            "body.html": '{% extends "documents/base.html" %}{% block kind %}Paper{% endblock %}'
            '{% block style %}{% styled_by "body.css" %}{% endblock %}{% block content %}' + body + "{% endblock %}",
            "body.css": style,
        }
        loaders = [("django.template.loaders.locmem.Loader", sources), "django.template.loaders.app_directories.Loader"]
        engine: Engine = rendering.engine(loaders)
        monkeypatch.setattr(rendering, "_engine", lambda: engine)
        rendering._stylesheet.cache_clear()
        return rendering.to_pdf("body.html", {"number": "X-1", "issued_on": "2026-03-02"} | context)

    yield paper
    rendering._stylesheet.cache_clear()


class TestAssetsOnly:
    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            "http://127.0.0.1:9/x.png",
            "https://example.org/x.png",
            "ftp://example.org/x.png",
            "data:image/png;base64,AAAA",
            "asset:../rendering.py",
            "asset:../../../etc/passwd",
            "asset:/etc/passwd",
            "asset:README.md",
            "asset:fonts",
            "asset:missing.svg",
            "ASSET:fonts/NotoSans-Regular.ttf",
            "",
        ],
    )
    def test_no_other_url_is_read(self, url):
        with pytest.raises(rendering.FetchRefused):
            rendering.AssetFetcher().fetch(url)

    def test_a_bundled_asset_is_read(self):
        response = rendering.AssetFetcher().fetch("asset:fonts/NotoSans-Regular.ttf")

        assert response.content_type == "font/ttf"

    @pytest.mark.parametrize("source", ["file:///etc/passwd", "http://127.0.0.1:9/x.png", "asset:../rendering.py"])
    @pytest.mark.parametrize(
        "body", ['<img src="{}">', '<link rel="stylesheet" href="{}">', '<object data="{}">x</object>']
    )
    def test_a_template_that_loads_anything_else_is_not_printed(self, paper, body, source):
        with pytest.raises(rendering.TemplateBroken, match="bundled assets only"):
            paper(body.format(source))

    @pytest.mark.parametrize(
        "style",
        [
            "@import url(http://127.0.0.1:9/x.css);",
            "p { background: url(file:///etc/passwd) }",
            "@font-face { font-family: x; src: url(http://127.0.0.1:9/x.ttf) }",
        ],
    )
    def test_a_stylesheet_that_loads_anything_else_is_not_printed(self, paper, style):
        with pytest.raises(rendering.TemplateBroken, match="bundled assets only"):
            paper("<p>x</p>", style=style)

    @pytest.mark.parametrize("payload", PAYLOADS)
    def test_markup_in_a_text_is_printed_as_typed(self, payload):
        context = receipt(donor={"name": payload, "address_lines": [payload]}, appeal=payload)

        printed = rendering.to_pdf("donations/receipt.html", {**context, **FACTS})

        assert pdfs.text_of(printed.pdf).count(payload) == 3
        assert b"root:" not in printed.pdf
        assert pdfs.embedded_files(printed.pdf) == {}


class TestGlyphs:
    @pytest.mark.parametrize(
        "text",
        [
            "Foyer Ɲɛta, Tɔnɔ, Ŋɲ",
            "d’accueil à Ségou, œuvre, Ç",
            "陳大文 龍 𨋢 嘅",
            "جمعية الإغاثة",
            "ߒߞߏ ߓߊ߲",
            "Łódź Ελλάδα Киев",
            "№ × – … € ₣ m³",
        ],
    )
    @pytest.mark.parametrize("weight", ["normal", "bold"])
    def test_names_in_all_supported_scripts_can_be_printed(self, paper, text, weight):
        printed = paper('<p style="font-weight: {{ weight }}">{{ text }}</p>', text=text, weight=weight)

        assert fonts.unprintable(text) == []
        assert printed.pages == 1

    def test_a_character_missing_from_all_fonts_stops_the_paper(self, paper):
        with pytest.raises(rendering.MissingGlyphs) as refusal:
            paper("{{ name }}", name="Anna 🎉 and Bob 🎈🎉")

        assert refusal.value.details["characters"] == ["🎉", "🎈"]
        assert refusal.value.code == "missing_glyphs"
        assert fonts.unprintable("Anna 🎉 and Bob 🎈🎉") == ["🎉", "🎈"]

    def test_only_bundled_fonts_are_used_and_all_are_embedded(self, paper):
        printed = paper("<p>Ɲ <b>b</b> 陳 ع ߒ</p><pre>x</pre><p style='font-family: Georgia, monospace'>y</p>")

        drawn = pdfs.fonts(printed.pdf)
        assert all(drawn.values())
        assert all("Noto-Sans" in name for name in drawn)


class TestTemplates:
    def test_a_missing_value_stops_the_paper(self, paper):
        with pytest.raises(rendering.TemplateBroken, match="no value for weight"):
            paper("{{ weight }} kg")

    def test_a_missing_template_stops_the_paper(self):
        with pytest.raises(rendering.TemplateBroken):
            rendering.to_pdf("nowhere.html", {})

    def test_a_stylesheet_with_a_mistake_stops_the_paper_every_time(self, paper):
        for _ in range(2):
            with pytest.raises(rendering.TemplateBroken, match="colour"):
                paper("x", style="p { colour: red }")

    def test_the_metadata_have_number_kind_and_date_of_issue(self):
        printed = rendering.to_pdf("donations/receipt.html", {**receipt(), **FACTS})

        told = pdfs.metadata(printed.pdf)
        assert told["Title"] == "HK-2026-000001 Donation receipt"
        assert told["CreationDate"].startswith("D:20260302")
        assert told["Author"] == told["Subject"] == told["Keywords"] == ""


class TestProgress:
    def test_rises_to_a_hundred(self):
        told: list[int] = []
        rendering.to_pdf("donations/receipt.html", {**receipt(), **FACTS}, progress=told.append)

        assert told == sorted(set(told))
        assert told[-1] == 100
        assert len(told) > 3

    def test_a_progress_callback_may_stop_the_printing(self):
        class LeaseLost(Exception):
            pass

        def stop(percent):
            raise LeaseLost

        with pytest.raises(LeaseLost):
            rendering.to_pdf("donations/receipt.html", {**receipt(), **FACTS}, progress=stop)


def test_another_process_prints_the_same_bytes():
    program = (
        "import django, hashlib; django.setup()\n"
        "from logistics.documents import rendering\n"
        "from tests.donations.receipt_context import FACTS, receipt\n"
        "printed = rendering.to_pdf('donations/receipt.html', {**receipt(), **FACTS}, languages=('fr',))\n"
        "print(hashlib.sha256(printed.pdf).hexdigest())\n"
    )
    here = rendering.to_pdf("donations/receipt.html", {**receipt(), **FACTS}, languages=("fr",))

    there = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)

    assert there.stdout.split()[-1] == hashlib.sha256(here.pdf).hexdigest()


def test_a_combining_character_does_not_merge_with_a_tag(paper):
    """Unicode composes > and U+0338 into one letter; a donor's name that began with it was lost with its element."""
    pdf = paper("<p>\u0338foo <b>\u0338bar</b>\u0338</p><p>a=\u0338b e\u0301</p>").pdf

    text = pdfs.text_of(pdf)
    assert "foo" in text
    assert "bar" in text
    assert "a\u2260b \u00e9" in text


class TestRulesOfElements:
    """Papers without footnotes are printed without WeasyPrint's footnote rules."""

    LISTS = "<ol><li>one</li><li>two <q>three</q></li></ol><ul><li lang=fr>quatre</li></ul><p>x<br>y</p><hr>"

    def test_a_paper_looks_the_same_without_the_rules(self, paper, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(rendering, "html_class", lambda *texts: weasyprint.HTML)
            with_all = paper(self.LISTS)

        assert rendering.html_class(self.LISTS) is not weasyprint.HTML
        assert paper(self.LISTS).pdf == with_all.pdf

    @pytest.mark.parametrize(
        ("style", "body"),
        [
            (".f { float: footnote }", '<p>Said<span class="f">And proven</span></p>'),
            ("", '<p>Said<span style="float: footnote">And proven</span></p>'),
        ],
    )
    def test_a_footnote_has_its_number(self, paper, style, body):
        assert pdfs.text_of(paper(body, style).pdf).split() == ["Said1", "1.", "And", "proven"]

    def test_a_list_item_has_its_number(self, paper, monkeypatch):
        style = "p { display: list-item; list-style: decimal inside }"
        with monkeypatch.context() as patch:
            patch.setattr(rendering, "html_class", lambda *texts: weasyprint.HTML)
            with_all = paper("<p>x</p>", style)

        assert paper("<p>x</p>", style).pdf == with_all.pdf


class TestWording:
    @pytest.mark.parametrize(
        ("amount_minor", "currency", "languages", "printed"),
        [
            (65500, "XOF", ["fr"], "65 500 XOF"),
            (65500, "XOF", ["en"], "XOF 65 500"),
            (50050, "HKD", ["en"], "HK$500.50"),
            (50050, "HKD", ["fr"], "500,50 HKD"),
            (125000, "EUR", ["en"], "EUR 1,250.00"),
            (125000, "EUR", ["fr"], "1 250,00 EUR"),
            (1234567, "KWD", ["en"], "KWD 1,234.567"),
            (52509400, "HKD", ["en", "fr"], "HKD 525 094.00"),
            (0, "HKD", ["en"], "HK$0.00"),
        ],
    )
    def test_money_has_as_many_decimals_as_its_currency(self, amount_minor, currency, languages, printed):
        assert money.printed(amount_minor, currency, languages).replace(wording.GROUP, " ") == printed

    @pytest.mark.parametrize(
        ("languages", "printed"), [(["en"], "6,490.110"), (["fr"], "6 490,110"), (["en", "fr"], "6 490.110")]
    )
    def test_a_bilingual_paper_has_its_own_number_format(self, languages, printed):
        assert wording.number("6490.110", languages).replace(wording.GROUP, " ") == printed

    def test_a_bilingual_paper_writes_iso_dates(self):
        assert wording.day("2026-02-03", ["en", "fr"]) == "2026-02-03"
        assert wording.day("2026-02-03", ["en"]) == "3 February 2026"
        assert wording.day("2026-02-03", ["fr"]) == "3 février 2026"

    @pytest.mark.parametrize(
        ("part", "whole", "percent"),
        [("0", "10", 0), ("0.001", "10", 1), ("5", "10", 50), ("9.999", "10", 99), ("10", "10", 100), ("0", "0", 0)],
    )
    def test_a_share_is_100_percent_only_if_nothing_is_missing(self, part, whole, percent):
        assert wording.whole_percent(part, whole) == percent
