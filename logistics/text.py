"""One rule for the text that comes in by any door: the API, forms, the admin, spreadsheets.

What cannot be printed or seen must not wait in a manifest or a donor's name until the paper fails.
"""

import re
import unicodedata

from django.utils.translation import gettext as _

# C0 but tab and line feed, DEL, C1, line and paragraph separators, interlinear annotations, surrogates, noncharacters.
ENDS_OF_PLANES = "".join(f"{chr(plane * 0x10000 + 0xFFFE)}{chr(plane * 0x10000 + 0xFFFF)}" for plane in range(17))
REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufff9-\ufffb\ud800-\udfff" + ENDS_OF_PLANES + "]"
)
# Soft hyphen, grapheme joiner, zero-width space and no-break space, word joiner and invisible operators, directional
# embeddings, overrides and isolates, deprecated format characters, tags; fillers of Hangul outside a syllable, the
# separator of Mongolian vowels outside a word, and unwritten vowels of Khmer.
REMOVED = re.compile(
    "[\u00ad\u034f\u17b4\u17b5\u200b\u202a-\u202e\u2060-\u206f\u3164\ufeff\uffa0\U000e0000-\U000e007f]"
    "|(?<![\u1820-\u18aa])\u180e|\u180e(?![\u1820-\u18aa])"
    "|\u115f(?![\u1160-\u11a7])|(?<![\u1100-\u115f\ua960-\ua97c])\u1160"
)
# Marks of direction, which only text with letters of a right-to-left script needs.
MARKS, RIGHT_TO_LEFT = (
    re.compile("[\u061c\u200e\u200f]"),
    re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"),
)
SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u2800\u3000]")  # U+2800: Braille without a dot
# Scripts whose letters are joined: Arabic, Syriac, Thaana, N'Ko, Rohingya, Adlam, the scripts of India and their
# neighbours from Tibet to the Philippines, Mongolian, Tifinagh. A joiner after any other letter does nothing.
JOINING = (
    "\u0600-\u08ff\u0900-\u109f\u1700-\u18af\u1900-\u194f\u1a00-\u1c4f\u1cd0-\u1cff\u2d30-\u2d7f\ua800-\ua8ff"
    "\ua930-\ua95f\ua980-\uaadf\uaae0-\uaaff\uabc0-\uabff\ufb50-\ufdff\ufe70-\ufefc\U00010d00-\U00010d3f"
    "\U00011000-\U00011fff\U0001e900-\U0001e95f"
)
# One between two emoji makes one picture of them: a family, a profession, a flag.
EMOJI = "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
SHAPED_EMOJI = f"[{EMOJI}\ufe0f\u20e3]"
IDLE_JOINER = re.compile(f"(?<![{JOINING}\u200c\u200d])(?!(?<={SHAPED_EMOJI})\u200d[{EMOJI}])[\u200c\u200d]+")
# Of stream-safe text (Unicode Standard Annex 15). Longer runs take quadratic time to normalize: 80 kB of them 1.8 s.
ACCENTS_MAX = 30


class UnusableText(ValueError):
    """The text cannot be kept; the message says why and where, `code` is that of the error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def tidied(text: str) -> str:
    """Return the text as it is kept: in NFC, with plain spaces and line feeds, without invisible characters.

    Joiners stay after letters of scripts that need them. Raises UnusableText.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := REFUSED.search(text):
        message = _(
            "Character %(place)d (%(character)s) is an invisible control character. Delete it, or retype the text."
        )
        values = {"place": found.start() + 1, "character": f"U+{ord(found[0]):04X}"}
        raise UnusableText("control_characters", message % values)
    _check_accents(text)
    text = SPACES.sub(" ", REMOVED.sub("", text))
    if not RIGHT_TO_LEFT.search(text):
        text = MARKS.sub("", text)
    return unicodedata.normalize("NFC", IDLE_JOINER.sub("", text))


def _check_accents(text: str) -> None:
    run = 0
    for place, character in enumerate(text, start=1):
        run = run + 1 if unicodedata.combining(character) else 0
        if run > ACCENTS_MAX:
            message = _("There are more than %(most)d accents on one letter, at character %(place)d. Retype the text.")
            raise UnusableText("too_many_accents", message % {"most": ACCENTS_MAX, "place": place})
