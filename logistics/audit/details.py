"""What an audit entry says beside its action, in the reader's language: "count: 2 · fields: shipment: title"."""

from collections.abc import Iterator
from contextlib import suppress

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.translation import gettext, gettext_noop

from logistics.audit.models import AuditEntry

# Names of details that no room above chooses; others stand beside what records them. Names of fields or rows are
# translated there.
NAMES = (
    gettext_noop("administrators notified"),
    gettext_noop("amount minor"),
    gettext_noop("contacts notified"),
    gettext_noop("count"),
    gettext_noop("fields"),
    gettext_noop("first"),
    gettext_noop("key"),
    gettext_noop("last"),
    gettext_noop("officer"),
    gettext_noop("officers notified"),
    gettext_noop("reversed"),
    gettext_noop("text"),
    gettext_noop("was"),
)


def shown(entry: AuditEntry) -> str:
    """Return the details of an entry as one line, or a dash."""
    pairs = (
        gettext("%(name)s: %(value)s") % {"name": _words(entry, name), "value": ", ".join(_values(entry, value))}
        for name, value in entry.details.items()
    )
    return " · ".join(pairs) or "–"


def _values(entry: AuditEntry, value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (f"{_words(entry, name)} {', '.join(_values(entry, one))}" for name, one in value.items())
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _values(entry, one)
    elif isinstance(value, bool):
        yield gettext("yes") if value else gettext("no")
    else:
        yield _words(entry, str(value)) if value not in (None, "") else "–"


def _words(entry: AuditEntry, code: str) -> str:
    """Return the name of a field ("shipments.shipment.title", or of the entry's own row) or of a choice, else words."""
    label, _, name = code.rpartition(".")
    try:
        model = apps.get_model(label or entry.subject_kind)
    except (LookupError, ValueError):
        return _spaced(code)
    with suppress(FieldDoesNotExist):
        named = str(getattr(model._meta.get_field(name), "verbose_name", name))
        return f"{model._meta.verbose_name}: {named}" if label else named
    choices = (dict(field.flatchoices).get(code) for field in model._meta.fields)
    return next((str(choice) for choice in choices if choice is not None), None) or _spaced(code)


def _spaced(code: str) -> str:
    words = code.replace("_", " ").replace("-", " ")
    return gettext(words) if words.replace(" ", "").isalpha() else code
