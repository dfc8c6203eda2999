"""Read PDFs with PDFium."""

import re
from collections.abc import Iterator

import pypdfium2
import pypdfium2.raw as pdfium
import zxingcpp


def page_texts(pdf: bytes) -> list[str]:
    """Return the text of each page, with whitespace collapsed to single spaces."""
    with pypdfium2.PdfDocument(pdf) as document:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in document]


def text_of(pdf: bytes) -> str:
    return " ".join(page_texts(pdf))


def fonts(pdf: bytes) -> dict[str, bool]:
    """Return the name of each font in use -> whether it is embedded."""

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


def scanned(pdf: bytes, page: int = 0) -> list[str]:
    """Return the codes that a scanner reads from a printed page at 288 dpi, sorted.

    Only of the two kinds that our papers use: a scanner set to all kinds reads a Micro QR code in the QR code of one
    label in about 5,000.
    """
    with pypdfium2.PdfDocument(pdf) as document:
        picture = document[page].render(scale=4, grayscale=True).to_pil()
    kinds = zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.QRCode, zxingcpp.BarcodeFormat.Code128])
    return sorted(code.text for code in zxingcpp.read_barcodes(picture, formats=kinds))


def overlaps(pdf: bytes) -> list[str]:
    """Return overlapping pieces of text, as "page: left x top" pairs; a good paper has none."""
    found = []
    with pypdfium2.PdfDocument(pdf) as document:
        for number, page in enumerate(document, start=1):
            drawn = page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_TEXT], max_depth=9)
            boxes = sorted(text.get_bounds() for text in drawn)  # left, bottom, right, top in points
            for index, (left, bottom, right, top) in enumerate(boxes):
                for left_2, bottom_2, right_2, top_2 in boxes[index + 1 :]:
                    if left_2 > right - 0.5:
                        break  # sorted by left edge: no later piece can overlap
                    if min(right, right_2) - left_2 > 0.5 and min(top, top_2) - max(bottom, bottom_2) > 1.5:
                        found.append(f"page {number}: {left:.0f},{bottom:.0f} and {left_2:.0f},{bottom_2:.0f}")
    return found
