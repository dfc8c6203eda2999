"""Types of the transport papers' contexts: plain JSON values, frozen when the paper is requested.

Units and formats, the same on every paper:
- kg: decimal string with 3 places ("6490.110"); m3: 3 places; cm: 1 place, or "" if unknown.
- money: whole minor units of `currency` (52509400 HKD is 525,094.00).
- dates: ISO 8601 ("2026-02-27"). Absent texts: "" (a missing key stops the printing).
- `content_sha256` and `verify_url` are printed too, but come from the document itself (`documents.services.facts`).
- Texts: {"en": ..., "fr": ...}; every language of the paper should be there.

Places are the site's code and its hand-over point. The name, town, address and phone of a confidential site have no
field here, and must not be put into another one.
"""

from typing import Literal, TypedDict

from shipments.packing.vocabulary import Texts

FlagOnPaper = Literal["heavy", "fragile", "this_way_up", "open_first", "dangerous"]


class Party(TypedDict):
    name: str
    lines: list[str]  # address and tax number, one printed line each
    registration: str  # of a charity with its tax authority, "91/1234"; "" for others


class Place(TypedDict):
    code: str  # UN/LOCODE, "HKHKG"
    name: str  # "Hong Kong"


class Container(TypedDict):
    number: str  # ISO 6346, "CSQU3054383"
    type_code: str  # "45G1"
    type_name: str  # "40' high cube"
    seals: list[str]


class LineOnPaper(TypedDict):
    item_code: str
    description: Texts
    hs6: str  # "940320"
    origin: str  # ISO 3166-1 alpha-2, "CN"; "" unknown
    condition: Texts
    quantity: int | str  # a whole number, or a decimal string for goods by weight or length
    unit: Texts  # {"en": "piece", "fr": "pièce"}
    net_kg: str
    value_minor: int  # for customs purposes only
    un_number: str  # "UN3480"; "" if the goods are not dangerous
    serials: list[str]
    remark: str


class PackageOnPaper(TypedDict):
    number: int
    marks: str  # "CGD-ML-26-001 1/270"
    kind: Texts  # {"en": "pallet", "fr": "palette"}
    length_cm: str
    width_cm: str
    height_cm: str
    gross_kg: str
    gross_measured: bool  # False: an estimate, and printed as one
    destination: str  # the code of the site, "A"; "" if there is only one site
    flags: list[FlagOnPaper]
    remark: str  # other handling, "forklift only"; ""
    lines: list[LineOnPaper]  # never empty


class TotalsOnPaper(TypedDict):
    packages: int
    lines: int
    net_kg: str
    gross_kg: str
    measured_kg: str  # how much of gross_kg was weighed
    volume_m3: str
    value_minor: int


class KindTotal(TypedDict):
    kind: Texts
    packages: int
    net_kg: str
    gross_kg: str
    volume_m3: str


class DestinationTotal(TypedDict):
    code: str
    handover: str  # the public hand-over point
    packages: int
    gross_kg: str
    volume_m3: str
