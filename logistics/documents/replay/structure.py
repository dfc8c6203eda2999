"""The structure tree of the rows, and a writer that compresses it.

A list of 10,000 lines has 160,000 structure elements. WeasyPrint holds each as a dictionary and all of them in one
object stream; here they exist only as bytes, one page at a time, in one stream per page.
"""

import hashlib
import sys
import zlib
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, islice
from typing import Any

from logistics.documents.replay.markup import RowKind
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.rows import PageRows
from logistics.documents.replay.weasyprint_private import Stream, pydyf

LEVEL = 5  # of compression: 6 takes a third more time for two per cent (measured on 10,000 lines), 9 thrice
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
        entries = [b"/%s %s" % (name.encode(), pydyf._to_bytes(value)) for name, value in self.extra.items()]
        return _stream(self.packed, b"".join(entries))


def _stream(packed: bytes, extra: bytes) -> bytes:
    # Both line-end characters, or a reader would take a last data byte of 13 for a part of the line end.
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\r\nendstream" % (extra, len(packed), packed)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids of marked content of rows: that of the spacer that they replace, and those given to them."""

    first: int
    others: range

    def __iter__(self) -> Iterator[int]:
        return chain((self.first,), self.others)


class PageStructure:
    """The elements of consecutive rows on one page: a TR per row, a TD per cell.

    They are the objects from `first` on; the rows are children of the object `table_body`, all on the object `page`.
    """

    def __init__(self, rows: PageRows, ids: Ids, spans: Spans, *, first: int, table_body: int, page: int) -> None:
        self.cells, self.ids, self.spans = rows.cells, ids, spans
        self.first, self.table_body, self.page = first, table_body, page
        self.row_numbers: list[int] = []
        for _, taken in self.cells:
            self.row_numbers.append(first)
            first += 1 + len(taken)
        self.end = first

    def __len__(self) -> int:
        return self.end - self.first

    def owners(self) -> Iterator[int]:
        """Yield the number of the element to which each id of marked content belongs, in the order of the ids."""
        for row, (_, taken) in zip(self.row_numbers, self.cells, strict=True):
            yield from map(row.__add__, _owners(taken))

    def elements(self) -> bytes:
        """Return every object, in order of number, a line each. A cell's headers follow from its position."""
        ids = iter(self.ids)
        of_body, of_page = self.table_body, self.page
        lines = []
        for row, (kind, taken) in zip(self.row_numbers, self.cells, strict=True):
            numbers = [of_body, of_page, *range(row + 1, row + 1 + len(taken))]
            for holes in taken:
                numbers += row, of_page, *islice(ids, holes)
            lines.append(_row(tuple(self.spans(kind)), taken) % tuple(numbers))
        return b"\n".join(lines)


@lru_cache(maxsize=1024)
def _owners(taken: tuple[int, ...]) -> list[int]:
    """Which cell of a row each of its ids belongs to, counted from 1."""
    return [cell for cell, holes in enumerate(taken, start=1) for _ in range(holes)]


@lru_cache(maxsize=1024)
def _row(spans: tuple[int, ...], taken: tuple[int, ...]) -> bytes:
    """A TR and its TDs, with holes: the body, the page, each cell; for each cell the row, the page, ids of content."""
    row = b"<</S/TR/P %%d 0 R/Pg %%d 0 R/K[%s]>>" % b" ".join([b"%d 0 R"] * len(taken))
    cells = []
    for span, holes in zip(spans, taken, strict=True):
        content = b"%d" if holes == 1 else b"[%s]" % b" ".join([b"%d"] * holes)
        attributes = b"/A<</O/Table/ColSpan %d>>" % span if span != 1 else b""
        cells.append(b"<</S/TD/P %%d 0 R/Pg %%d 0 R/K %s%s>>" % (content, attributes))
    return b"\n".join([row, *cells])


