"""What bytes hold: parts of mails, members of archives, streams, texts and attachments of PDFs."""

import email
import gzip
import io
import subprocess
import zipfile
import zlib
from collections.abc import Iterator
from email import policy
from pathlib import Path
from tempfile import TemporaryDirectory


def views(data: bytes) -> Iterator[bytes]:
    """Yield the bytes themselves, and whatever is packed in them, to any depth."""
    yield data
    if data[:2] == b"\x1f\x8b":
        yield from views(gzip.decompress(data))
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in archive.infolist():
                yield member.filename.encode()
                yield from views(archive.read(member))
    elif b"%PDF-" in data[:1024]:
        yield from _of_pdf(data)
    elif data[:1] == b"x":
        try:
            yield from views(zlib.decompress(data))
        except zlib.error:
            return


def of_mail(data: bytes) -> Iterator[bytes]:
    """Yield a mail, its headers decoded, and its parts as their reader sees them."""
    yield data
    message = email.message_from_bytes(data, policy=policy.default)
    for name, value in message.items():
        yield f"{name}: {value}".encode()
    for part in message.walk():
        if not part.is_multipart():
            yield (part.get_filename() or "").encode()
            content = part.get_payload(decode=True)
            yield from views(content if isinstance(content, bytes) else b"")


def _of_pdf(data: bytes) -> Iterator[bytes]:
    """Yield all objects and streams uncompressed, which includes metadata and attachments, and the printed text.

    The text on its own, because fonts are subsets: their codes are not the characters'.
    """
    with TemporaryDirectory() as folder:
        path, plain = Path(folder) / "paper.pdf", Path(folder) / "plain.pdf"
        path.write_bytes(data)
        command = ["qpdf", "--qdf", "--object-streams=disable", "--stream-data=uncompress", "--decode-level=all"]
        done = subprocess.run([*command, str(path), str(plain)], capture_output=True, check=False)
        if done.returncode not in (0, 3):  # 3: with warnings
            raise RuntimeError(f"qpdf cannot read a PDF: {done.stderr.decode()[-500:]}")
        yield plain.read_bytes()
        listed = subprocess.run(["qpdf", "--list-attachments", str(path)], capture_output=True, check=False, text=True)
        for line in listed.stdout.splitlines():
            name = line.partition(" -> ")[0]
            shown = subprocess.run(["qpdf", f"--show-attachment={name}", str(path)], capture_output=True, check=False)
            yield from views(shown.stdout)
        yield subprocess.run(["pdftotext", "-raw", str(path), "-"], capture_output=True, check=True).stdout
