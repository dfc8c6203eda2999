"""Plain WeasyPrint, in two ways: as everyone uses it, and with all shared that its users may share.

Both print our own template, PDF/A-3a and tagged: the same paper as ours, with nothing replayed, filled in or
remembered. A process that printed plain does not print ours any more.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from logistics.documents import rendering, replay
from logistics.documents.replay import weasyprint_private


def as_everyone(template: str, context: dict[str, Any], languages: Sequence[str]) -> bytes:
    """A FontConfiguration and stylesheets of its own for each document, and the garbage collector left alone."""
    rendering._font_configuration.cache_clear()
    rendering._stylesheet.cache_clear()
    rendering._garbage_collected_after = nullcontext  # type: ignore[assignment]  # it needs no more of it than this
    return shared(template, context, languages)


def shared(template: str, context: dict[str, Any], languages: Sequence[str]) -> bytes:
    """Fonts and stylesheets read once in a process, garbage collected after printing."""
    replay.ROWS_MIN = 10**9
    replay.has_slots = lambda html: False
    weasyprint_private.pydyf.PDF.page_references = weasyprint_private.PAGE_REFERENCES
    return rendering.to_pdf(template, context, languages=languages).pdf
