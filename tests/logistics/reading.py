"""Read a paper as a screen reader does, along its structure tree, and as poppler does, as words on a page."""

import ctypes
import json
import re
import subprocess
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import accumulate
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

# Words end where one of these begins or ends.
BLOCKS = {"p", "div", "section", "header", "aside", "h1", "h2", "table", "caption", "tr", "td", "th", "br", "small"}
VOID = {"br", "col", "meta"}
UNSEEN = {"head", "svg"}


class Text(str):
    """A text of a paper and its language; "" if it is that of the paper."""

    language = ""


@dataclass
class Element:
    """An element of a structure tree: its children and texts, in reading order."""

    role: str
    alt: str
    attributes: dict[str, Any]
    content: list["Element | Text"]

    @property
    def text(self) -> str:
        return "".join(self.texts())

    def texts(self, *, without: str = "") -> Iterator[Text]:
        """The texts in this element, without those in elements of a role."""
        for part in self.content:
            if isinstance(part, Text):
                yield part
            elif part.role != without:
                yield from part.texts(without=without)

    def walk(self) -> Iterator["Element"]:
        yield self
        for part in self.content:
            if isinstance(part, Element):
                yield from part.walk()


def structure(pdf: bytes) -> Element:
    """The structure tree of a paper: objects read by qpdf, texts by PDFium."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "paper.pdf")
        path.write_bytes(pdf)
        command = ["qpdf", "--json=2", "--json-key=qpdf", "--json-stream-data=none", str(path)]
        told = subprocess.run(command, capture_output=True, check=True).stdout
    return _Tree(json.loads(told)["qpdf"][1], pdf).document()


class _Tree:
    def __init__(self, objects: dict[str, Any], pdf: bytes) -> None:
        self.objects = objects
        self.catalog = self.known(self.known(objects["trailer"]["value"]["/Root"]))
        kids = self.known(self.catalog["/Pages"])["/Kids"]
        with pypdfium2.PdfDocument(pdf) as document:
            self.texts = {kid: _by_id(page) for kid, page in zip(kids, document, strict=True)}

    def known(self, value: Any) -> Any:
        """Resolve a reference to its object."""
        is_reference = isinstance(value, str) and value.endswith(" 0 R")
        return self.objects[f"obj:{value}"]["value"] if is_reference else value

    def document(self) -> Element:
        (top,) = self.known(self.catalog["/StructTreeRoot"])["/K"]
        return self.element(self.known(top))

    def element(self, told: dict[str, Any]) -> Element:
        kids = self.known(told.get("/K", []))
        content: list[Element | Text] = []
        for kid in kids if isinstance(kids, list) else [kids]:
            if isinstance(kid, int):
                content.append(self.texts[told["/Pg"]].get(kid, Text()))
            else:
                content.append(self.element(self.known(kid)))
        attributes = self.known(told.get("/A", {}))
        return Element(told["/S"][1:], told.get("/Alt", "u:")[2:], attributes, content)


def _by_id(page: pypdfium2.PdfPage) -> dict[int, Text]:
    """The texts of a page by the ids of their marked content."""
    found: dict[int, Text] = {}
    for number, text in _texts(page):
        found[number] = _of(found.get(number, "") + text, text.language)
    return found


def artifacts(pdf: bytes) -> list[str]:
    """Return the artifacts of each page: what is not part of the paper's text."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [" ".join(text for number, text in _texts(page) if number < 0) for page in document]


