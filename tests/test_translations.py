"""Every gettext message has a French translation with the same placeholders."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po
from django.conf import settings
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Model
from django.test import RequestFactory
from django.utils.translation import gettext, gettext_lazy, override, pgettext
from django.utils.translation.template import templatize

from logistics.audit.models import AuditEntry
from logistics.documents.models import kind_name
from logistics.forms import TidyForm
from logistics.mail import readers
from logistics.partners.traces import field_name
from logistics.people.models import User
from shipments.papers.models import Paper
from shipments.shipments import trail

ROOT = Path(__file__).parent.parent
PACKAGES = ("config", "logistics", "shipments", "donations")
CATALOGS = sorted(path for package in PACKAGES for path in (ROOT / package).glob("locale/fr/LC_MESSAGES/django.po"))
# Argument positions of messages in a call; (1, "c") is a context. Django's names, and our aliases of them.
ONE, COUNTED, IN_CONTEXT, COUNTED_IN_CONTEXT = None, (1, 2), ((1, "c"), 2), ((1, "c"), 2, 3)
CALLS = {
    "_": ONE,
    "gettext": ONE,
    "gettext_lazy": ONE,
    "gettext_noop": ONE,
    "ngettext": COUNTED,
    "ngettext_lazy": COUNTED,
    "pgettext": IN_CONTEXT,
    "pgettext_lazy": IN_CONTEXT,
    "npgettext": COUNTED_IN_CONTEXT,
    "npgettext_lazy": COUNTED_IN_CONTEXT,
    # Verbs of the audit trail, which pages translate when they show them.
    "record": ONE,
    "_done": (2,),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)\w|%[sd]|\{(\w*)\}")
NOT_SAID = re.compile(r"/(migrations|assets)/")

Key = tuple[str | None, str]
Said = tuple[str, ...]


def sources() -> Iterator[Path]:
    """Yield every file that may contain messages."""
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*")):
            if path.suffix in (".py", ".html", ".txt") and not NOT_SAID.search(str(path)):
                yield path


def said_in(path: Path) -> Iterator[tuple[Key, Said, int]]:
    """Yield context and singular, then all forms, and the line of each message in one file."""
    text = path.read_text()
    if path.suffix != ".py":
        # Text between the tags has become runs of X, whose indentation is not valid Python.
        text = "\n".join(line.lstrip() for line in templatize(text, origin=str(path)).splitlines())
    for line, words, _, context in extract("python", BytesIO(text.encode()), CALLS, options={"encoding": "utf-8"}):
        forms = words if isinstance(words, tuple) else (words,)
        yield (context, forms[0]), tuple(forms), line


def french() -> dict[Key, Message]:
    found: dict[Key, Message] = {}
    for path in CATALOGS:
        with path.open("rb") as file:
            for message in read_po(file, locale="fr"):
                if message.id:
                    single = message.id[0] if message.pluralizable else message.id
                    found[message.context, str(single)] = message
    return found


def values_in(text: str) -> list[str]:
    return sorted(match[0] for match in PLACEHOLDER.finditer(text))


def complaint(forms: Said, message: Message | None) -> str:
    """Return what is wrong with the French translation of a message; "" if it exists with the same placeholders."""
    if message is None:
        return "no French"
    if message.fuzzy:
        return "fuzzy"
    written = [str(form or "") for form in (message.string if message.pluralizable else (message.string,)) or ()]
    if len(forms) > 1 and len(written) < 2:
        return "no plural"
    if not all(written):
        return "empty"
    # A singular may omit its number, as in "one package".
    if set(values_in(written[-1])) != set(values_in(forms[-1])) or not set(values_in(written[0])) <= set(
        values_in(forms[0])
    ) | set(values_in(forms[-1])):
        return "other values than the English"
    return ""


@pytest.mark.parametrize("package", PACKAGES)
def test_every_message_has_a_french_translation(package):
    known = french()
    wrong = [
        f"{path.relative_to(ROOT)}:{line}: {what}: {forms[0]!r}"
        for path in sources()
        if path.relative_to(ROOT).parts[0] == package
        for key, forms, line in said_in(path)
        if (what := complaint(forms, known.get(key)))
    ]

    assert not wrong, "\n".join(wrong)


def test_a_colon_is_part_of_its_message():
    """French puts a space before a colon, so a template cannot add the colon itself."""
    bare = [
        f"{path.relative_to(ROOT)}: {words}"
        for path in sources()
        if path.suffix in (".html", ".txt")
        for words in re.findall(r"\{% translate (\"[^\"]+\") %\}:", path.read_text())
    ]

    assert bare == []


@pytest.mark.parametrize("path", CATALOGS, ids=lambda path: path.parts[-5])
def test_a_catalog_has_no_duplicate_or_fuzzy_entries(path):
    with path.open("rb") as file:
        catalog = read_po(file, locale="fr", abort_invalid=True)
    keys = re.findall(r'^(?:msgctxt (".*")\n)?msgid (".+")$', path.read_text(), re.MULTILINE)

    assert [message.id for message in catalog if message.id and message.fuzzy] == []
    assert sorted({key for key in keys if keys.count(key) > 1}) == []


def test_every_french_text_is_used():
    """Papers translate names that they get as values, and menus capitalise names: those are found as text."""
    used = {key for path in sources() for key, _, _ in said_in(path)}
    names = {text.lower() for _, text in used}
    written = re.sub(r'"\s*"', "", "".join(path.read_text() for path in sources()))

    dead = [
        text for context, text in french()
        if (context, text) not in used and text.lower() not in names and text not in written
    ]  # fmt: skip

    assert sorted(set(dead)) == []


def test_guides_name_the_buttons_and_pages_that_exist():
    """A guide writes what stands on the screen in bold or italics. "Add" is Django's own, before the name of a row."""
    shown = {text.lower().replace("’", "'").rstrip(".:") for _, text in french()} | {"add"}
    named = [
        (path.name, name)
        for path in sorted((ROOT / "docs" / "guides").glob("*.md"))
        if not path.name.endswith(".fr.md")
        for name in re.findall(r"[^\n*-] \*{1,2}([A-Z][^*\n\d]+)\*{1,2}", path.read_text())
    ]

    assert len(named) > 20
    assert [
        (guide, name)
        for guide, name in named
        if name.lower().replace("’", "'").rstrip(".:").removeprefix("add ") not in shown
    ] == []


