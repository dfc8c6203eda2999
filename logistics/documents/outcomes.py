"""What can come of printing a paper: its pages, or a refusal. Here, so that nobody loads WeasyPrint to know them."""

from dataclasses import dataclass

from logistics.errors import DomainError


@dataclass(frozen=True, slots=True)
class Rendered:
    pdf: bytes
    pages: int


class PaperRefused(DomainError):
    """A paper could not be printed as it should be, so it was not printed at all."""

    code = "paper_refused"
    status = 500


class MissingGlyphs(PaperRefused):
    """The text has characters that no bundled font can draw; `characters` lists them."""

    code = "missing_glyphs"


class TemplateBroken(PaperRefused):
    """The template, its stylesheet or its context is wrong: a bug to be mended, not to be retried."""

    code = "template_broken"


class PaperFailed(PaperRefused):
    """Printing raised something that nobody foresaw; `code` is the name of its class, and the log says where."""

    def __init__(self, error: str) -> None:
        super().__init__("Printing failed; the log says where.")
        self.code = error


class PaperTooLarge(PaperRefused):
    """Printing wanted more than a paper is allowed. It would again: no further attempt is made by itself."""

    code = "paper_too_large"


class PaperOutOfMemory(PaperTooLarge):
    code = "paper_out_of_memory"


class PaperOutOfTime(PaperTooLarge):
    code = "paper_out_of_time"


class PaperTooDeep(PaperTooLarge):
    """Its elements stand in one another more deeply than can be laid out."""

    code = "paper_too_deep"


class PrinterDied(PaperRefused):
    """The process that printed is gone, and nothing says that the paper was the cause."""

    code = "printer_died"
