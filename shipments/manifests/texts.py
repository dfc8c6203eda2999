"""Texts that will stand on papers: what no bundled font can show is refused at the door, not by the printer."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from django.utils.translation import gettext as _

from logistics.documents import fonts
from logistics.errors import Invalid


@cache
def _printable() -> frozenset[str]:
    return frozenset(map(chr, fonts.printable_codepoints()))


def unprintable(text: str) -> list[str]:
    """Return the characters that no paper can show; usually none, which is found fast."""
    return [] if _printable().issuperset(text) else fonts.unprintable(text)


def check(texts: Mapping[str, Any], *, path: str = "") -> None:
    """Raise Invalid for the first field with a character that no paper can show."""
    for field, text in texts.items():
        for said in text if isinstance(text, list | tuple) else [text]:
            if isinstance(said, str) and (characters := unprintable(said)):
                raise Invalid(
                    _("Papers cannot show %(characters)s. Write it without.") % {"characters": " ".join(characters)},
                    field=f"{path}.{field}".strip("."),
                    code="unprintable",
                )