def unmarked(pdf: bytes) -> list[int]:
    """Return how much of each page is marked neither as text nor as an artifact."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [
            sum(pdfium.FPDFPageObj_CountMarks(drawn.raw) == 0 for drawn in page.get_objects(max_depth=1))
            for page in document
        ]


def _texts(page: pypdfium2.PdfPage) -> Iterator[tuple[int, Text]]:
    """The texts that a page shows, with the ids of their marked content; -1 is an artifact's."""
    text_page = page.get_textpage()
    for shown in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT]):
        text = _told(pdfium.FPDFTextObj_GetText, shown.raw, text_page.raw)
        mark, *of_letter = [
            pdfium.FPDFPageObj_GetMark(shown.raw, n) for n in range(pdfium.FPDFPageObj_CountMarks(shown.raw))
        ]
        for letter in of_letter:
            text = _name(pdfium.FPDFPageObjMark_GetParamStringValue, letter, b"ActualText")
        number = pdfium.FPDFPageObj_GetMarkedContentID(shown.raw)
        assert (number < 0) == (_name(pdfium.FPDFPageObjMark_GetName, mark) == "Artifact"), text
        yield number, _of(text, _name(pdfium.FPDFPageObjMark_GetParamStringValue, mark, b"Lang"))


def _of(text: str, language: str) -> Text:
    made = Text(text)
    made.language = language
    return made


def _name(function: Callable[..., int], *arguments: Any) -> str:
    buffer = ctypes.create_string_buffer(100)
    length = ctypes.c_ulong()
    function(*arguments, ctypes.cast(buffer, function.argtypes[-3]), 100, length)  # type: ignore[attr-defined]
    return buffer.raw[: length.value].decode("utf-16-le").rstrip("\0")


def _told(function: Callable[..., int], *arguments: Any) -> str:
    """Return a text from PDFium, whose length must be queried first."""
    length = function(*arguments, None, 0)
    buffer = ctypes.create_string_buffer(length)
    function(*arguments, ctypes.cast(buffer, function.argtypes[-2]), length)  # type: ignore[attr-defined]
    return buffer.raw[:length].decode("utf-16-le").rstrip("\0")


class Written(HTMLParser):
    """The words of a template's HTML, in order, by language, and by the cells of its rows.

    Drawings and hidden content are left out.
    """

    def __init__(self, html: str, unseen: Sequence[str] = ()) -> None:
        super().__init__()
        self.unseen = unseen
        self.skipped = 0
        self.text = ""
        self.rows: list[list[str]] = []
        self.in_row = False
        self.spoken: dict[str, str] = {}
        self.languages = [""]
        self.feed(html)
        self.words = words(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        hidden = tag in UNSEEN or (dict(attrs).get("class") or "") in self.unseen
        if tag not in VOID and (self.skipped or hidden):
            self.skipped += 1
        if tag not in VOID:
            self.languages.append(dict(attrs).get("lang") or self.languages[-1])
        if tag in BLOCKS or ("class", "under") in attrs:
            self.text += "\n"
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
            self.in_row = True

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        """Ignore self-closing tags such as <path/>."""

    def handle_endtag(self, tag: str) -> None:
        self.skipped = max(0, self.skipped - 1)
        self.languages.pop()
        if tag in BLOCKS:
            self.text += "\n"
        if tag in ("td", "th"):
            self.in_row = False

    def handle_data(self, data: str) -> None:
        if not self.skipped:
            self.text += data
            self.spoken[self.languages[-1]] = self.spoken.get(self.languages[-1], "") + data
            if self.in_row:
                self.rows[-1][-1] += data


def words(text: str) -> list[str]:
    return unicodedata.normalize("NFC", text).split()


def squeezed(text: str) -> str:
    return "".join(words(text))


def poppler_pages(pdf: bytes) -> list[list[str]]:
    """Return the words of each page as poppler finds them, in page order."""
    run = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    assert not run.stderr, run.stderr.decode()
    return [words(page) for page in run.stdout.decode().split("\f")[:-1]]


def assert_same_words(found: Sequence[str], wanted: Sequence[str]) -> None:
    """Check for the same letters in the same order, with no words run together; a word may break at a line end."""
    assert re.sub(r"\s", "", "".join(found)) == "".join(wanted)
    ends, ends_wanted = (set(accumulate(map(len, each))) for each in (found, wanted))
    assert ends >= ends_wanted
