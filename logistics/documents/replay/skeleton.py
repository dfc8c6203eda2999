"""The file of a filled-in paper: what all papers of a form have in common is written once, as bytes.

WeasyPrint builds one paper of the form with empty slots, a finisher corrects it, and it is taken apart here: pages,
structure, outlines and colours never change; contents, fonts, title and dates are each paper's own. The object numbers
of a paper depend only on its content, so the same paper is the same file whatever was printed before it.
"""

import copy
import hashlib
import re
from collections.abc import Sequence
from html import escape
from itertools import count
from typing import Any

from logistics.documents.replay.forms import Form, Hole, Shape, Text
from logistics.documents.replay.glyph_encoding import EncodedStream, GlyphEncoding, embedded, packed, share_files
from logistics.documents.replay.refusal import Refused
from logistics.documents.replay.vector_paths import Painting
from logistics.documents.replay.weasyprint_private import (
    PROGRESS_LOGGER,
    DocumentMetadata,
    pdf_date,
    pydyf,
    to_bytes,
)

HEAD = b"%PDF-1.7\n%\xf0\x9f\x96\xa4\n"
# Placeholders in the sample for each paper's own values.
TITLE, CREATED, MODIFIED = "Title-of-the-paper", "1111-11-11", "1212-12-12"
PLACEHOLDERS = re.compile(f"({TITLE}|{CREATED}|{MODIFIED})")
# The keys of a structure element that only holds a text, and the elements that can hold it directly.
OF_TEXT = {"Type", "S", "K", "Pg", "P"}
HOLDERS = {"/P", "/H1", "/H2", "/H3", "/H4", "/H5", "/H6", "/TH", "/TD", "/Caption", "/Span"}
OBJECTS_OF_A_FONT = 4
SETS_COLOR_SPACE = re.compile(rb"\b(?:cs|CS)\b")
# A string, which holds no references, or a reference.
STRING_OR_REFERENCE = re.compile(rb"\((?:[^\\()]|\\.)*\)|\b([0-9]+) 0 R\b", re.DOTALL)
PNG_UP = b"/DecodeParms<</Predictor 12/Columns %d>>"

# An object: 2, its object stream, its index there; or 1, its offset in the file, 0; or 0, 0, 0 (ISO 32000-1, 7.5.8.3).
Entry = tuple[int, int, int]


def sample_metadata(metadata: DocumentMetadata) -> DocumentMetadata:
    """Return metadata with placeholders for what differs from paper to paper."""
    sample = copy.deepcopy(metadata)
    sample.title = TITLE if metadata.title else None
    sample.created = CREATED if metadata.created else None
    sample.modified = MODIFIED if metadata.modified else None
    return sample


