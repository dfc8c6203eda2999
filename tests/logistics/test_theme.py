"""The admin's theme speaks French, too: each text of the parts that we use has a translation."""

import re
from collections.abc import Iterator
from pathlib import Path

import unfold
from django.utils import translation

from logistics import theme

THEME = Path(unfold.__file__).parent
# Parts that we do not use: users of Django's own kind, editors, nested and crispy forms, datasets.
UNUSED = re.compile(r"contrib/(?!filters/|forms/templates/unfold/forms/array)|/auth/user/|crispy|nested|dataset")
SINGLE = re.compile(r"\{%\s*trans(?:late)?\s+([\"'])(.*?)\1|\b(?:_|gettext|gettext_lazy)\(\s*([\"'])(.*?)\3\s*\)")
SAME_IN_FRENCH = {"Action", "Date"}


def texts() -> Iterator[str]:
    for path in [*THEME.rglob("*.html"), *THEME.rglob("*.py")]:
        if not UNUSED.search(str(path.relative_to(THEME))):
            yield from (found[2] or found[4] for found in SINGLE.finditer(path.read_text()))


def test_every_text_of_the_theme_has_french():
    with translation.override("fr"):
        english = {text for text in texts() if translation.gettext(text) == text}

    assert english - SAME_IN_FRENCH == set()


def test_each_text_is_still_one_of_the_theme():
    assert set(theme.TEXTS) - set(texts()) == set()


def test_an_empty_list_says_so_in_idiomatic_english():
    with translation.override("en"):
        said = translation.gettext("This page yielded into no results. Create a new item or reset your filters.")

    assert said == "Nothing matches this search and these filters, or the list is still empty."
