"""What a reader of a PDF gets to see, by way of PDFium."""

import re
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium


def page_texts(pdf: bytes) -> list[str]:
    """The words of each page, spaces and line ends made one plain space."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]


def text_of(pdf: bytes) -> str:
    return " ".join(page_texts(pdf))


def fonts(pdf: bytes) -> dict[str, bool]:
    """Name of each font that draws something -> whether it is embedded."""

    def drawn() -> Iterator[tuple[str, bool]]:
        with pypdfium2.PdfDocument(pdf) as document:
            for page in document:
                for text in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=9):
                    font = pdfium.FPDFTextObj_GetFont(text.raw)
                    name = pypdfium2.raw.ctypes.create_string_buffer(200)
                    pdfium.FPDFFont_GetBaseFontName(font, name, 200)
                    yield name.value.decode(), bool(pdfium.FPDFFont_GetIsEmbedded(font))

    return dict(drawn())


def embedded_files(pdf: bytes) -> dict[str, bytes]:
    with pypdfium2.PdfDocument(pdf) as document:
        files = [document.get_attachment(index) for index in range(document.count_attachments())]
        return {file.get_name(): bytes(file.get_data()) for file in files}


def metadata(pdf: bytes) -> dict[str, str]:
    with pypdfium2.PdfDocument(pdf) as document:
        told: dict[str, str] = document.get_metadata_dict()
        return told
