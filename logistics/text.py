"""One rule for the text that comes in by any door: the API, forms, the admin, spreadsheets.

What cannot be printed or seen must not wait in a manifest or a donor's name until the paper fails.
"""

import re
import unicodedata

from django.utils.translation import gettext as _

# C0 but tab and line feed, DEL, C1, line and paragraph separators, interlinear annotations, noncharacters, surrogates.
REFUSED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufdd0-\ufdef\ufff9-\ufffb\ufffe\uffff\ud800-\udfff]"
)
# Soft hyphen, zero-width space and no-break space, word joiner and invisible operators, directional embeddings,
# overrides and isolates, deprecated format characters, tags.
REMOVED = re.compile("[\u00ad\u180e\u200b\u202a-\u202e\u2060-\u206f\ufeff\U000e0000-\U000e007f]")
# Marks of direction, which only text with letters of a right-to-left script needs.
MARKS, RIGHT_TO_LEFT = re.compile("[\u061c\u200e\u200f]"), re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")
SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
# Scripts whose words need joiners: Arabic, Syriac, Thaana, N'Ko, the scripts of India and their neighbours, Mongolian.
JOINING = "\u0600-\u08ff\u0900-\u109f\u1780-\u18af\ufb50-\ufdff\ufe70-\ufeff"
IDLE_JOINER = re.compile(f"(?<![{JOINING}])[\u200c\u200d]+|[\u200c\u200d]+(?![{JOINING}])")


class UnusableCharacter(ValueError):
    """The text has a character that nobody can see or print; the message says where."""

    code = "control_characters"

    def __init__(self, character: str, place: int) -> None:
        values = {"place": place, "character": f"U+{ord(character):04X}"}
        super().__init__(
            _("Character %(place)d (%(character)s) is an invisible control character. Delete it, or retype the text.")
            % values
        )


def tidied(text: str) -> str:
    """Return the text as it is kept: in NFC, with plain spaces and line feeds, without invisible characters.

    Joiners stay between letters of scripts that need them. Raises UnusableCharacter.
    """
    if text.isascii() and text.isprintable():
        return text
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if found := REFUSED.search(text):
        raise UnusableCharacter(found[0], found.start() + 1)
    text = SPACES.sub(" ", REMOVED.sub("", text))
    if not RIGHT_TO_LEFT.search(text):
        text = MARKS.sub("", text)
    return unicodedata.normalize("NFC", IDLE_JOINER.sub("", text))
