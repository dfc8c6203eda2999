"""Texts that will stand on papers: what no bundled font can show is refused at the door, not by the printer."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from logistics.documents import fonts
from logistics.errors import Invalid

# What every font of papers has, and most texts are made of: no need to open the fonts, which takes half a second.
LATIN = frozenset(map(chr, [*range(0x20, 0x7F), *range(0xA1, 0x180)])) - {"\u00ad"} | set("–—‘’“”…€")


def unprintable(text: str) -> list[str]:
    """Return the characters that no paper can show; usually none, which is found fast."""
    return [] if LATIN.issuperset(text) else fonts.unprintable(text)


def check(texts: Mapping[str, Any], *, path: str = "") -> None:
    """Raise Invalid for the first field with a character that no paper can show."""
    for field, text in texts.items():
        for said in text if isinstance(text, list | tuple) else [text]:
            if isinstance(said, str) and (characters := unprintable(said)):
                raise Invalid(
                    _("Papers cannot show %(characters)s. Write it without.") % {"characters": " ".join(characters)},
                    field=f"{path}.{field}".strip("."),
                    code="not_printable",
                )
