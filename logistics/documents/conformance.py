"""Makes a PDF/A-3a file from WeasyPrint conform to PDF/UA-1 too.

`finish` is a WeasyPrint finisher: it gets the finished PDF object and corrects it before it is written.

- Metadata: WeasyPrint declares one standard, in compressed metadata. A paper declares both, uncompressed, and includes
  the extension schema of PDF/UA that PDF/A requires.
- Colours: WeasyPrint embeds a colour profile of 2.6 kB; `srgb` replaces it by an equivalent one.
- Tables: WeasyPrint lists the header cells of each cell by ids, but reuses these ids on each page, so they identify
  nothing. Here each header cell has a scope, column or row, and readers find the headers from a cell's position.
"""

from collections.abc import Iterator

import pydyf

from logistics.documents import srgb

# All descriptions are about the same file, so several are merged into one.
ANOTHER_DESCRIPTION = b'</rdf:Description><rdf:Description rdf:about="">'
END_OF_METADATA = b"</rdf:RDF>"
# Without line ends, as it stays uncompressed. Not as attributes, which are shorter and equivalent in RDF, because
# checkers want the form that PDF/A prints.
PDF_UA_METADATA = b"".join(
    [
        b'<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>',
        b'<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"',
        b' xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"',
        b' xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#"><pdfaExtension:schemas><rdf:Bag>',
        b'<rdf:li rdf:parseType="Resource">',
        b"<pdfaSchema:schema>PDF/UA</pdfaSchema:schema>",
        b"<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>",
        b"<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>",
        b'<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">',
        b"<pdfaProperty:name>part</pdfaProperty:name>",
        b"<pdfaProperty:valueType>Integer</pdfaProperty:valueType>",
        b"<pdfaProperty:category>internal</pdfaProperty:category>",
        b"<pdfaProperty:description>Part of ISO 14289</pdfaProperty:description>",
        b"</rdf:li></rdf:Seq></pdfaSchema:property>",
        b"</rdf:li></rdf:Bag></pdfaExtension:schemas></rdf:Description>",
    ]
)


def finish(document: object, pdf: pydyf.PDF) -> None:
    """Make a PDF that WeasyPrint built as PDF/A-3a conform to PDF/UA-1 too."""
    metadata = _object(pdf, pdf.catalog["Metadata"])
    (xmp,) = metadata.stream
    xmp = xmp.replace(ANOTHER_DESCRIPTION, b"").replace(END_OF_METADATA, PDF_UA_METADATA + END_OF_METADATA)
    metadata.stream = [xmp]
    metadata.compress = False
    (intent,) = pdf.catalog["OutputIntents"]
    intent["OutputConditionIdentifier"].string = intent["Info"].string = srgb.NAME
    _object(pdf, intent["DestOutputProfile"]).stream = [srgb.profile()]
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])  # WeasyPrint lists each file twice
    for row in _elements(pdf, "/TR"):
        _set_scopes(pdf, row)


def _object(pdf: pydyf.PDF, reference: bytes) -> pydyf.Object:
    return pdf.objects[int(reference.split()[0])]


def _elements(pdf: pydyf.PDF, kind: str) -> Iterator[pydyf.Dictionary]:
    for item in pdf.objects:
        if isinstance(item, dict) and item.get("S") == kind:
            yield item


def _set_scopes(pdf: pydyf.PDF, row: pydyf.Dictionary) -> None:
    """Give header cells in a thead, and in a row of header cells only, the scope column; all others the scope row."""
    cells = [cell for reference in row["K"] if (cell := _object(pdf, reference))["S"] in ("/TH", "/TD")]
    of_columns = _object(pdf, row["P"])["S"] == "/THead" or all(cell["S"] == "/TH" for cell in cells)
    for cell in cells:
        cell.pop("ID", None)
        cell["A"].pop("Headers", None)
        if cell["S"] == "/TH":
            cell["A"]["Scope"] = "/Column" if of_columns else "/Row"
        elif len(cell["A"]) == 1:
            del cell["A"]  # only its owner is left, and no attribute
