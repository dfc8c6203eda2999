"""Render our own Markdown as HTML. HTML tags in it are escaped."""

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token


def _fence(renderer: object, tokens: list[Token], index: int, options: object, env: object) -> str:
    # Focusable, so that keyboard users can scroll text that is wider than the page.
    return f'<pre tabindex="0">{escape(tokens[index].content.rstrip())}</pre>\n'


_parser = MarkdownIt("commonmark", {"html": False}).enable("table")
_parser.add_render_rule("fence", _fence)


def html(text: str, *, top: int = 2) -> SafeString:
    """Return Markdown as HTML; `top` is the level of its "# headings"."""
    tokens = _parser.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{int(token.tag[1:]) + top - 1}"
        elif token.type == "th_open":
            token.attrSet("scope", "col")
    rendered: str = _parser.renderer.render(tokens, _parser.options, {})
    return mark_safe(rendered)  # noqa: S308  the parser escapes


def inline(text: str) -> SafeString:
    """Return one line of Markdown as HTML, without a paragraph around it."""
    rendered: str = _parser.renderInline(text)
    return mark_safe(rendered)  # noqa: S308  the parser escapes