class StructuredPDF(pydyf.PDF):
    """A PDF built by WeasyPrint, with rows to be added to its structure when it is written."""

    structures: list[PageStructure]

    @classmethod
    def adopt(cls, pdf: Any, pages: Iterable[Sequence[tuple[PageRows, Ids]]], spans: Spans) -> None:
        """Make a PDF one of these; `pages` has, for each of its pages, runs of rows and their ids of marked content."""
        pdf.__class__ = cls
        pdf.add_object(pdf.info)
        for item in pdf.objects:
            if isinstance(item, pydyf.Stream) and item.extra.get("Type") == "/EmbeddedFile":
                PackedStream.pack(item)
        pdf.structures = []
        mapping = pdf.known(pdf.known(pdf.catalog["StructTreeRoot"])["ParentTree"])
        number, table_body = len(pdf.objects), 0
        for index, runs in enumerate(pages):
            owners = mapping["Nums"][2 * index + 1]
            goes_on = not owners  # otherwise a table begins on this page
            for rows, ids in runs:
                if not goes_on:
                    table_body = pdf._body_without(owners.pop(ids.first))
                page = int(pdf.pages["Kids"][3 * index])
                structure = PageStructure(rows, ids, spans, first=number, table_body=table_body, page=page)
                number += len(structure)
                first, *others = map(b"%d 0 R".__mod__, structure.owners())
                owners.insert(ids.first, first)
                # One string of bytes, not one object per cell: a long list has 200,000.
                owners.append(b" ".join(others))
                pdf.objects[table_body]["K"].append(b" ".join([b"%d 0 R" % row for row in structure.row_numbers]))
                pdf.structures.append(structure)

    def known(self, reference: bytes) -> Any:
        return self.objects[int(reference.split()[0])]

    def _body_without(self, spacer: bytes) -> int:
        """Remove the elements of a spacer from the tree and return the number of their TBody."""
        span = self.known(spacer)
        cell = self.known(span["P"])
        row = self.known(cell["P"])
        for element in (span, row, *[self.known(reference) for reference in row["K"]]):
            element.free = "f"
        body = self.known(row["P"])
        body["K"] = pydyf.Array()
        number: int = body.number
        return number

    def write(self, output: Any, version: Any = b"1.7", identifier: Any = False, compress: bool = False) -> None:
        """Write the file: pages and fonts, then everything else in object streams, then the cross-reference stream.

        Its identifier is the hash of everything before it.
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
                if isinstance(item, PackedStream):
                    item.packed = b""  # it is in the file now
        file.next = len(self.objects) + sum(map(len, self.structures))
        for start in range(0, len(small), PER_STREAM):
            file.add_packed(small[start : start + PER_STREAM])
        for structure in self.structures:
            file.add_lines(structure.first, structure.elements())
        file.finish(self.catalog.reference, self.info.reference)


class _Places:
    """Where each object is, as columns of a cross-reference stream (ISO 32000-1, 7.5.8): a few bytes per object."""

    def __init__(self) -> None:
        self.kinds, self.where, self.index = bytearray(1), array("I", [0]), array("H", [65535])

    def put(self, first: int, kind: int, where: int, indexes: Sequence[int] = (0,)) -> None:
        """Record where objects from `first` on are: at an offset in the file (1), or in an object stream (2)."""
        end = first + len(indexes)
        if (missing := end - len(self.kinds)) > 0:
            self.kinds.extend(bytes(missing))
            self.where.extend(array("I", bytes(4 * missing)))
            self.index.extend(array("H", bytes(2 * missing)))
        self.kinds[first:end] = bytes([kind]) * len(indexes)
        self.where[first:end] = array("I", [where]) * len(indexes)
        self.index[first:end] = array("H", indexes)

    def entries(self, width: int) -> bytearray:
        """Return one row per object: a byte for its kind, `width` bytes for its place, two for its index."""
        step = 1 + width + 2
        rows = bytearray(step * len(self.kinds))
        rows[::step] = self.kinds
        if sys.byteorder == "little":
            self.where.byteswap()
            self.index.byteswap()
        where, index = self.where.tobytes(), self.index.tobytes()
        for byte in range(width):
            rows[1 + byte :: step] = where[4 - width + byte :: 4]
        for byte in range(2):
            rows[1 + width + byte :: step] = index[byte::2]
        return rows


class _File:
    """Counts and hashes what is written, and records where each object is."""

    def __init__(self, output: Any) -> None:
        self.output = output
        self.position = 0
        self.hash = hashlib.md5(usedforsecurity=False)
        self.next = 0
        self.places = _Places()

    def write(self, data: bytes) -> None:
        self.output.write(data)
        self.hash.update(data)
        self.position += len(data)

    def add(self, number: int, data: bytes) -> None:
        self.places.put(number, 1, self.position)
        self.write(b"%d 0 obj\n%s\nendobj\n" % (number, data))

    def add_packed(self, objects: list[tuple[int, bytes]]) -> None:
        """Write numbered objects into their own stream."""
        numbers = [number for number, _ in objects]
        for index, number in enumerate(numbers):
            self.places.put(number, 2, self.next, (index,))
        self._pack(numbers, [len(data) for _, data in objects], b"\n".join([data for _, data in objects]))

    def add_lines(self, first: int, lines: bytes) -> None:
        """Write objects, a line each, numbered from `first` on, into their own stream."""
        lengths = list(map(len, lines.split(b"\n")))
        self.places.put(first, 2, self.next, range(len(lengths)))
        self._pack(range(first, first + len(lengths)), lengths, lines)

    def _pack(self, numbers: Sequence[int], lengths: Sequence[int], objects: bytes) -> None:
        positions = accumulate([length + 1 for length in lengths[:-1]], initial=0)
        head = b" ".join(map(b"%d %d".__mod__, zip(numbers, positions, strict=True))) + b"\n"
        packed = zlib.compress(head + objects, LEVEL)
        number, self.next = self.next, self.next + 1
        self.add(number, _stream(packed, b"/Type/ObjStm/N %d/First %d" % (len(lengths), len(head))))

    def finish(self, catalog: bytes, info: bytes) -> None:
        start, number = self.position, self.next
        self.places.put(number, 1, start)
        width = (max(start, number).bit_length() + 7) // 8
        entries = self.places.entries(width)
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