def test_french_punctuation_has_a_no_break_space():
    wrong = [
        text
        for message in french().values()
        for text in (message.string if isinstance(message.string, tuple) else (message.string,))
        if re.search(r" [:;?!»](?!\w)|« ", str(text))
    ]

    assert wrong == []


def test_kinds_of_papers_and_mails_have_french_names():
    with override("fr"):
        names = {kind: kind_name(kind) for kind in (*Paper.Kind.values, "receipt")}
        mails = {kind: readers.name_of(kind) for kind in readers.kinds()}

    same = {"invitation"}  # in both languages
    assert [kind for kind, name in names.items() if name == kind.replace("-", " ").capitalize()] == []
    assert [kind for kind, name in mails.items() if name == kind and kind not in same] == []


def test_catalogs_do_not_contradict_each_other():
    # Django merges them: one application's translation would appear on another's papers.
    said: dict[Key, set[str]] = {}
    for path in CATALOGS:
        with path.open("rb") as file:
            for message in read_po(file, locale="fr"):
                if message.id:
                    single = message.id[0] if message.pluralizable else message.id
                    said.setdefault((message.context, str(single)), set()).add(str(message.string))

    assert {key: texts for key, texts in said.items() if len(texts) > 1} == {}


def test_all_field_texts_in_the_admin_are_translatable():
    """A name derived from the attribute, or a plain string, would appear in English on a French page."""
    english, own = [], set(dict(settings.LANGUAGES).values())  # languages are named in themselves
    for model, shown in fields_of_admin().items():
        names = {"verbose_name": model._meta.verbose_name, "verbose_name_plural": model._meta.verbose_name_plural}
        for field in model._meta.fields:
            if field.name in shown:
                names[field.name] = field.verbose_name
                names[f"{field.name}, help"] = field.help_text or gettext_lazy("No")
                names |= {f"{field.name}: {value}": label for value, label in field.flatchoices if label != value}
                names = {where: text for where, text in names.items() if text not in own}
        english += [f"{model.__name__} {where}: {text}" for where, text in names.items() if type(text) is str]

    assert english == []


def fields_of_admin() -> dict[type[Model], set[str]]:
    """Return the labels in the lists, filters, forms and inlines of each model."""
    request = RequestFactory().get("/admin/")
    request.user = User(is_superuser=True)
    found: dict[type[Model], set[str]] = {}
    for model, page in admin.site._registry.items():
        form = flatten_fieldsets(page.get_fieldsets(request, None))
        filters = [name for name in page.get_list_filter(request) if isinstance(name, str)]
        found.setdefault(model, set()).update({*map(str, page.get_list_display(request)), *map(str, form), *filters})
        for inline in page.inlines:
            found.setdefault(inline.model, set()).update(map(str, inline.fields or ()))
    return found


def test_words_that_are_both_noun_and_verb_have_contexts():
    with override("fr"):
        assert (gettext("Seal"), pgettext("shipment, a button", "Seal")) == ("Scellé", "Sceller")


@pytest.mark.parametrize(
    ("verb", "details", "english", "french_words"),
    [
        ("manifest refused", {"errors": 1}, "with 1 error;", "avec 1 erreur\N{NO-BREAK SPACE};"),
        ("manifest refused", {"errors": 2}, "with 2 errors;", "avec 2 erreurs\N{NO-BREAK SPACE};"),
        ("dispatched", {"contacts_notified": 1}, "1 contact of the partner was", "1 contact du partenaire prévenu."),
        ("manifest imported", {"packages": 1, "lines": 3}, "1 package and 3 lines", "1 colis et 3 lignes"),
        ("discrepancy decided", {"kind": "short", "decision": "write_off"}, "(short): write off", "passer en perte"),
        ("paper issued", {"kind": "labels", "number": "1", "version": 2}, "1 (labels)", "1 (étiquettes)"),
    ],
)
def test_the_trail_is_in_the_language_of_its_reader(verb, details, english, french_words):
    entry = AuditEntry(verb=verb, details=details)

    with override("en"):
        assert english in trail.sentence(entry, "Ama")
    with override("fr"):
        assert french_words in trail.sentence(entry, "Ama")


def test_every_field_of_a_form_of_the_admin_has_a_label_of_its_own() -> None:
    """Django would make an English one from the name in the code."""
    forms = {shown.form for shown in admin.site._registry.values()} | {*subclasses(TidyForm)}
    made = {
        f"{form.__name__}.{name}"
        for form in forms
        if "portal" not in form.__module__  # the labels of the giving page stand in its templates
        for name, field in getattr(form, "base_fields", {}).items()
        if field.label is None and not field.widget.is_hidden
    }

    assert len(forms) > 20
    assert made == set()


def subclasses(of: type) -> Iterator[type]:
    for one in of.__subclasses__():
        yield one
        yield from subclasses(one)


def test_the_name_of_a_refused_field_has_a_french_colon() -> None:
    with override("fr"):
        assert field_name("shipments.shipment.title") == "expédition\N{NO-BREAK SPACE}: titre"
