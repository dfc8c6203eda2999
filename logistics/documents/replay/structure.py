"""The structure tree of the rows, and a writer that packs it.

A list of 10,000 lines has 160,000 structure elements. WeasyPrint holds each as a dictionary and all of them in one
object stream; here they exist as bytes only, a page at a time, in a stream for each page.
"""

import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from logistics.documents.replay.markup import RowKind
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.rows import PageRows
from logistics.documents.replay.weasyprint_private import Stream, pydyf

LEVEL = 6  # of compression: level 9 takes twice the time for one per cent
PER_STREAM = 200

Spans = Callable[[RowKind], list[int]]  # for each cell of a kind of row: how many columns it spans


class PackedStream(Stream):
    """A stream whose content is complete and compressed."""

    packed: bytes

    @classmethod
    def pack(cls, stream: Stream) -> None:
        """Make a stream one of these."""
        content = b"\n".join(item if isinstance(item, bytes) else pydyf._to_bytes(item) for item in stream.stream)
        stream.stream = []
        stream.packed = zlib.compress(content, LEVEL)
        stream.__class__ = cls

    @property
    def data(self) -> bytes:
        return _stream(self.packed, b"")


def _stream(packed: bytes, extra: bytes) -> bytes:
    # Both characters of a line end, or a reader that looks for one takes a last byte of 13 for the first of them.
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\r\nendstream" % (extra, len(packed), packed)


class PageStructure:
    """The elements of the rows of one page: for each row a TR, for each of its cells a TD."""

    def __init__(self, rows: PageRows, ids: Sequence[int], spans: Spans) -> None:
        self.rows, self.ids, self.spans = rows, ids, spans
        self.first = self.table_body = self.page = 0

    def __len__(self) -> int:
        return sum(1 + len(taken) for _, taken in self.rows.cells)

    def row_numbers(self) -> Iterator[int]:
        number = self.first
        for _, taken in self.rows.cells:
            yield number
            number += 1 + len(taken)

    def owners(self) -> Iterator[int]:
        """The number of the element to which each id of marked content belongs, in the order of the ids."""
        for row, (_, taken) in zip(self.row_numbers(), self.rows.cells, strict=True):
            for cell, holes in enumerate(taken, start=row + 1):
                for _ in range(holes):
                    yield cell

    def elements(self) -> Iterator[bytes]:
        """Every object, in order of number. The heads of a cell are found from its place, as in any table."""
        ids = iter(self.ids)
        for row, (kind, taken) in zip(self.row_numbers(), self.rows.cells, strict=True):
            cells = b" ".join([b"%d 0 R" % number for number in range(row + 1, row + 1 + len(taken))])
            yield b"<</S/TR/P %d 0 R/Pg %d 0 R/K[%s]>>" % (self.table_body, self.page, cells)
            for span, holes in zip(self.spans(kind), taken, strict=True):
                used = [b"%d" % number for number in islice(ids, holes)]
                content = used[0] if holes == 1 else b"[%s]" % b" ".join(used)
                attributes = b"/A<</O/Table/ColSpan %d>>" % span if span != 1 else b""
                yield b"<</S/TD/P %d 0 R/Pg %d 0 R/K %s%s>>" % (row, self.page, content, attributes)


