"""Papers made of forms, which are laid out once and then filled in."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

from logistics.documents.replay import limits, slots
from logistics.documents.replay.forms import Form, Lines, Shape, Text, lines_of
from logistics.documents.replay.paper import PAGE_ATTRIBUTES
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.samples import LayOut
from logistics.documents.replay.skeleton import Skeleton, before_painting, sample_metadata
from logistics.documents.replay.structure import StructuredPDF
from logistics.documents.replay.subsets import PaperFont
from logistics.documents.replay.vector_paths import check, steps
from logistics.documents.replay.weasyprint_private import (
    DEFAULT_OPTIONS,
    PROGRESS_LOGGER,
    Document,
    DocumentMetadata,
    Page,
    Stream,
    metadata_of,
)

FORMS_KEPT = 32
# The only kind of PDF that is written here; WeasyPrint writes any other.
AS_ASKED_FOR = {**DEFAULT_OPTIONS, "pdf_variant": "pdf/a-3a", "attachments": []}
logger = logging.getLogger(__name__)

Key = tuple[Any, ...]


class Forms:
    """The forms that this process used last."""

    def __init__(self, most: int = FORMS_KEPT) -> None:
        self.most = most
        self.forms: OrderedDict[Key, dict[tuple[Lines, ...], Form]] = OrderedDict()

    def fill(self, html: str, sources: Sequence[str], *, lay_out: LayOut) -> "FilledDocument":
        """Fill a form in, or lay it out first. Raises Refused for a paper that has to be laid out as a whole.

        `lay_out` makes a WeasyPrint document of HTML, and raises an error for any warning of WeasyPrint.
        """
        cut = slots.cut(html)
        key = (cut.form, *sources)
        forms = self.forms.get(key, {})
        if not forms:
            limits.check_slots(sources)
        filling = _filling(forms, cut.contents)
        if filling is None:
            document = lay_out(cut.html)
            try:
                form = Form(document, cut.contents)
            except Refused as refusal:
                refusal.document = document
                raise
            forms[tuple(form.lines.values())] = form
            filling = _filling(forms, cut.contents)
            assert filling is not None
        self.forms[key] = forms
        self.forms.move_to_end(key)
        while sum(map(len, self.forms.values())) > self.most:
            self.forms.popitem(last=False)
        return FilledDocument(*filling, metadata=metadata_of(cut.head))


def _filling(forms: dict[tuple[Lines, ...], Form], contents: Sequence[str]) -> tuple[Form, list[Any]] | None:
    """Return the form whose slots have as many lines as these contents, and what to fill in; None if there is none."""
    for form in forms.values():
        lines: list[Any] = []
        for slot, content in zip(form.slots, contents, strict=True):
            if isinstance(slot, Text):
                lines.append(slot.lines(content))
            else:
                check(content)
                lines.append(content)
        wanted = tuple(lines_of(of) for of, slot in zip(lines, form.slots, strict=True) if isinstance(slot, Text))
        if wanted == tuple(form.lines.values()):
            return form, lines
        if wanted in forms:
            return _filling({wanted: forms[wanted]}, contents)
        return None
    return None


class FilledPage(Page):
    """A page of a form, filled in. WeasyPrint treats it as one of its own."""

    def __init__(self, form: Form, number: int, lines: Sequence[Any]) -> None:
        for name in PAGE_ATTRIBUTES:
            setattr(self, name, getattr(form.document.pages[number], name))
        self.form, self.number, self.lines = form, number, lines

    def paint(self, stream: Stream, scale: float = 1) -> None:
        if scale != 0.75:
            raise Refused("zoom")
        form = self.form
        stream.language = form.document.metadata.lang
        stream._tags.update({box: dict(tag) for box, tag in form.tags[self.number].items()})
        for part in form.pages[self.number]:
            if isinstance(part, bytes):
                stream.stream.append(part)
                continue
            slot = form.slots[part.slot]
            if isinstance(slot, Shape):
                stream.stream += steps(self.lines[part.slot])
            else:
                slot.draw(stream, self.lines[part.slot][part.line], part.id)
        for name, state in form.states.items():
            stream._resources["ExtGState"].setdefault(name, state)


class FilledDocument(Document):
    """A document whose pages are forms that were filled in."""

    def __init__(self, form: Form, lines: list[Any], *, metadata: DocumentMetadata) -> None:
        document = form.document
        pages = [FilledPage(form, number, lines) for number in range(len(document.pages))]
        super().__init__(
            pages,
            metadata,
            document.url_fetcher,
            document.font_config,
            dict(document.color_profiles),
            document.output_intent,
        )
        self.form, self.lines = form, lines
        # A paper's fonts hold only its own glyphs, not those of other papers.
        self.fonts = {key: PaperFont.of(font) for key, font in form.fonts.items()}

    def write_pdf(self, target: Any = None, zoom: float = 1, finisher: Any = None, **options: Any) -> Any:
        """Write a tagged PDF. Zoom is not supported. A finisher must do the same to all papers of a form."""
        if zoom != 1:
            raise Refused("zoom")
        if target is None and {**AS_ASKED_FOR, **options} == AS_ASKED_FOR:
            try:
                return self._write_as_others(finisher)
            except Refused as refusal:
                logger.info("Written as a whole: %s.", refusal)

        def finish(document: Any, pdf: Any) -> None:
            if finisher is not None:
                finisher(document, pdf)
            StructuredPDF.adopt(pdf, (), lambda kind: [])

        return super().write_pdf(target, finisher=finish, **options)

    def _write_as_others(self, finisher: Any) -> bytes:
        """Write it after the bytes that all papers of its form share. Raises Refused if that is not possible."""
        metadata = sample_metadata(self.metadata)
        asked = (finisher, vars(metadata))
        if self.form.skeleton is None or self.form.skeleton[0] != asked:
            self.form.skeleton = (asked, Sample(self.form, metadata).skeleton(finisher))
        skeleton = self.form.skeleton[1]
        if isinstance(skeleton, str):
            raise Refused(skeleton)
        PROGRESS_LOGGER.info("Step 6 - Creating PDF")
        written: bytes = skeleton.write(self)
        return written

    def stream(self, kind: type[Stream], resources: dict[str, Any]) -> Stream:
        """Return an empty stream of a class, on which the texts of slots can be drawn."""
        stream = kind(self.fonts, (0, 0, 0, 0), resources, {}, {}, self.color_profiles, self.output_intent)
        stream.language = self.form.document.metadata.lang
        return stream


class SamplePage(FilledPage):
    """A page of a form with nothing in its slots."""

    def paint(self, stream: Stream, scale: float = 1) -> None:
        self.before = before_painting(self.form, self.number, stream)
        self.states = stream._resources["ExtGState"]


class Sample(FilledDocument):
    """A paper of a form with empty slots, from which the shared parts are taken."""

    def __init__(self, form: Form, metadata: DocumentMetadata) -> None:
        super().__init__(form, [], metadata=metadata)
        self.samples = [SamplePage(form, number, []) for number in range(len(form.pages))]
        self.pages = self.samples

    def skeleton(self, finisher: Any) -> Skeleton | str:
        """Return the shared parts of the sample's file, after its finisher; or the reason why there are none."""
        built: Any = None

        def finish(document: Any, pdf: Any) -> None:
            nonlocal built
            if finisher is not None:
                finisher(document, pdf)
            built = pdf
            pdf.write = lambda *_: None  # the sample itself is not written

        try:
            Document.write_pdf(self, finisher=finish, **AS_ASKED_FOR)
            return Skeleton(self.form, built, [page.before for page in self.samples], self.samples[0].states)
        except Refused as refusal:
            return str(refusal)
