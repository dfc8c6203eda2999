"""Read the text of a PDF."""

import shutil
import subprocess

import pypdfium2


def text_of(pdf: bytes) -> str:
    """Return the text as read by `pdftotext`, or by PDFium if poppler is not installed."""
    if shutil.which("pdftotext"):
        return subprocess.run(
            ["pdftotext", "-layout", "-", "-"], input=pdf, capture_output=True, check=True
        ).stdout.decode()
    document = pypdfium2.PdfDocument(pdf)
    return "\n".join(page.get_textpage().get_text_range() for page in document)


def words_of(pdf: bytes) -> str:
    """Return the text in reading order with every run of white space as one space."""
    if shutil.which("pdftotext"):
        text = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    else:
        text = text_of(pdf)
    return " ".join(text.split())
