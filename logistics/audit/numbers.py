"""The trail is searched by the number of the row that an entry is about, such as that of a shipment or of a gift."""

from collections.abc import Iterable
from typing import NamedTuple

from django.db.models import Model, Q


class Numbered(NamedTuple):
    """A model and its column of unique numbers; `subject`: the column with the id that the trail's entries name."""

    model: type[Model]
    column: str
    subject: str


_known: list[Numbered] = []


def register(model: type[Model], column: str, *, subject: str = "pk") -> None:
    """Let entries be found by this column of their subject, or of what belongs to it."""
    if (one := Numbered(model, column, subject)) not in _known:
        _known.append(one)


def about(word: str) -> Q:
    """Return the condition on entries that are about the row of this number; in capital letters or not."""
    return Q(subject_id__in=_subjects({word, word.upper(), word.lower()}))


def _subjects(spellings: Iterable[str]) -> list[object]:
    """Return the ids of the rows with such a number: one statement, which looks into a unique index of each table."""
    each = [
        one.model._default_manager.order_by().filter(**{f"{one.column}__in": spellings}).values_list(one.subject)
        for one in _known
    ]
    return [pk for (pk,) in each[0].union(*each[1:])] if each else []