class Skeleton:
    """What the files of all papers of a form share.

    `pdf` is the finished sample, `befores` what WeasyPrint writes to each page before painting it, `states` the
    graphics states of the form and its slots. Raises Refused for a sample with anything unexpected.
    """

    def __init__(self, form: Form, pdf: Any, befores: Sequence[bytes], states: dict[str, Any]) -> None:
        self.slots, self.states = form.slots, states
        share_files(form.fonts.values())
        self.encoding = GlyphEncoding(form.fonts.values())
        self.encoding.begin()
        self.pages = [
            [before, *(self.encoding.rewritten(part) if isinstance(part, bytes) else part for part in parts)]
            for before, parts in zip(befores, form.pages, strict=True)
        ]
        self.paintings: dict[int, Painting] = {}  # of each slot that is a path
        for parts in self.pages:
            for index, part in enumerate(parts):
                if isinstance(part, Hole) and isinstance(form.slots[part.slot], Shape):
                    before, after = parts[index - 1], parts[index + 1]
                    assert isinstance(before, bytes) and isinstance(after, bytes)  # as a form is cut
                    self.paintings[part.slot], parts[index + 1] = Painting.of(before, after)
        pdf.add_object(pdf.info)
        self.info = dict(pdf.info)
        pages = [_known(pdf, reference) for reference in pdf.page_references]
        described = _known(pdf, pdf.catalog["Metadata"])
        (xmp,) = described.stream
        self.metadata = PLACEHOLDERS.split(xmp.decode())
        resources = {page["Resources"] for page in pages}
        if len(resources) != 1 or len(set(self.metadata[1::2])) != len(self.metadata[1::2]):
            raise Refused("a form whose file is not put together as expected")
        known = _known(pdf, *resources)
        fonts = _known(pdf, known["Font"])
        _forget_fonts(pdf, fonts)
        _forget_unused(pdf, known, b"\n".join(_operators(form)))
        _hold_texts_in_their_parents(pdf)
        own = [*(_known(pdf, page["Contents"]) for page in pages), described, pdf.info, fonts]
        shared = [item for item in pdf.objects[1:] if item.free != "f" and not any(item is each for each in own)]
        new = {item.number: number for number, item in enumerate([*shared, *own], start=1)}
        *self.contents, self.metadata_number, self.info_number, self.fonts_number = (new[item.number] for item in own)
        trailer = b"/Type/XRef/Root %s/Info %s" % (pdf.catalog.reference, pdf.info.reference)
        self.trailer = _renumbered(trailer, new)
        self.next = len(new) + 1
        self.start = _File()
        self.start.write(HEAD)
        small = []
        for item in shared:
            if item.compressible:
                small.append((new[item.number], _renumbered(item.data, new)))
            else:
                self.start.add(new[item.number], _stream(item))
        self.start.add_packed(self.next, small)
        self.next += 1

    def write(self, document: Any) -> bytes:
        """Return the file of a paper, a `FilledDocument` of this form.

        Raises Refused for papers that only WeasyPrint can write.
        """
        fonts, metadata = document.fonts.values(), document.metadata
        encoding = GlyphEncoding(fonts, self.encoding)
        contents = [self._content(document, encoding, parts) for parts in self.pages]
        PROGRESS_LOGGER.info("Step 7 - Adding PDF metadata")
        numbers = count(self.next)
        file = self.start.copy()
        for number, content in zip(self.contents, contents, strict=True):
            file.add(number, packed(content))
        file.add(self.metadata_number, self._described(metadata))
        small = [(self.info_number, self._info(metadata))]
        named = []
        meanings = next(numbers)
        file.add(meanings, encoding.meanings())
        for font in encoding.glyphs:
            own = [next(numbers) for _ in range(OBJECTS_OF_A_FONT)]
            same = [each for each in fonts if each.hash == font]
            stream_of_file, dictionaries = embedded(same, encoding.of_font(font), meanings, own)
            file.add(own[0], stream_of_file)
            small += zip(own[1:], dictionaries, strict=True)
            named.append(b"/%s %d 0 R" % (font.encode(), own[1]))
        small.append((self.fonts_number, b"<<%s>>" % b"".join(named)))
        file.add_packed(next(numbers), small)
        return file.finish(next(numbers), self.trailer)

    def _content(self, document: Any, encoding: GlyphEncoding, parts: Sequence[bytes | Hole]) -> bytes:
        stream = document.stream(EncodedStream, {"ExtGState": dict(self.states)})
        stream.encoding = encoding
        for part in parts:
            if isinstance(part, bytes):
                stream.stream.append(part)
                continue
            slot, content = self.slots[part.slot], document.lines[part.slot]
            if isinstance(slot, Shape):
                stream.stream += self.paintings[part.slot].painted(content)
            else:
                slot.draw(stream, content[part.line], part.id)
        if stream._resources["ExtGState"].keys() != self.states.keys():
            raise Refused("a slot is drawn in a state that the form does not know")
        return b"\n".join(map(to_bytes, stream.stream))

    def _described(self, metadata: DocumentMetadata) -> bytes:
        values = {TITLE: metadata.title, CREATED: metadata.created, MODIFIED: metadata.modified}
        xmp = "".join(
            [escape(values[part] or "", quote=False) if index % 2 else part for index, part in enumerate(self.metadata)]
        ).encode()
        return b"<</Type/Metadata/Subtype/XML/Length %d>>\nstream\n%s\nendstream" % (len(xmp), xmp)

    def _info(self, metadata: DocumentMetadata) -> bytes:
        info = pydyf.Dictionary(self.info)
        if metadata.title:
            info["Title"] = pydyf.String(metadata.title)
        if metadata.created:
            info["CreationDate"] = pydyf.String(pdf_date(metadata.created, "created"))
        if metadata.modified:
            info["ModDate"] = pydyf.String(pdf_date(metadata.modified, "modified"))
        data: bytes = info.data
        return data


def before_painting(form: Form, number: int, stream: Any) -> bytes:
    """Return what is on a page before it is painted, and register the graphics states of its slots with the page.

    Raises Refused for a slot with a colour in a named colour space.
    """
    before: bytes = b"\n".join(map(to_bytes, stream.stream))
    stream._tags.update({box: dict(tag) for box, tag in form.tags[number].items()})
    for slot in form.slots:
        if isinstance(slot, Text):
            slot.tell_states(stream)
    if SETS_COLOR_SPACE.search(b"\n".join(map(to_bytes, stream.stream))):
        raise Refused("a slot in a colour of another space than sRGB")
    for name, state in form.states.items():
        stream._resources["ExtGState"].setdefault(name, state)
    return before


