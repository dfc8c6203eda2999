"""What papers can print, and how a text is printed in which some of it cannot be."""

import re
import sys
import unicodedata
from pathlib import Path

import pytest

from logistics.documents import fonts, han
from logistics.documents.printer import PaperLimits, Printer
from tests.donations.receipt_context import FACTS, receipt

# The hundred commonest surnames of China; 28 of them were once refused.
SURNAMES = (
    "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗梁宋郑谢韩唐冯于董萧程曹袁邓许傅沈曾彭吕苏卢蒋蔡贾丁魏薛叶阎"
    "余潘杜戴夏钟汪田任姜范方石姚谭廖邹熊金陆郝孔白崔康毛邱秦江史顾侯邵孟龙万段雷钱汤尹黎易常武乔贺赖龚文"
)
# Blocks of Unicode for the scripts that people write today, by their first letters.
SCRIPTS = "ԱაאبܐހߊࠀࡀঅਅઅଅஅఅಅഅඅกກཀကአᎠᐁᜀᜠᝀᝠកᠠᤀᥐᦀᨀᨠᬅᮃᯀᰀᱚⴰꓐꔀꠀꢂꤊꤰꦄꨀꪀꫀꯀ가ㄅぁア一〇龍𠀋𐒀𐓰𐴀𑄃𑐀𑣀𑵠𑴀𖡀𖩀𖫐𖬀𖹠𖼀𞄀𞋀𞠀𞤀"


def test_the_list_of_characters_is_that_of_the_fonts():
    assert fonts.LIST.read_text("ascii") == fonts.written(fonts.of_the_fonts())
    assert fonts.printable_codepoints() == fonts.of_the_fonts()


def test_the_commonest_names_of_china_can_be_printed():
    assert len(set(SURNAMES)) >= 98
    assert fonts.unprintable(SURNAMES) == []


@pytest.mark.parametrize("letter", SCRIPTS)
def test_every_script_in_use_can_be_printed(letter):
    assert fonts.unprintable(letter) == [], unicodedata.name(letter)


@pytest.mark.parametrize(
    ("text", "printed", "lost"),
    [
        ("Anna Müller", "Anna Müller", []),
        ("Anna 🎉 and Bob 🎈🎉", "Anna □ and Bob □□", ["🎉", "🎈"]),
        ("👩\u200d👧", "□", ["👩\u200d👧"]),
        ("🇫🇷 Jean 🇨", "□ Jean □", ["🇫🇷", "🇨"]),
        ("❤\ufe0f\u200d🔥", "□", ["❤\ufe0f\u200d🔥"]),
        ("👩🏽\u200d🌾 Awa", "□ Awa", ["👩🏽\u200d🌾"]),
        ("𓀀𓀁", "□□", ["𓀀", "𓀁"]),
        ("葛\U000e0100城", "葛\U000e0100城", []),  # a form of a character that a family writes
        ("علی\u200cرضا", "علی\u200cرضا", []),
        ("1 Road 🏠\nBamako", "1 Road □\nBamako", ["🏠"]),
    ],
)
def test_what_no_font_has_is_printed_as_a_square(text, printed, lost):
    assert fonts.printed(text) == (printed, lost)
    assert fonts.unprintable(printed) == []


@pytest.mark.parametrize(
    ("text", "country", "language"),
    [
        ("Anna Müller", "JP", ""),
        ("김철수", "", "ko"),
        ("金철수", "CN", "ko"),
        ("山田はなこ", "HK", "ja"),
        ("ヤマダ", "", "ja"),
        ("张刘陈", "", "zh-Hans"),
        ("陳大文", "", ""),
        ("嘅邨", "", ""),
        ("髙﨑", "", "ja"),
        ("王直", "JP", "ja"),
        ("王直", "TW", "zh-Hant-TW"),
        ("王直", "SG", "zh-Hans"),
        ("王直", "ML", ""),
        ("𠀋龘", "", ""),
    ],
)
def test_chinese_characters_have_the_forms_of_their_language(text, country, language):
    assert han.language_of(text, country) == language


@pytest.mark.skipif(sys.platform != "linux", reason="Linux tells which files a process has mapped")
def test_a_font_is_read_only_for_a_paper_that_needs_it():
    latin = {"NotoSans-Regular.ttf", "NotoSans-Bold.ttf"}
    printer = Printer(PaperLimits(memory_mb=700, cpu_seconds=60, wall_seconds=600))

    def read_after(name: str) -> set[str]:
        context = receipt(donor={"name": name, "address_lines": []})
        context["charity"] = {**context["charity"], "name_local": ""}
        printer.to_pdf("donations/receipt.html", {**context, **FACTS}, languages=("en",))
        maps = Path(f"/proc/{printer.start().process.pid}/maps").read_text()
        return set(re.findall(r"fonts/(\S+[.][to]tf)", maps))

    try:
        assert read_after("Awa Diarra") == latin
        assert read_after("สมชาย") == latin | {"NotoSansThai-Regular.ttf"}
        assert read_after("张伟") == latin | {"NotoSansThai-Regular.ttf", "NotoSansCJKhk-Regular.otf"}
    finally:
        printer.stop()
