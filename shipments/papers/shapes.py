"""What the transport papers are told: plain JSON values, frozen when the paper is asked for.

Units and forms, the same on every paper:
- kg: decimal string with 3 places ("6490.110"); m3: 3 places; cm: 1 place, or "" where not known.
- money: whole minor units of `currency` (52509400 HKD is 525,094.00).
- dates: ISO 8601 ("2026-02-27"). Texts that do not exist yet: "" (never a missing key: the paper refuses to print).
- `content_sha256` and `verify_url` are printed too, but come from the document itself (`documents.services.facts`).
- Texts: {"en": ..., "fr": ...}; every language of the paper should be there.

Places are the site's code and its hand-over point. The name, town, address and phone of a confidential site have no
field here, and must not be put into another one.
"""

from typing import Literal, TypedDict

Texts = dict[str, str]
Flag = Literal["heavy", "fragile", "this_way_up", "open_first", "dangerous"]


class Party(TypedDict):
    name: str
    lines: list[str]  # address and registration, one printed line each


class Place(TypedDict):
    code: str  # UN/LOCODE, "HKHKG"
    name: str  # "Hong Kong"


class Container(TypedDict):
    number: str  # ISO 6346, "CSQU3054383"
    type_code: str  # "45G1"
    type_name: str  # "40' high cube"
    seals: list[str]


class Line(TypedDict):
    item_code: str
    description: Texts
    hs6: str  # "940320"
    origin: str  # ISO 3166-1 alpha-2, "CN"; "" unknown
    condition: Texts
    quantity: int | str  # a whole number, or a decimal string for goods by weight or length
    unit: Texts  # {"en": "piece", "fr": "pièce"}
    net_kg: str
    value_minor: int  # for customs purposes only
    un_number: str  # "UN3480"; "" where the goods are not dangerous
    serials: list[str]
    remark: str


class Package(TypedDict):
    number: int
    marks: str  # "CGD-ML-26-001 1/270"
    kind: Texts  # {"en": "pallet", "fr": "palette"}
    length_cm: str
    width_cm: str
    height_cm: str
    gross_kg: str
    gross_measured: bool  # False: an estimate, and printed as one
    destination: str  # the code of the site, "A"; "" where there is one site only
    flags: list[Flag]
    remark: str  # other handling, "forklift only"; ""
    lines: list[Line]  # never empty


class Totals(TypedDict):
    packages: int
    lines: int
    net_kg: str
    gross_kg: str
    measured_kg: str  # how much of gross_kg stood on a scale
    volume_m3: str
    value_minor: int


class KindTotal(TypedDict):
    kind: Texts
    packages: int
    net_kg: str
    gross_kg: str
    volume_m3: str


class CategoryTotal(TypedDict):
    category: Texts
    lines: int
    net_kg: str
    value_minor: int


class DestinationTotal(TypedDict):
    code: str
    handover: str  # the public hand-over point
    packages: int
    gross_kg: str
    volume_m3: str


class PackingList(TypedDict):
    """Template `shipments/papers/packing_list.html`."""

    number: str  # of the shipment, "SHP-2026-00001"
    reference: str  # the shipper's own, "CGD-ML-26-001"; ""
    version: int
    supersedes: int  # the version that this one replaces; 0 for none
    issued_on: str
    title: str
    consignor: Party
    consignee: Party
    notify: Party
    handover: str
    mode: Texts  # {"en": "sea", "fr": "maritime"}
    incoterm: str  # "DAP"; ""
    incoterm_place: str
    port_of_loading: Place | None
    port_of_discharge: Place | None
    place_of_delivery: Place | None
    containers: list[Container]
    bill_of_lading: str
    cargo_tracking_note: str  # BESC / CTN / ECTN
    packed_on: str
    departs_on: str
    currency: str
    totals: Totals
    by_kind: list[KindTotal]
    by_category: list[CategoryTotal]
    by_destination: list[DestinationTotal]
    dangerous_goods: bool
    un_numbers: list[str]  # of all of them: ["UN2800", "UN3481"]
    packages: list[Package]  # in order of number
    prepared_by: str
    checked_by: str


