"""Outcomes of printing a paper: pages or an error. Importing them does not load WeasyPrint."""

from dataclasses import dataclass

from logistics.errors import DomainError


@dataclass(frozen=True, slots=True)
class Rendered:
    pdf: bytes
    pages: int


class PaperRefused(DomainError):
    """The paper could not be printed correctly, so it was not printed."""

    code = "paper_refused"
    status = 500


class MissingGlyphs(PaperRefused):
    """The text has characters that no bundled font can draw; `characters` lists them."""

    code = "missing_glyphs"


class TemplateBroken(PaperRefused):
    """The template, its stylesheet or its context is wrong. This is a bug; a retry does not help."""

    code = "template_broken"


class PaperFailed(PaperRefused):
    """Printing raised an unexpected error; `code` is the name of its class, and the log says where."""

    def __init__(self, error: str) -> None:
        super().__init__("Printing failed; the log says where.")
        self.code = error


class PaperTooLarge(PaperRefused):
    """Printing needs more than a paper may use. It is not retried automatically."""

    code = "paper_too_large"


class PaperOutOfMemory(PaperTooLarge):
    """Printing needs more memory than `PAPER_MEMORY_MB`."""

    code = "paper_out_of_memory"


class PaperOutOfTime(PaperTooLarge):
    """Printing takes longer than `PAPER_CPU_SECONDS` or `PAPER_WALL_SECONDS`."""

    code = "paper_out_of_time"


class PaperTooDeep(PaperTooLarge):
    """The elements of the paper are nested too deeply to be laid out."""

    code = "paper_too_deep"


class PrinterDied(PaperRefused):
    """The printing process ended unexpectedly; the paper may not be the cause."""

    code = "printer_died"
