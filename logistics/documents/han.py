"""The language of a text with Chinese characters, which have another form in each country.

One code point has one form in Hong Kong and another in Japan, and people see at once that their name is written in a
foreign hand. The font has all forms and draws those of the text's language (its `lang`); without one, Hong Kong's.
"""

import re

HAN = re.compile(
    "[\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]+"
)
KANA = re.compile("[\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff9d]")
HANGUL = re.compile("[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7a3\ud7b0-\ud7fb\uffa1-\uffdc]")
OF_COUNTRY = {
    **dict.fromkeys(("CN", "SG", "MY"), "zh-Hans"),
    **dict.fromkeys(("HK", "MO"), "zh-Hant-HK"),
    "TW": "zh-Hant-TW",
    "JP": "ja",
    **dict.fromkeys(("KR", "KP"), "ko"),
}
# The character sets of these languages, each without most characters of the others. The first that has all characters
# of a text tells its language.
CHARACTER_SETS = (
    ("cp950", ""),
    ("gb2312", "zh-Hans"),
    ("cp932", "ja"),
    ("big5hkscs", ""),
    ("euc_kr", "ko"),
    ("gbk", "zh-Hans"),
)


def language_of(text: str, country: str = "") -> str:
    """Return the language whose forms a text is printed in; "": it needs none, or Hong Kong's.

    Kana and Hangul tell it, else the country where its owner lives (ISO 3166-1 alpha-2), else the characters.
    """
    if KANA.search(text):
        return "ja"
    if HANGUL.search(text):
        return "ko"
    characters = "".join(HAN.findall(text))
    if not characters:
        return ""
    if country in OF_COUNTRY:
        return OF_COUNTRY[country]
    return next((language for encoding, language in CHARACTER_SETS if _has(encoding, characters)), "")


def _has(encoding: str, characters: str) -> bool:
    try:
        characters.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True
