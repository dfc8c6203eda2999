"""Every fixed text of a paper has a French translation."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

ROOT = Path(__file__).parent.parent.parent
APPS = ("logistics", "shipments", "donations")
TEMPLATES = [path for app in APPS for path in sorted((ROOT / app).glob("templates/**/*.html"))]
WORDS = re.compile(
    r'{% (?:both|both_plain|stack_words) "([^"]+)"|party\.html" with label="([^"]+)"|{% qr \S+ "([^"]+)"'
)
COUNTED = re.compile(r'{% both_count \S+ "([^"]+)" "[^"]+"')


def french() -> dict[str, str]:
    found: dict[str, str] = {}
    for app in APPS:
        path = ROOT / app / "locale" / "fr" / "LC_MESSAGES" / "django.po"
        if path.exists():
            with path.open("rb") as file:
                for message in read_po(file, locale="fr"):
                    if message.id and not message.fuzzy:
                        single = (message.id[0], (message.string or ("",))[0]) if message.pluralizable else None
                        key, text = single or (message.id, message.string)
                        found[str(key)] = str(text or "")
    return found


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_every_fixed_text_of_a_paper_has_a_french_translation(template):
    source = template.read_text()
    said = {word for groups in WORDS.findall(source) for word in groups if word} | set(COUNTED.findall(source))

    assert said - {word for word, text in french().items() if text} == set()
