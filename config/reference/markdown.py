"""Markdown as our own texts use it: headings, paragraphs, lists, tables, code, emphasis, links; all else is text."""

import re
from collections.abc import Iterable, Iterator

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

# One pass, so that nothing inside code or inside a link's address is read as markup again.
INLINE = re.compile(
    r"`(?P<code>[^`]+)`|\*\*(?P<strong>[^*]+)\*\*|\*(?P<em>[^*\s][^*]*)\*|\[(?P<text>[^\]]+)\]\((?P<url>[^)\s]+)\)"
)
BLOCK_START = re.compile(r"#|```|\||- |\* |\d+\. ")


def inline(text: str) -> SafeString:
    """Return one line of Markdown as HTML; whatever in it is markup of HTML is shown, not obeyed."""
    parts: list[str] = []
    done = 0
    for found in INLINE.finditer(text):
        parts += [text[done : found.start()], _marked(found)]
        done = found.end()
    return _joined([*parts, text[done:]])


def html(text: str, *, top: int = 2) -> SafeString:
    """Return Markdown as HTML; `top` is the level of its "# headings"."""
    return _joined(_blocks(text.splitlines(), top), between="\n")


def _joined(parts: Iterable[str], *, around: str = "", between: str = "") -> SafeString:
    """Put parts beside each other, each in an element if one is named; those that are not HTML are escaped."""
    one = f"<{around}>{{}}</{around}>" if around else "{}"
    return format_html_join(between, one, ((part,) for part in parts))


def _marked(found: re.Match[str]) -> SafeString:
    kind = found.lastgroup or ""
    if kind == "url":
        return format_html('<a href="{}">{}</a>', found["url"], inline(found["text"]))
    return _joined([found["code"] if kind == "code" else inline(found[kind])], around=kind)


def _blocks(lines: list[str], top: int) -> Iterator[SafeString]:
    at = 0
    while at < len(lines):
        line, first = lines[at], at
        at += 1
        if line.startswith("```"):
            at = next(end for end in range(at, len(lines)) if lines[end].startswith("```")) + 1
            yield format_html('<pre tabindex="0">{}</pre>', "\n".join(lines[first + 1 : at - 1]))
        elif line.startswith("#"):
            level = top + len(line) - len(line.lstrip("#")) - 1
            yield _joined([inline(line.lstrip("# "))], around=f"h{level}")
        elif line.strip():
            at = _end_of_block(lines, at)
            yield _block(lines[first:at])


def _end_of_block(lines: list[str], at: int) -> int:
    """Return where the block before `at` ends: at an empty line, or where another kind of block begins."""
    kind = _kind(lines[at - 1])
    same = (kind, "text") if kind in ("ul", "ol") else (kind,)  # an item may go on in the next line
    while at < len(lines) and lines[at].strip() and _kind(lines[at]) in same:
        at += 1
    return at


def _kind(line: str) -> str:
    found = BLOCK_START.match(line)
    start = found[0] if found else ""
    return {"": "text", "|": "table", "- ": "ul", "* ": "ul", "#": "heading", "```": "code"}.get(start, "ol")


def _block(lines: list[str]) -> SafeString:
    kind = _kind(lines[0])
    if kind == "table":
        return _table([[cell.strip() for cell in line.strip("| ").split("|")] for line in lines])
    if kind == "text":
        return _joined([inline(" ".join(line.strip() for line in lines))], around="p")
    items: list[str] = []
    for line in lines:
        if _kind(line) == kind:
            items.append(BLOCK_START.sub("", line, count=1))
        else:
            items[-1] += f" {line.strip()}"
    return _joined([_joined(map(inline, items), around="li")], around=kind)


def _table(rows: list[list[str]]) -> SafeString:
    head, _rule, *body = rows
    heads = format_html_join("", '<th scope="col">{}</th>', ((inline(cell),) for cell in head))
    told = _joined((_joined(map(inline, row), around="td") for row in body), around="tr")
    return format_html("<table><thead><tr>{}</tr></thead><tbody>{}</tbody></table>", heads, told)
