"""What WeasyPrint leaves to be done for a PDF that is PDF/A-3a and PDF/UA-1 at once.

`finish` is a finisher of WeasyPrint: it is handed the PDF as built, and mends it before it is written.

- Metadata: WeasyPrint names one standard and compresses what it says. A paper keeps two standards, says so in plain
  text, and describes the words of the second one, as the first one wants.
- Colours: what WeasyPrint embeds to say what its colours are takes 2.6 kB; `srgb` says the same.
- Tables: WeasyPrint names the heads of each cell by ids, which it gives out again on each page, so that they name
  nothing. A head says here what it is the head of, a column or a row, and a reader finds it from where a cell stands.
"""

from collections.abc import Iterator

import pydyf

from logistics.documents import srgb

# All are of the paper: one description says what several do.
ANOTHER_DESCRIPTION = b'</rdf:Description><rdf:Description rdf:about="">'
END_OF_METADATA = b"</rdf:RDF>"
# Without line ends: it stays uncompressed. Not as attributes, which are shorter and which RDF takes for the same, for
# checkers want the form that PDF/A prints.
SAYS_PDF_UA = b"".join(
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
    (said,) = metadata.stream
    said = said.replace(ANOTHER_DESCRIPTION, b"").replace(END_OF_METADATA, SAYS_PDF_UA + END_OF_METADATA)
    metadata.stream = [said]
    metadata.compress = False
    (intent,) = pdf.catalog["OutputIntents"]
    intent["OutputConditionIdentifier"].string = intent["Info"].string = srgb.NAME
    _object(pdf, intent["DestOutputProfile"]).stream = [srgb.profile()]
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])  # WeasyPrint names each file twice
    for row in _elements(pdf, "/TR"):
        _say_what_heads_are_for(pdf, row)


def _object(pdf: pydyf.PDF, reference: bytes) -> pydyf.Object:
    return pdf.objects[int(reference.split()[0])]


def _elements(pdf: pydyf.PDF, kind: str) -> Iterator[pydyf.Dictionary]:
    for item in pdf.objects:
        if isinstance(item, dict) and item.get("S") == kind:
            yield item


def _say_what_heads_are_for(pdf: pydyf.PDF, row: pydyf.Dictionary) -> None:
    """In a thead, and in a row of nothing but heads, each is the head of its column; any other, of its row."""
    cells = [cell for reference in row["K"] if (cell := _object(pdf, reference))["S"] in ("/TH", "/TD")]
    of_columns = _object(pdf, row["P"])["S"] == "/THead" or all(cell["S"] == "/TH" for cell in cells)
    for cell in cells:
        cell.pop("ID", None)
        cell["A"].pop("Headers", None)
        if cell["S"] == "/TH":
            cell["A"]["Scope"] = "/Column" if of_columns else "/Row"
        elif len(cell["A"]) == 1:
            del cell["A"]  # it named its owner, and nothing that is owned
