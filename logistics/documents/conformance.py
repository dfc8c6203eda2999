"""What WeasyPrint leaves to be done for a PDF that is PDF/A-3a and PDF/UA-1 at once.

`finish` is a finisher of WeasyPrint: it is handed the PDF as built, and mends it before it is written.

- Metadata: WeasyPrint names one standard and compresses what it says. A paper keeps two standards, says so in plain
  text, and describes the words of the second one, as the first one wants.
- Tables: WeasyPrint names the heads of each cell by ids, which it gives out again on each page, so that they name
  nothing. A head says here what it is the head of, a column or a row, and a reader finds it from where a cell stands.
"""

from collections.abc import Iterator
from typing import Any

END_OF_METADATA = b"</rdf:RDF>"
SAYS_PDF_UA = b"""
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
 xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#" xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
<pdfaExtension:schemas><rdf:Bag><rdf:li rdf:parseType="Resource">
<pdfaSchema:schema>PDF/UA identification schema</pdfaSchema:schema>
<pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
<pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
<pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
<pdfaProperty:name>part</pdfaProperty:name>
<pdfaProperty:valueType>Integer</pdfaProperty:valueType>
<pdfaProperty:category>internal</pdfaProperty:category>
<pdfaProperty:description>The part of ISO 14289 that the file keeps</pdfaProperty:description>
</rdf:li></rdf:Seq></pdfaSchema:property>
</rdf:li></rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""


def finish(document: Any, pdf: Any) -> None:
    """Make a PDF that WeasyPrint built as PDF/A-3a conform to PDF/UA-1 too."""
    metadata = _object(pdf, pdf.catalog["Metadata"])
    (said,) = metadata.stream
    metadata.stream = [said.replace(END_OF_METADATA, SAYS_PDF_UA + END_OF_METADATA)]
    metadata.compress = False
    if "AF" in pdf.catalog:
        pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])  # WeasyPrint names each file twice
    for row in _elements(pdf, "/TR"):
        _say_what_heads_are_for(pdf, row)


def _object(pdf: Any, reference: bytes) -> Any:
    return pdf.objects[int(reference.split()[0])]


def _elements(pdf: Any, kind: str) -> Iterator[Any]:
    for item in pdf.objects:
        if isinstance(item, dict) and item.get("S") == kind:
            yield item


def _say_what_heads_are_for(pdf: Any, row: Any) -> None:
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
