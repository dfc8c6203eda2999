"""HTML to PDF with WeasyPrint.

Importing WeasyPrint takes 0.3 s and 30 MB, so only the printer's child does (see `printer/`): not web, not the relay,
not a worker.
"""

import gc
import logging
import os
import re
import threading
import unicodedata
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from functools import cache
from pathlib import Path

from django.template import Engine, TemplateDoesNotExist, TemplateSyntaxError
from django.utils import translation

from logistics.documents import printer_settings
from logistics.documents.outcomes import MissingGlyphs, Rendered, TemplateBroken
from logistics.documents.paper_tags import EmbeddedFile, PaperContext, TemplatePaper

ASSETS = Path(__file__).parent / "assets"
# Set before WeasyPrint is imported, which would read the machine's fonts: papers use the bundled ones only.
os.environ["FONTCONFIG_FILE"] = str(ASSETS / "fonts.conf")
# Its steps are for our progress, not for the log; the first ones are logged during the import.
PROGRESS_LOG = logging.getLogger("weasyprint.progress")
PROGRESS_LOG.propagate = False

from weasyprint import CSS, DEFAULT_OPTIONS, Attachment, Document  # noqa: E402
from weasyprint.text.fonts import FontConfiguration  # noqa: E402
from weasyprint.urls import FatalURLFetchingError, URLFetcher, URLFetcherResponse  # noqa: E402

from logistics.documents import conformance, replay  # noqa: E402
from logistics.documents.replay.weasyprint_private import html_class  # noqa: E402

# Tagged, all fonts embedded, attachments allowed: readable in thirty years and, with `conformance`, by screen readers.
VARIANT = "pdf/a-3a"
MEDIA_TYPES = {".css": "text/css", ".svg": "image/svg+xml", ".png": "image/png", ".ttf": "font/ttf"}
# Per cent of the work that is done when WeasyPrint announces a step (measured on the 270 packages of a full container).
STEP_PERCENT = {"Step 3": 5, "Step 4": 15, "Step 5": 35, "Step 6": 75, "Step 7": 90}


BETWEEN_TAGS = re.compile("[^<>]+")


class FetchRefused(FatalURLFetchingError):
    """A paper tried to load something other than a bundled asset."""


class AssetFetcher(URLFetcher):
    """Reads `asset:name` from the bundled assets and refuses any other URL.

    The error is fatal because WeasyPrint would otherwise go on without the picture, and a paper with an injected URL
    must not be issued.
    """

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:
        scheme, _, name = url.partition(":")
        path = (ASSETS / name).resolve()
        if scheme != "asset" or not path.is_relative_to(ASSETS) or path.suffix not in MEDIA_TYPES or not path.is_file():
            raise FetchRefused(f"A paper may use bundled assets only, not {url[:80]!r}.")
        return URLFetcherResponse(url, path.read_bytes(), {"Content-Type": MEDIA_TYPES[path.suffix]})


class _Complaints(logging.Handler):
    """Collects WeasyPrint's warnings while this thread prints, and reports progress."""

    def __init__(self, progress: Callable[[int], None] | None) -> None:
        super().__init__(logging.INFO)
        self.thread = threading.get_ident()
        self.progress = progress
        self.percent = 0
        self.missing: dict[str, None] = {}
        self.others: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.thread != self.thread:
            return
        if record.levelno < logging.WARNING:
            self.report(STEP_PERCENT.get(record.getMessage()[:6], 0))
        elif isinstance(record.msg, str) and record.msg.startswith(".notdef glyph"):
            self.missing[record.args[0]] = None  # type: ignore[index]
        else:
            self.others.append(record.getMessage()[:300])

    def report(self, percent: int) -> None:
        if self.progress and percent > self.percent:
            self.percent = percent
            self.progress(percent)

    def raise_for_any(self, template: str) -> None:
        if self.missing:
            shown = ", ".join(f"{char} (U+{ord(char):04X})" for char in self.missing)
            raise MissingGlyphs(
                f"No bundled font can print {shown}. Replace these characters, or add a font that has them.",
                template=template,
                characters=list(self.missing),
            )
        if self.others:
            raise TemplateBroken(f"{template}: {'; '.join(self.others[:5])}", template=template)


class _Undefined(str):
    """Makes a template fail if it uses a variable that its context does not have.

    Django would print nothing, and a customs paper with an empty weight looks complete.
    """

    def __mod__(self, variable: object) -> str:
        raise TemplateBroken(f"The context has no value for {variable}.")


@contextmanager
def _listening(progress: Callable[[int], None] | None) -> Iterator[_Complaints]:
    complaints = _Complaints(progress)
    loggers = [logging.getLogger("weasyprint"), PROGRESS_LOG]
    # Checked each time, because setting up logging again resets the level of every known logger; but set only if
    # needed, because that clears the caches of all loggers.
    if PROGRESS_LOG.level != logging.INFO:
        PROGRESS_LOG.setLevel(logging.INFO)
    for logger in loggers:
        logger.disabled = False
        logger.addHandler(complaints)
    try:
        yield complaints
    finally:
        for logger in loggers:
            logger.removeHandler(complaints)


def engine(loaders: Sequence[object]) -> Engine:
    """Return a template engine that fails on undefined variables and has our tags built in."""
    return Engine(
        loaders=loaders,
        builtins=["django.templatetags.i18n", "logistics.documents.paper_tags"],
        string_if_invalid=_Undefined("%s"),
    )


