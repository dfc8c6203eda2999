"""How public pages look: the charity's name, colours and logo.

A page that reports an error must not need the database, so the last look that was read is remembered.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from django.db import Error
from django.utils.translation import gettext as _

from logistics.charity.models import DEFAULT_ACCENT, DEFAULT_COLOUR, Charity
from logistics.errors import Invalid

log = logging.getLogger(__name__)
HEX: Final = re.compile(r"#[0-9a-f]{6}")
CONTRAST_MIN: Final = 4.5  # WCAG 2.2, level AA
WHITE, DARK = "#ffffff", "#1c1006"


@dataclass(frozen=True, slots=True)
class Look:
    """What the header and the colours of a public page need."""

    name: str = ""
    name_local: str = ""
    email: str = ""
    colour: str = DEFAULT_COLOUR
    accent: str = DEFAULT_ACCENT
    logo: str = ""  # its path
    logo_width: int = 0  # at the height of the header
    version: int = 0

    @property
    def deep(self) -> str:
        """A darker shade of the colour, for gradients."""
        return "#" + "".join(f"{int(part * 0.69):02x}" for part in _parts(self.colour))

    @property
    def on_accent(self) -> str:
        """The colour of text on buttons: whichever is easier to read."""
        return DARK if contrast(self.accent, DARK) >= contrast(self.accent, WHITE) else WHITE


LOGO_HEIGHT: Final = 40
_last: list[Look] = [Look()]  # of this process


def current() -> Look:
    """Return the look as finance has set it; while the database does not answer, the last one that was read."""
    try:
        charity = Charity.objects.select_related("logo").defer("logo__content", "logo__small").first()
    except Error as error:
        log.warning("The look of the pages could not be read: %s", type(error).__name__)
        return _last[0]
    _last[0] = of(charity) if charity else Look()
    return _last[0]


def remembered() -> Look:
    """Return the last look that this process has read, without the database."""
    return _last[0]


def of(charity: Charity) -> Look:
    logo = charity.logo
    return Look(
        name=charity.name,
        name_local=charity.name_local,
        email=charity.email,
        colour=charity.colour,
        accent=charity.accent,
        logo=logo.path if logo else "",
        logo_width=round(LOGO_HEIGHT * logo.width / logo.height) if logo else 0,
        version=charity.version,
    )


def check(colours: Mapping[str, str]) -> None:
    """Raise Invalid for what is not a colour, and for a main colour that is too light for white text on it."""
    for field, value in colours.items():
        if not HEX.fullmatch(value):
            raise Invalid(_("Write the colour as #0b5c6b."), field=field, code="not_a_colour")
    if "colour" in colours and contrast(colours["colour"], WHITE) < CONTRAST_MIN:
        raise Invalid(
            _("White text on this colour is hard to read. Choose a darker one."),
            field="colour",
            code="colour_too_light",
        )


def contrast(one: str, other: str) -> float:
    """Return the contrast of two colours, 1 to 21, by the formula of WCAG."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    red, green, blue = ((part / 255) for part in _parts(colour))
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in (red, green, blue)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def _parts(colour: str) -> tuple[int, int, int]:
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
