"""Search by words, in the lists of the API and of the admin."""

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.db.models import Exists, ManyToOneRel, Model, OuterRef, Q
from django.db.models.constants import LOOKUP_SEP
from django.utils.text import smart_split, unescape_string_literal

from logistics.text import tidied


def words_of(text: str) -> list[str]:
    """Return the words to look for, spelt as texts are stored; `"two words"` is one. Raises UnusableText."""
    found: list[str] = []
    for part in smart_split(tidied(text)):
        bare = part.strip(",")
        is_quoted = bare[:1] in ("'", '"') and bare[0] == bare[-1]
        found += [unescape_string_literal(bare)] if is_quoted else bare.split(",")
    return [word for word in found if word]


def occurs(model: type[Model], fields: Iterable[str], word: str) -> Q:
    """Return the condition that a word occurs in one of these fields of a row, or of its related rows.

    A name may end in `__exact`. Fields of many related rows, such as `lines__remark`, are searched by one EXISTS.
    Joined, as by DRF and Django, they would make every row occur several times.
    """
    found, of_many = Q(pk__in=()), defaultdict[ManyToOneRel, list[str]](list)
    for name in fields:
        first, _separator, rest = name.partition(LOOKUP_SEP)
        relation: Any = model._meta.get_field(first)
        if isinstance(relation, ManyToOneRel):
            of_many[relation].append(rest)
        elif rest == "exact":
            with suppress(ValidationError):  # a word that is no UUID is not in such a column
                found |= Q(**{first: relation.to_python(word)})
        else:
            found |= Q(**{f"{name}{LOOKUP_SEP}icontains": word})
    for relation, names in of_many.items():
        rows = relation.related_model._default_manager.filter(**{relation.remote_field.name: OuterRef("pk")})
        found |= Q(Exists(rows.filter(_occurs_inside(relation.related_model, names, word))))
    return found


def _occurs_inside(model: type[Model], fields: Iterable[str], word: str) -> Q:
    """Return the same condition without joins: what is related is found first.

    So the cost is the number of rows even if the database has no statistics. A join of three tables was planned as
    three nested loops: minutes for a thousand rows each.
    """
    found, related = Q(pk__in=()), defaultdict[str, list[str]](list)
    for name in fields:
        first, separator, rest = name.partition(LOOKUP_SEP)
        if separator:
            related[first].append(rest)
        else:
            found |= Q(**{f"{name}{LOOKUP_SEP}icontains": word})
    for first, names in related.items():
        other = model._meta.get_field(first).related_model
        assert isinstance(other, type), f"{model.__name__}.{first} leads to no model"
        found |= Q(**{f"{first}{LOOKUP_SEP}in": other._default_manager.filter(_occurs_inside(other, names, word))})
    return found