@cache
def _engine() -> Engine:
    from_files = ("django.template.loaders.filesystem.Loader", printer_settings.template_folders())
    return engine([("django.template.loaders.cached.Loader", [from_files])])


@cache
def _font_configuration() -> FontConfiguration:
    return FontConfiguration()


@cache
def _stylesheet(name: str) -> CSS:
    """Parse a stylesheet, once per process: parsing takes as long as a page of text."""
    source = _engine().get_template(name).source
    with _listening(None) as complaints:
        sheet = CSS(string=source, url_fetcher=AssetFetcher(), font_config=_font_configuration())
    complaints.raise_for_any(name)  # an exception is not cached, so the next paper fails as well
    return sheet


# A paper of several pages creates more objects than this, a receipt fewer.
MUCH_GARBAGE = 200_000


class _Collector:
    """Whether this process froze its objects for good. `gc.get_freeze_count` would count all of them for each paper."""

    is_frozen = False


def freeze() -> None:
    """Keep all objects of now out of later collections, for the life of this process."""
    gc.collect()
    gc.freeze()
    _Collector.is_frozen = True


@contextmanager
def _garbage_collected_after() -> Iterator[None]:
    """Suspend garbage collection while a long list with its millions of boxes is printed: a quarter faster (measured).

    Then collect at once: six lists in one worker take 250 MB this way, and 600 MB otherwise. Objects that existed
    before are frozen, so that this collection skips them.
    """
    was_on = gc.isenabled()
    gc.disable()
    if not _Collector.is_frozen:
        gc.freeze()
    try:
        yield
    finally:
        if gc.get_count()[0] > MUCH_GARBAGE:
            gc.collect()
        if not _Collector.is_frozen:
            gc.unfreeze()
        if was_on:
            gc.enable()


def _html(template: str, paper: TemplatePaper) -> str:
    with translation.override(paper.languages[0]):
        html = _engine().get_template(template).render(PaperContext(paper))
    # An e and an accent become one character, so that copying and searching find one spelling, however it was typed.
    if unicodedata.is_normalized("NFC", html):
        return html
    # Only between tags: ">" and a stroke (U+0338) after it would otherwise be combined, and the tag lost.
    return BETWEEN_TAGS.sub(lambda text: unicodedata.normalize("NFC", text[0]), html)


class _Unpacked:
    """An embedded file, unpacked only when WeasyPrint reads it, after the memory of a long list was released."""

    def __init__(self, file: EmbeddedFile) -> None:
        self.file = file

    def read(self) -> bytes:
        return zlib.decompress(self.file.packed, bufsize=self.file.size)


def _attachment(file: EmbeddedFile) -> Attachment:
    dated = datetime.fromisoformat(file.dated[:10])
    return Attachment(file_obj=_Unpacked(file), name=file.name, created=dated, modified=dated, relationship="Data")


def to_pdf(
    template: str,
    context: Mapping[str, object],
    *,
    languages: Sequence[str] = ("en",),
    progress: Callable[[int], None] | None = None,
) -> Rendered:
    """Print a template with a context of plain values as a PDF.

    The same template and context give the same bytes in any process at any time; with the same Pango, on any
    machine: no font, date or random number comes from outside. `languages` are printed side by side; the first
    is the language of the document. `progress` is called with rising per cent from 0 to 100; an exception from it
    stops printing.

    Raises MissingGlyphs for characters that no bundled font has, TemplateBroken if the template or its context is
    wrong or loads anything but bundled assets.
    """
    paper = TemplatePaper(languages=tuple(languages), context=context)
    with _listening(progress) as complaints, _garbage_collected_after():
        try:
            rendered = _print(template, paper, complaints)
        except (TemplateDoesNotExist, TemplateSyntaxError, FetchRefused) as error:
            raise TemplateBroken(f"{template}: {error}", template=template) from error
    complaints.report(100)
    return rendered


def _print(template: str, paper: TemplatePaper, complaints: _Complaints) -> Rendered:
    html = _html(template, paper)
    complaints.report(STEP_PERCENT["Step 3"])
    sheets = [_stylesheet(name) for name in paper.stylesheets]
    sources = [_engine().get_template(name).source for name in paper.stylesheets]

    def lay_out(html: str) -> Document:
        page = html_class(html, *sources)(string=html, url_fetcher=AssetFetcher())
        document = page.render(font_config=_font_configuration(), stylesheets=sheets, cache={})
        complaints.raise_for_any(template)  # at once: layouts that replay caches must not warn only the first time
        return document

    document = None
    if run := replay.find(html):
        html = ""  # frees a tenth of a long list's memory
        document = replay.lay_out(run, sources, lay_out=lay_out, report=complaints.report)
    elif replay.has_slots(html):
        document = replay.fill(html, sources, lay_out=lay_out)
    if document is None:
        document = lay_out(run.html() if run else html)
    del html, run
    complaints.raise_for_any(template)
    embedded = [_attachment(file) for file in paper.embedded]
    options = {**DEFAULT_OPTIONS, "pdf_variant": VARIANT, "attachments": embedded}
    pdf = document.write_pdf(finisher=conformance.finish, **options)
    complaints.raise_for_any(template)
    return Rendered(pdf=pdf, pages=len(document.pages))
