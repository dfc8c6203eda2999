"""Template tags that every paper template can use without loading them.

    {% both "Gross weight" %}                    Gross weight / Poids brut
    {% both_count n "package" "packages" %}      packages / colis
    {% pair texts %}                             a text of the context, given as {"en": ..., "fr": ...}
    {% stack texts %}, {% stack_words "Net" %}   the same, one under the other
    {% dimensions "58.5" "50.0" "22.0" %}
    {% number "6490.110" %}  {% money 50050 "HKD" %}  {% day "2026-02-27" %}
    {% qr url "QR: verify this paper" %}         a QR code, drawn as one vector path
    {% sscc_bars "048912340000000012" "Bar code: SSCC" %}   an SSCC as a GS1-128 bar code
    {% styled_by "shipments/papers/packing_list.css" %}
    {% attach_context "manifest.json" issued_on %}   embed the context in the PDF, for programs

All use the languages of the paper that is being printed.
"""

import inspect
import json
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from django import template
from django.template.base import FilterExpression, Parser, Token
from django.utils.html import escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language_info

from logistics import barcodes, wording
from logistics.money import amounts

register = template.Library()
NAMED = re.compile(r"[a-z_]+\.[a-z_]+")

# A list of thousands of lines repeats the same few texts. Each is rendered and escaped once and then cached: the most
# recent ones of each tag, about 2 MB when full.
cached = lru_cache(maxsize=4096, typed=True)


@dataclass(frozen=True)
class EmbeddedFile:
    name: str
    packed: bytes  # by zlib: the context of a long list is as long as its print
    size: int  # of its content, in bytes
    dated: str  # ISO 8601 date; with the current time, every print would have other bytes


@dataclass
class TemplatePaper:
    """What a template gives the renderer besides its HTML."""

    languages: tuple[str, ...]
    context: Mapping[str, object]  # as passed in
    stylesheets: list[str] = field(default_factory=list)
    embedded: list[EmbeddedFile] = field(default_factory=list)

    @property
    def language(self) -> str:
        return self.languages[0]

    @property
    def direction(self) -> str:
        return direction(self.language)


def direction(language: str) -> str:
    """Return the writing direction of a language, as a value of HTML's `dir`."""
    return "rtl" if get_language_info(language)["bidi"] else "ltr"


def side_by_side(texts: Mapping[str, str]) -> SafeString:
    """Join a text's languages: the paper's own first and unmarked, the others with their language; equal texts once."""
    own = next(iter(texts))
    shown: dict[str, str] = {}
    for language, text in texts.items():
        if text and text not in shown.values():
            shown[language] = text
    return format_html_join(
        mark_safe('<i class="or"> / </i>'),
        "{}",
        ((text if language == own else _marked(language, text),) for language, text in shown.items()),
    )


def _marked(language: str, text: str) -> SafeString:
    return format_html('<span lang="{}" dir="{}">{}</span>', language, direction(language), text)


def stacked(texts: Mapping[str, str], languages: Sequence[str]) -> SafeString:
    """Stack a text's languages: the first unmarked, the others in one element each.

    For cells of long tables, where every element takes the printer 1.5 ms.
    """
    return _stacked(tuple(texts.items()), tuple(languages))


@cached
def _stacked(of_languages: tuple[tuple[str, str], ...], languages: tuple[str, ...]) -> SafeString:
    texts = dict(of_languages)
    first = texts.get(languages[0], "")
    others = [
        (lang, direction(lang), texts[lang]) for lang in languages[1:] if texts.get(lang) and texts[lang] != first
    ]
    return format_html("{}{}", first, format_html_join("", '<i class="under" lang="{}" dir="{}">{}</i>', others))


class PaperContext(template.Context):
    """The context of a paper, with the paper as an attribute, because it is used too often to be looked up by name."""

    def __init__(self, paper: TemplatePaper) -> None:
        super().__init__({**paper.context, "paper": paper})
        self.paper = paper


class _TagNode(template.Node):
    def __init__(self, function: Callable[..., SafeString], arguments: list["FilterExpression | _Lookup"]) -> None:
        self.function, self.arguments = function, arguments

    def render(self, context: template.Context) -> SafeString:
        languages = context.paper.languages  # type: ignore[attr-defined]  # a PaperContext
        return self.function(languages, *[argument.resolve(context) for argument in self.arguments])


class _Lookup:
    """A variable such as `line.net_kg`, looked up directly; if that fails, as Django does."""

    def __init__(self, name: str, expression: FilterExpression) -> None:
        self.of, self.name = name.split(".")
        self.expression = expression

    def resolve(self, context: template.Context) -> object:
        try:
            return context[self.of][self.name]
        except (LookupError, TypeError):
            return self.expression.resolve(context)


def _row_tag(function: Callable[..., SafeString]) -> Callable[..., SafeString]:
    """Register a function of the paper's languages and values as a tag: a simple_tag without `as` or keyword arguments.

    For tags in every row of a long list: it takes a third of the time.
    """
    _, *wanted = inspect.signature(function).parameters

    @register.tag(name=function.__name__)
    def compiled(parser: Parser, token: Token) -> _TagNode:
        name, *arguments = token.split_contents()
        if len(arguments) != len(wanted):
            raise template.TemplateSyntaxError(f"{name} takes {' '.join(wanted)}")
        expressions = [(argument, parser.compile_filter(argument)) for argument in arguments]
        return _TagNode(function, [_Lookup(*each) if NAMED.fullmatch(each[0]) else each[1] for each in expressions])

    return function