class Difference(TypedDict):
    """A manifest line that did not arrive as it was sent."""

    package: int
    marks: str
    item_code: str
    description: Texts
    un_number: str  # "UN3481"; ""
    unit: Texts
    sent: int | str
    good: int | str
    damaged: int | str
    missing: int | str
    surplus: int | str
    reason: Texts
    remark: str


class Unlisted(TypedDict):
    description: str
    quantity: int | str
    unit: Texts
    remark: str


class Received(TypedDict):
    """The whole shipment as counted so far. Pieces are sums of quantities, whatever their unit."""

    packages_sent: int
    packages_counted: int
    packages_sound: int
    lines_sent: int
    lines_sound: int
    pieces_sent: int | str
    pieces_good: int | str
    pieces_damaged: int | str
    pieces_missing: int | str
    pieces_surplus: int | str


class GoodsReceivedNote(TypedDict):
    """Template `shipments/papers/goods_received_note.html`: what one delivery says."""

    number: str  # of the note, "SHP-2026-00001-GRN-1"
    shipment: str
    reference: str
    version: int
    supersedes: int
    issued_on: str
    title: str
    consignor: Party
    consignee: Party
    handover: str
    containers: list[Container]
    bill_of_lading: str
    received_on: str  # as the receiver states it
    recorded_on: str  # when we learned of it
    source: Texts
    seal_read: str  # "" where none was read
    seal_intact: bool | None  # None: not stated
    received: Received
    differences: list[Difference]  # only lines that differ, in package order
    unlisted: list[Unlisted]
    note: str
    delivered_by: str
    received_by: str
    checked_by: str


class GoodsReceivedForm(TypedDict):
    """Template `shipments/papers/goods_received_form.html`: blank, travels with the goods, filled in by pen."""

    number: str
    reference: str
    issued_on: str
    title: str
    consignor: Party
    consignee: Party
    handover: str
    containers: list[Container]
    bill_of_lading: str
    totals: Totals
    packages: list[Package]


class Label(TypedDict):
    number: int
    marks: str
    kind: Texts
    gross_kg: str
    gross_measured: bool
    destination: str  # the code of the site
    flags: list[Flag]
    un_numbers: list[str]  # of the dangerous goods in it: ["UN3481"]
    sscc: str  # 18 digits, check digit right; "" where the package has none
    scan: str  # what the QR code says: the address of this very package, with a random token
    copies: int  # two for a pallet, on two sides


class Labels(TypedDict):
    """Template `shipments/papers/labels.html`: one A6 page for each copy."""

    number: str
    issued_on: str
    consignor: str
    route: str  # "Hong Kong – Dakar – Bamako": ports and hand-over towns, never a site
    packages: int  # the N of "n of N"
    labels: list[Label]


class DangerousGoods(TypedDict):
    """What a carrier must know of goods under one UN number. We know no proper shipping name: `goods` is our own."""

    un_number: str  # "UN3481"; "" of packages that are marked dangerous and name no number
    goods: Texts
    package_numbers: str  # "159-162"
    packages: int
    net_kg: str  # of these goods
    gross_kg: str  # of the packages that they are in


class Waybill(TypedDict):
    """Template `shipments/papers/waybill.html`: one for each leg or vehicle, each with a number of its own."""

    number: str  # "SHP-2026-00001-WB-1"
    replaces: str  # the number of the waybill that it was issued in place of; ""
    shipment: str
    reference: str
    issued_on: str
    title: str
    consignor: Party
    consignee: Party
    carrier: Party
    mode: Texts
    loaded_at: str  # a port, a warehouse or a hand-over point; never the address of a confidential site
    handed_over_at: str
    loads_on: str
    arrives_on: str
    vehicle: str
    registration: str
    driver: str
    containers: list[Container]
    bill_of_lading: str
    cargo_tracking_note: str
    totals: Totals
    by_kind: list[KindTotal]
    by_destination: list[DestinationTotal]
    dangerous_goods: list[DangerousGoods]  # empty: there are none
    instructions: str
