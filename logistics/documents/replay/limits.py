"""Which stylesheets replay can follow exactly.

A row is printed like the first of its kind. That is right only if no rule depends on a row's position, on the number of
rows or on their neighbours. Anything doubtful is refused, and the paper is printed by plain WeasyPrint.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

import tinycss2
from cssselect2 import parser
from tinycss2.ast import Node

from logistics.documents.replay.refusal import Refused

# Properties by which one element affects another one, or its page.
FAR = re.compile(r"counter-(?:reset|increment|set)|page|quotes|float-.*|footnote-.*|bookmark-.*|anchor|link|columns?")
OF_THE_TABLE = {"table", "thead", "tbody", "tfoot", "tr", "col", "colgroup"}


@lru_cache(maxsize=64)
def check(sources: tuple[str, ...], *, elements: frozenset[str], marked: str) -> None:
    """Raise Refused if a stylesheet has a rule that replay cannot follow.

    `elements` are the names of those around the rows and in their cells, `marked` the attributes of all kinds of row.
    """
    fixed = OF_THE_TABLE | elements
    for source in sources:
        for rule in tinycss2.parse_stylesheet(source, skip_comments=True, skip_whitespace=True):
            if rule.type == "at-rule":
                _check_at_rule(rule)
            elif rule.type == "qualified-rule":
                _check_declarations(rule.content)
                for selector in parser.parse(rule.prelude):
                    _check_selector(selector.parsed_tree, fixed, marked)


def check_slots(sources: Iterable[str]) -> None:
    """Raise Refused if a stylesheet has a rule by which the text of a slot could change more than its own lines."""
    for source in sources:
        if found := re.search(r"::?first-l\w+|target-text|content-text|:dir\(", source):
            raise Refused(f"{found[0]} on a paper with slots")


def _check_at_rule(rule: Node) -> None:
    if rule.lower_at_keyword == "font-face":
        return
    page = tinycss2.serialize(rule.prelude).strip()
    if rule.lower_at_keyword != "page" or page not in ("", ":first"):
        raise Refused(f"@{rule.at_keyword} {page}")
    for declaration in tinycss2.parse_blocks_contents(rule.content, skip_comments=True, skip_whitespace=True):
        if declaration.type == "declaration" and FAR.fullmatch(declaration.lower_name):
            raise Refused(f"{declaration.name} of a page")


def _check_declarations(content: list[Node]) -> None:
    for declaration in tinycss2.parse_blocks_contents(content, skip_comments=True, skip_whitespace=True):
        if declaration.type != "declaration":
            raise Refused("a nested rule")
        if FAR.fullmatch(declaration.lower_name):
            raise Refused(declaration.name)
        if declaration.lower_name == "float" and "footnote" in tinycss2.serialize(declaration.value):
            raise Refused("footnotes")
        for token in declaration.value:
            if token.type == "function" and token.lower_name.startswith(("counter", "target-", "element", "leader")):
                raise Refused(f"{token.name}() outside of @page")


def _check_selector(tree: object, fixed: set[str], marked: str) -> None:
    while isinstance(tree, parser.CombinedSelector):
        _check_compound(tree.right, fixed, marked, beside=tree.combinator in ("+", "~"))
        tree = tree.left
    _check_compound(tree, fixed, marked, beside=False)


def _check_compound(compound: parser.CompoundSelector, fixed: set[str], marked: str, *, beside: bool) -> None:
    """Raise Refused if a compound selector depends on the position among siblings and may match a row."""
    asks = beside
    name, classes = "", []
    for simple in compound.simple_selectors:
        if isinstance(simple, parser.LocalNameSelector):
            name = simple.lower_local_name
        elif isinstance(simple, parser.ClassSelector):
            classes.append(simple.class_name)
        elif isinstance(simple, parser.PseudoClassSelector | parser.FunctionalPseudoClassSelector):
            if simple.name == "empty":
                raise Refused(":empty")
            asks = asks or simple.name not in ("root", "link", "any-link", "lang")
        elif not isinstance(simple, parser.IDSelector | parser.AttributeSelector):
            # :has(), :not(), :is(), :where(): what they contain may depend on the position.
            raise Refused("a selector holds another, as :has() does")
    if not asks or (name and name not in fixed):
        return
    if not name and classes and not any(re.search(rf"\b{re.escape(c)}\b", marked) for c in classes):
        return
    raise Refused("a selector asks for the place of a row among its siblings")