def _known(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def _renumbered(data: bytes, new: dict[int, int]) -> bytes:
    """Return an object with renumbered references. Raises Refused if one refers to an object that is not there."""

    def renumbered(match: re.Match[bytes]) -> bytes:
        return b"%d 0 R" % new[int(match[1])] if match[1] else match[0]

    try:
        return STRING_OR_REFERENCE.sub(renumbered, data)
    except KeyError as error:
        raise Refused("a reference to what each paper has itself") from error


def _stream(item: Any) -> bytes:
    extra = b"".join(b"/%s %s" % (key.encode(), to_bytes(value)) for key, value in item.extra.items())
    return packed(b"\n".join(map(to_bytes, item.stream)), extra)


def _forget_fonts(pdf: Any, fonts: Any) -> None:
    """Free the objects of the sample's fonts."""
    for reference in fonts.values():
        font = _known(pdf, reference)
        (descendant,) = (_known(pdf, each) for each in font["DescendantFonts"])
        descriptor = _known(pdf, descendant["FontDescriptor"])
        parts = [font, descendant, descriptor, _known(pdf, font["ToUnicode"])]
        for part in (*parts, *(_known(pdf, descriptor[key]) for key in descriptor if key.startswith("FontFile"))):
            part.free = "f"


def _operators(form: Form) -> list[bytes]:
    return [part for page in form.pages for part in page if isinstance(part, bytes)]


def _forget_unused(pdf: Any, resources: Any, operators: bytes) -> None:
    """Remove empty kinds of resources, and colour spaces that no operator uses."""
    for kind in [kind for kind, named in resources.items() if named == {}]:
        del resources[kind]
    if not SETS_COLOR_SPACE.search(operators):
        _known(pdf, resources.pop("ColorSpace")).free = "f"


def _hold_texts_in_their_parents(pdf: Any) -> None:
    """Make paragraphs, cells and headings hold their texts directly.

    WeasyPrint puts each text into its own element, which adds nothing: its language is on the page.
    """
    of_pages = _known(pdf, _known(pdf, pdf.catalog["StructTreeRoot"])["ParentTree"])["Nums"]
    owners: dict[bytes, bytes] = {}
    dictionaries: list[Any] = [item for item in pdf.objects if isinstance(item, dict)]
    for item in dictionaries:
        if item.get("S") != "/Span" or item.keys() != OF_TEXT:
            continue
        parent = _known(pdf, item["P"])
        if parent["S"] in HOLDERS and parent["Pg"] == item["Pg"] and all(isinstance(kid, int) for kid in item["K"]):
            place = parent["K"].index(item.reference)
            parent["K"][place : place + 1] = item["K"]
            owners[item.reference] = parent.reference
            item.free = "f"
    for elements in of_pages[1::2]:
        elements[:] = [owners.get(element, element) for element in elements]


class _File:
    """Counts and hashes what is written, and records the offset of each object."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []
        self.position = 0
        self.hash = hashlib.md5(usedforsecurity=False)
        self.places: dict[int, Entry] = {}

    def copy(self) -> "_File":
        """Return a file that continues this one."""
        other = copy.copy(self)
        other.parts = [b"".join(self.parts)]
        other.hash = self.hash.copy()
        other.places = dict(self.places)
        return other

    def write(self, data: bytes) -> None:
        self.parts.append(data)
        self.hash.update(data)
        self.position += len(data)

    def add(self, number: int, data: bytes) -> None:
        self.places[number] = (1, self.position, 0)
        self.write(b"%d 0 obj\n%s\nendobj\n" % (number, data))

    def add_packed(self, number: int, objects: Sequence[tuple[int, bytes]]) -> None:
        """Write an object stream of these objects."""
        index, position = [], 0
        for place, (contained, data) in enumerate(objects):
            self.places[contained] = (2, number, place)
            index.append(b"%d %d" % (contained, position))
            position += len(data) + 1
        head = b" ".join(index) + b"\n"
        content = head + b"\n".join([data for _, data in objects])
        self.add(number, packed(content, b"/Type/ObjStm/N %d/First %d" % (len(objects), len(head))))

    def finish(self, number: int, trailer: bytes) -> bytes:
        """Return the whole file with its cross-reference stream. Its identifier is the hash of everything before it."""
        start = self.position
        self.places[number] = (1, start, 0)
        size = max(self.places) + 1
        entries = [self.places.get(number, (0, 0, 0)) for number in range(size)]
        widths = [(max(field).bit_length() + 7) // 8 for field in zip(*entries, strict=True)]
        rows = [
            b"".join([field.to_bytes(width, "big") for field, width in zip(entry, widths, strict=True)])
            for entry in entries
        ]
        identifier = self.hash.hexdigest().encode()
        extra = b"%s/Size %d/W[%d %d %d]/ID[<%s><%s>]" % (trailer, size, *widths, identifier, identifier)
        self.write(b"%d 0 obj\n%s\nendobj\n" % (number, packed_rows(rows, extra)))
        self.write(b"startxref\n%d\n%%%%EOF\n" % start)
        return b"".join(self.parts)


def packed_rows(rows: Sequence[bytes], extra: bytes) -> bytes:
    """Compress rows of equal length, each as its difference from the previous one (PNG's "up")."""
    columns = len(rows[0])
    table = b"".join(rows)
    before = bytes(columns) + table[:-columns]
    differences = bytes([(a - b) & 255 for a, b in zip(table, before, strict=True)])
    content = b"".join([b"\2" + differences[at : at + columns] for at in range(0, len(table), columns)])
    return packed(content, extra + PNG_UP % columns)