class StructuredPDF(pydyf.PDF):
    """A PDF that WeasyPrint has built, with rows to be put into its structure when it is written."""

    structures: list[PageStructure]

    @classmethod
    def adopt(cls, pdf: Any, pages: Iterable[Sequence[tuple[PageRows, Sequence[int]]]], spans: Spans) -> None:
        """Make a PDF one of these; `pages` has, for each of its pages, runs of rows and their ids of marked content."""
        pdf.__class__ = cls
        pdf.add_object(pdf.info)
        pdf.structures = []
        mapping = pdf.known(pdf.known(pdf.catalog["StructTreeRoot"])["ParentTree"])
        number = len(pdf.objects)
        for index, runs in enumerate(pages):
            owners = mapping["Nums"][2 * index + 1]
            for rows, ids in runs:
                structure = PageStructure(rows, ids, spans)
                structure.table_body = pdf._body_without(owners[ids[0]])
                structure.first, structure.page = number, int(pdf.pages["Kids"][3 * index])
                number += len(structure)
                references = [b"%d 0 R" % owner for owner in structure.owners()]
                owners[ids[0]] = references[0]
                owners.extend(references[1:])
                body = pdf.objects[structure.table_body]
                body["K"] = pydyf.Array([b"%d 0 R" % row for row in structure.row_numbers()])
                pdf.structures.append(structure)

    def known(self, reference: bytes) -> Any:
        return self.objects[int(reference.split()[0])]

    def _body_without(self, spacer: bytes) -> int:
        """Take the elements of a spacer out of the tree and return the number of the TBody that they stood in."""
        span = self.known(spacer)
        cell = self.known(span["P"])
        row = self.known(cell["P"])
        for element in (span, row, *[self.known(reference) for reference in row["K"]]):
            element.free = "f"
        number: int = self.known(row["P"]).number
        return number

    def write(self, output: Any, version: Any = b"1.7", identifier: Any = False, compress: bool = False) -> None:
        """Write the file: pages and fonts, then everything else in object streams, then where to find it.

        Its identifier is the hash of all that stands before it.
        """
        if not compress or identifier is not True:
            raise Refused("an archival paper is compressed and has an identifier")
        file = _File(output)
        file.write(b"%PDF-" + str(version).encode() + b"\n%\xf0\x9f\x96\xa4\n")
        small: list[tuple[int, bytes]] = []
        for item in self.objects[1:]:
            if item.free == "f":
                continue
            if item.compressible:
                small.append((item.number, item.data))
            else:
                file.add(item.number, item.data)
        file.next = len(self.objects) + sum(map(len, self.structures))
        for start in range(0, len(small), PER_STREAM):
            file.add_packed(small[start : start + PER_STREAM])
        for structure in self.structures:
            file.add_packed(list(enumerate(structure.elements(), start=structure.first)))
        file.finish(self.catalog.reference, self.info.reference)


class _File:
    """Counts and hashes what is written, and remembers where each object is."""

    def __init__(self, output: Any) -> None:
        self.output = output
        self.position = 0
        self.hash = hashlib.md5(usedforsecurity=False)
        self.next = 0
        self.places: dict[int, tuple[int, int, int]] = {0: (0, 0, 65535)}

    def write(self, data: bytes) -> None:
        self.output.write(data)
        self.hash.update(data)
        self.position += len(data)

    def add(self, number: int, data: bytes) -> None:
        self.places[number] = (1, self.position, 0)
        self.write(b"%d 0 obj\n%s\nendobj\n" % (number, data))

    def add_packed(self, objects: list[tuple[int, bytes]]) -> None:
        number, self.next = self.next, self.next + 1
        index, position = [], 0
        for place, (contained, data) in enumerate(objects):
            self.places[contained] = (2, number, place)
            index.append(b"%d %d" % (contained, position))
            position += len(data) + 1
        head = b" ".join(index) + b"\n"
        packed = zlib.compress(head + b"\n".join(data for _, data in objects), LEVEL)
        self.add(number, _stream(packed, b"/Type/ObjStm/N %d/First %d" % (len(objects), len(head))))

    def finish(self, catalog: bytes, info: bytes) -> None:
        start, number = self.position, self.next
        self.places[number] = (1, start, 0)
        width = (max(start, number).bit_length() + 7) // 8
        entries = b"".join(
            kind.to_bytes(1, "big") + where.to_bytes(width, "big") + index.to_bytes(2, "big")
            for kind, where, index in (self.places.get(n, (0, 0, 0)) for n in range(number + 1))
        )
        identifier = self.hash.hexdigest().encode()
        extra = b"/Type/XRef/Size %d/W[1 %d 2]/Root %s/Info %s/ID[(%s)(%s)]" % (
            number + 1,
            width,
            catalog,
            info,
            identifier,
            identifier,
        )
        self.write(b"%d 0 obj\n%s\nendobj\n" % (number, _stream(zlib.compress(entries, LEVEL), extra)))
        self.write(b"startxref\n%d\n%%%%EOF\n" % start)
