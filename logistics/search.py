"""Search by words, in the lists of the API and of the admin, whatever their accents and capital letters.

Words are found by trigram indexes, which `trigrams` declares: on a long list, a column without one is not searched.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import reduce
from operator import or_
from typing import Any, TypeVar

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import (
    Exists,
    F,
    ForeignKey,
    Func,
    GeneratedField,
    ManyToOneRel,
    Model,
    OuterRef,
    Q,
    QuerySet,
    TextField,
    UniqueConstraint,
    Value,
)
from django.db.models.constants import LOOKUP_SEP
from django.db.models.lookups import Contains, StartsWith
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


Record = TypeVar("Record", bound=Model)
Also = Callable[[str], Q | None]
Row = TypeVar("Row")
# In a name of a search field: the whole text is compared, with an ordinary index.
WHOLE = ("exact", "iexact")
SHORT = 2
NOTHING = Q(pk__in=())


KEPT = "_folded"  # ends the name of a column that holds the folded text of another


class Folded(Func):
    """A text as searches compare it: without accents, in capital letters. The function is made by the migration."""

    function = "public.folded"
    arity = 1
    output_field = TextField()


def folded(column: str) -> GeneratedField:
    """Return the column `<column>_folded`, for a text in which a word is often looked for in many rows.

    Folding takes longer than comparing, so the folded text is stored. Searches for `column` use it by themselves.
    """
    return GeneratedField(expression=Folded(column), output_field=TextField(), db_persist=True)


def trigrams(*columns: str, name: str) -> GinIndex:
    """Return the index by which words are found in these columns."""
    texts = (F(column) if column.endswith(KEPT) else Folded(column) for column in columns)
    return GinIndex(*(OpClass(text, name="gin_trgm_ops") for text in texts), name=name)


def find(
    rows: "QuerySet[Record, Row]", fields: Iterable[str], words: list[str], *, also: Also | None = None
) -> "QuerySet[Record, Row]":
    """Return the rows in which each word occurs in one of the fields; `also` returns another way to find by a word.

    The longest word, which the fewest rows hold, is also looked for in each table by itself (`ways_of`): one query
    with OR over joins uses no index. Filter before, not after, since the ways know only the filters up to here.

    If it is all of a number or of an email address, only the rows with exactly this one are returned: numbers are much
    alike, so an index of their parts holds long lists of rows for each part.
    """
    fields, model = list(fields), rows.model
    others = {word: (also and also(word)) or NOTHING for word in words}
    words = sorted(words, key=len, reverse=True)
    for word in words[1:]:
        rows = rows.filter(occurs(model, fields, word) | others[word])
    for word in words[:1]:
        if whole := [way for way in _ways_to_whole(model, fields, word) if rows.filter(way).exists()]:
            ways = [rows.filter(way) for way in whole]
            rows = rows.filter(reduce(or_, whole))
        else:
            ways = [rows.filter(way) for way in [*_ways(model, fields, word), others[word]] if way != NOTHING]
            rows = rows.filter(occurs(model, fields, word) | others[word])
        rows.query.ways = ways  # type: ignore[attr-defined]  # copied with the query
    return rows


def ways_of(rows: "QuerySet[Model, Row]") -> "list[QuerySet[Model, Row]]":
    """Return queries whose rows together are those that `find` returned; none if these were not searched."""
    return list(getattr(rows.query, "ways", ()))


def _ways(model: type[Model], fields: Iterable[str], word: str) -> list[Q]:
    """Return conditions that together say that a word occurs in one of these fields, each on one table."""
    own, related = list[str](), defaultdict[str, list[str]](list)
    for name in fields:
        first, separator, rest = name.partition(LOOKUP_SEP)
        if separator and rest not in WHOLE:
            related[first].append(rest)
        else:
            own.append(name)
    ways = [occurs(model, own, word)] if own else []
    for first, names in related.items():
        relation = model._meta.get_field(first)
        target = relation.related_model
        assert isinstance(target, type), f"{model.__name__}.{first} leads to no model"
        for way in _ways(target, names, word):
            other = target._default_manager.order_by().filter(way)
            if isinstance(relation, ManyToOneRel):
                ways.append(Q(pk__in=other.values(relation.remote_field.name)))
            else:
                ways.append(Q(**{f"{first}{LOOKUP_SEP}in": other}))
    return ways


NUMBER_OR_ADDRESS = re.compile(r".*[0-9@]")


def _ways_to_whole(model: type[Model], fields: Iterable[str], word: str) -> list[Q]:
    """Return the conditions that a column with an index of its own holds exactly this word, in any letter case."""
    spellings = {word, word.upper(), word.lower()}
    if len(word) <= SHORT or not NUMBER_OR_ADDRESS.match(word):
        return []
    found = list[Q]()
    for name in fields:
        *steps, column = name.split(LOOKUP_SEP)
        target: type[Model] | None = model
        for step in steps if column not in WHOLE else ():
            relation = target._meta.get_field(step) if target else None
            target = relation.related_model if isinstance(relation, ForeignKey) else None
        if column not in WHOLE and target and _leads_an_index(target, column):
            found.append(_through(model, steps, Q(**{f"{column}__in": spellings})))
    return found


def _through(model: type[Model], steps: list[str], condition: Q) -> Q:
    """Return the condition that the row to which these steps lead meets another one, without joins."""
    if not steps:
        return condition
    target = model._meta.get_field(steps[0]).related_model
    assert isinstance(target, type)
    rows = target._default_manager.order_by().filter(_through(target, steps[1:], condition))
    return Q(**{f"{steps[0]}{LOOKUP_SEP}in": rows})


def _leads_an_index(model: type[Model], column: str) -> bool:
    """Return whether the rows with a value of this column are found by an index of all rows."""
    uniques = [one for one in model._meta.constraints if isinstance(one, UniqueConstraint)]
    leading = [one.fields[0] for one in (*model._meta.indexes, *uniques) if one.fields and not one.condition]
    first_of = [one.expressions[0] for one in uniques if one.expressions]
    leading += [getattr(one, "name", "") for one in first_of]  # of F
    return column in leading or bool(getattr(model._meta.get_field(column), "unique", False))


def _holds(model: type[Model], name: str, word: str) -> Q:
    """Return the condition that a text holds a word.

    Trigrams cannot find one or two letters inside of a word: so these are looked for where a word begins.
    """
    text = _folded_text(model, name)
    if len(word) > SHORT or not (word.isascii() and word.isalnum()):
        return Q(Contains(text, Folded(Value(word))))
    return Q(StartsWith(text, Folded(Value(word)))) | Q(Contains(text, Folded(Value(f" {word}"))))


def _folded_text(model: type[Model], name: str) -> F | Folded:
    """Return the folded text of a column, which may be that of a related row: stored, or folded now."""
    *steps, last = name.split(LOOKUP_SEP)
    for step in steps:
        related = model._meta.get_field(step).related_model
        assert isinstance(related, type), f"{model.__name__}.{step} leads to no model"
        model = related
    try:
        model._meta.get_field(f"{last}{KEPT}")
    except FieldDoesNotExist:
        return Folded(name)
    return F(f"{name}{KEPT}")


def occurs(model: type[Model], fields: Iterable[str], word: str) -> Q:
    """Return the condition that a word occurs in one of these fields of a row, or of its related rows.

    A name may end in `__exact` or `__iexact`: then the word must be the whole text. Fields of many related rows, such
    as `lines__remark`, are searched by one EXISTS. Joined, as by DRF and Django, they would make every row occur
    several times.
    """
    found, of_many = Q(pk__in=()), defaultdict[ManyToOneRel, list[str]](list)
    for name in fields:
        first, _separator, rest = name.partition(LOOKUP_SEP)
        relation: Any = model._meta.get_field(first)
        if isinstance(relation, ManyToOneRel):
            of_many[relation].append(rest)
        elif rest in WHOLE:
            with suppress(ValidationError):  # a word that is no UUID is not in such a column
                found |= Q(**{name: relation.to_python(word)})
        else:
            found |= _holds(model, name, word)
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
            found |= _holds(model, name, word)
    for first, names in related.items():
        other = model._meta.get_field(first).related_model
        assert isinstance(other, type), f"{model.__name__}.{first} leads to no model"
        found |= Q(**{f"{first}{LOOKUP_SEP}in": other._default_manager.filter(_occurs_inside(other, names, word))})
    return found