def _languages(context: template.Context) -> tuple[str, ...]:
    paper: TemplatePaper = context["paper"]
    return paper.languages


@register.simple_tag(takes_context=True)
def both(context: template.Context, message: str) -> SafeString:
    """Fixed words in every language of the paper."""
    return side_by_side({language: wording.translated(message, language) for language in _languages(context)})


@register.simple_tag(takes_context=True)
def colon(context: template.Context) -> str:
    """Print a colon, after a no-break space if the word before it is French."""
    return "\N{NO-BREAK SPACE}:" if _languages(context)[-1] == "fr" else ":"


@register.simple_tag(takes_context=True)
def bilingual(context: template.Context) -> bool:
    """Return whether the paper has two languages, and so the neutral form of numbers (logistics.wording)."""
    return len(_languages(context)) > 1


@register.simple_tag(takes_context=True)
def both_plain(context: template.Context, message: str) -> str:
    """Fixed words without markup, for places that take text only: the title of the PDF."""
    texts = dict.fromkeys(wording.translated(message, language) for language in _languages(context))
    return " / ".join(texts)


@register.simple_tag(takes_context=True)
def both_count(context: template.Context, count: int, singular: str, plural: str) -> SafeString:
    """Fixed words in the form that goes with a count, in every language of the paper."""
    return side_by_side({lang: wording.translated_count(singular, plural, count, lang) for lang in _languages(context)})


@register.simple_tag(takes_context=True)
def pair(context: template.Context, texts: Mapping[str, str]) -> SafeString:
    """A text of the context, given as {"en": ..., "fr": ...}, in every language of the paper that it has."""
    return side_by_side({language: texts.get(language, "") for language in _languages(context)})


@_row_tag
def stack(languages: tuple[str, ...], texts: Mapping[str, str]) -> SafeString:
    """A text of the context in every language of the paper, one under the other."""
    return _stacked(tuple(texts.items()), languages)


@register.simple_tag(takes_context=True)
def stack_words(context: template.Context, message: str) -> SafeString:
    """Fixed words in every language of the paper, one under the other."""
    languages = _languages(context)
    return stacked({language: wording.translated(message, language) for language in languages}, languages)


@_row_tag
@cached
def number(languages: tuple[str, ...], value: str | int) -> SafeString:
    return escape(wording.number(value, languages))


@_row_tag
@cached
def dimensions(languages: tuple[str, ...], length: str, width: str, height: str) -> SafeString:
    """Length, width and height, with the decimals that they need: 58.5 × 50 × 22. A dash where none is known."""
    if not length:
        return escape("–")
    sides = (length, width, height)
    return escape(" × ".join(wording.number(side.removesuffix(".0"), languages) for side in sides))


@register.simple_tag(takes_context=True)
def money(context: template.Context, amount_minor: int, currency: str) -> str:
    return amounts.printed(amount_minor, currency, _languages(context))


@_row_tag
@cached
def amount(languages: tuple[str, ...], amount_minor: int, currency: str) -> SafeString:
    """Money without its currency, for a column whose heading names it."""
    return escape(wording.number(str(amounts.from_minor(amount_minor, currency)), languages))


@register.simple_tag(takes_context=True)
def day(context: template.Context, iso_date: str) -> str:
    return wording.day(iso_date, _languages(context))


@register.simple_tag
def percent(part: str, whole: str) -> str:
    """A share in whole per cent; 100 % means exactly all, 0 % exactly none."""
    return f"{wording.whole_percent(part, whole)}{wording.GROUP}%"


@register.simple_tag(takes_context=True)
def qr(context: template.Context, text: str, label: str) -> SafeString:
    """A QR code as one SVG path; 15 % of it may be lost, for example in a crease.

    `label` is its alternative text, in the paper's first language.
    """
    size, path = barcodes.qr_path(text)
    return format_html(
        '<span class="qr-box"><svg class="qr" viewBox="0 0 {} {}"><title>{}</title>'
        '<path data-slot stroke="#000" d="{}"/></svg></span>',
        size,
        size,
        wording.translated(label, _languages(context)[0]),
        path,
    )


@register.filter
def times(count: int) -> range:
    """Repeat a given number of times: {% for copy in 2|times %}."""
    return range(count)


@register.simple_tag(takes_context=True)
def sscc_bars(context: template.Context, sscc: str, label: str) -> SafeString:
    """The 18 digits of an SSCC as GS1-128 after its application identifier; its size comes from the stylesheet.

    `label` is its alternative text, as for a QR code.
    """
    width, path = barcodes.svg_path(barcodes.gs1_128("00" + sscc))
    return format_html(
        '<svg class="bars" viewBox="0 0 {} 1" preserveAspectRatio="none"><title>{}</title>'
        '<path data-slot d="{}"/></svg>',
        width,
        wording.translated(label, _languages(context)[0]),
        path,
    )


@register.simple_tag(takes_context=True)
def styled_by(context: template.Context, name: str) -> str:
    """Use this stylesheet, a file among the templates."""
    context["paper"].stylesheets.append(name)
    return ""


@register.simple_tag(takes_context=True)
def attach_context(context: template.Context, name: str, dated: str) -> str:
    """Embed the context as a JSON file in the PDF, so that programs can read it."""
    paper: TemplatePaper = context["paper"]
    # Without indentation, for which Python has no C encoder: the Python one takes ten times as long.
    content = json.dumps(paper.context, ensure_ascii=False, sort_keys=True).encode()
    paper.embedded.append(EmbeddedFile(name, zlib.compress(content, 1), len(content), dated))
    return ""
