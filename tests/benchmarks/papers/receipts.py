"""The same receipt by each engine: letterhead, donor, amount, details, law, fingerprint, QR code, on one page of A4.

Others draw the same texts in the same fonts, subset and embedded, sizes and colours, with the QR code that their users
would take: ReportLab its own, as a drawing; typst our path, as SVG. ReportLab writes neither tags nor PDF/A; typst
writes tags but not PDF/A. All donors have Latin names, as ReportLab neither shapes nor falls back; the letterhead has a
line of Chinese, so each receipt carries two or three fonts.
"""

import json
from dataclasses import dataclass
from functools import cache
from itertools import islice, product
from typing import Any

from logistics import barcodes, wording
from logistics.money import amounts as money
from tests.benchmarks.papers import FONTS
from tests.donations.receipt_context import FACTS, receipt

TEMPLATE = "donations/receipt.html"
LANGUAGES = ("en",)
# fmt: off
FIRST = (
    "Amina", "José", "Zoë", "Marie-Claire", "Siu-Ling", "Björn", "Fatoumata", "Łukasz", "Chloé", "Nguyễn", "Oumar",
    "Ioana", "Seán", "Ayşe", "Grace", "David", "Kwame", "Lucía",
)
LAST = (
    "Traoré", "Núñez", "Lefèvre", "Wong", "O’Connor", "Kowalczyk", "Sørensen", "Coulibaly", "Müller", "Chan", "Yılmaz",
    "Popescu", "Okafor", "Smith", "Lam", "Dvořák", "Diallo", "García", "Nakamura", "Ho", "Van der Berg", "Keïta",
    "Fernandes", "Li", "Brown", "Sissoko", "Aubert", "Leung", "Haidara", "Petrović", "Rossi", "Ng", "Bergström",
    "Quispe", "Maïga", "Tan", "Dembélé", "Evans", "Cheung", "Ilves", "Konaté", "Jansen", "Wójcik", "Ramos", "Camara",
    "Fofana", "Hughes", "Ståhl", "Touré", "Yeung", "Bâ", "Meyer", "Cissé", "Young", "Zhang", "Urban", "Sanogo",
    "Adams", "Kaya", "Doumbia", "Fischer", "Vũ", "Peng",
)
# fmt: on
THANKS = "Received with thanks from"
NO_RETURN = "No goods or services were given in return for this donation."
EXEMPT = (
    "is a charitable institution exempt from tax under section 88 of the Inland Revenue Ordinance"
    " (Cap. 112 of the Laws of Hong Kong)."
)
DEDUCTIBLE = (
    "Donations of money that together reach HK$100 in a year of assessment (April to March) may be deducted from income"
    " or profits chargeable in Hong Kong, within the limits of that Ordinance. Please keep this receipt."
)
ISSUED = "Issued electronically; valid without a signature."
GENUINE = "Is this receipt genuine? Scan the code, or compare its fingerprint:"


def contexts(count: int) -> list[dict[str, Any]]:
    """Receipts of as many donors, each with a name, an amount, a number, a fingerprint and an address to verify at."""
    made = []
    for number, (last, first) in enumerate(islice(product(LAST, FIRST), count), start=1):
        context = receipt(
            number=f"HK-2026-{number:06}",
            donor={"name": f"{first} {last}", "address_lines": [f"{number}/F, 88 Nathan Road", "Kowloon, Hong Kong"]},
            donation=f"GIFT-{number * 7919 % 10**8:08}",
            amount_minor=number * 7919 % 10**7 + 100,
        )
        facts = {
            "content_sha256": f"{number * 0x9E3779B97F4A7C15:064x}"[::-1],
            "verify_url": FACTS["verify_url"].replace("a1s2", f"{number:04}"),
        }
        made.append({**context, **facts})
    if len(made) < count:
        raise ValueError(f"There are names for {len(made)} donors only.")
    return made


@dataclass(frozen=True)
class Texts:
    """What is printed, for engines without templates."""

    charity: str
    charity_local: str
    address: list[str]
    number: str
    donor: str
    donor_address: list[str]
    amount: str
    details: list[tuple[str, str]]
    law: list[str]
    signed: list[str]
    fingerprint: str
    verify_url: str


def texts(context: dict[str, Any]) -> Texts:
    charity = context["charity"]
    contact = [charity["phone"], charity["email"], f"Registration {charity['registration']}"]
    return Texts(
        charity=charity["name"],
        charity_local=charity["name_local"],
        address=[*charity["address_lines"], *contact],
        number=context["number"],
        donor=context["donor"]["name"],
        donor_address=context["donor"]["address_lines"],
        amount=money.printed(context["amount_minor"], context["currency"], LANGUAGES),
        details=[
            ("Date received", wording.day(context["received_on"], LANGUAGES)),
            ("Given for", context["appeal"]),
            ("Form of gift", "Money, by card"),
            ("Gift reference", context["donation"]),
            ("Receipt issued on", wording.day(context["issued_on"], LANGUAGES)),
        ],
        law=[NO_RETURN, f"{charity['name']} {EXEMPT}", DEDUCTIBLE],
        signed=[context["signatory"], context["signatory_role"], f"For {charity['name']}", ISSUED],
        fingerprint=context["content_sha256"][:12],
        verify_url=context["verify_url"],
    )


def ours(context: dict[str, Any]) -> bytes:
    from logistics.documents import rendering

    return rendering.to_pdf(TEMPLATE, context, languages=LANGUAGES).pdf


def weasyprint(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import plain

    return plain.as_everyone(TEMPLATE, context, LANGUAGES)


def weasyprint_shared(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import plain

    return plain.shared(TEMPLATE, context, LANGUAGES)


SOURCE = """
#let told = json(bytes(sys.inputs.told))
#let small(size, color, body) = text(size: size * 1pt, fill: rgb(color), body)
#set document(title: "Donation receipt " + told.number)
#set page(paper: "a4", margin: (top: 17mm, x: 22mm, bottom: 14mm))
#set text(font: ("Noto Sans", "Noto Sans CJK HK"), size: 10pt, fill: rgb("14202b"))
#set par(leading: 0.55em, spacing: 0.6em)
#grid(columns: (1fr, 64mm), inset: (bottom: 6mm), stroke: (x: none, top: none, bottom: 1.6pt + rgb("0b3c5d")),
  [#text(size: 15pt, weight: "bold", fill: rgb("0b3c5d"), told.charity) \\
   #text(size: 12pt, fill: rgb("0b3c5d"), tracking: 0.6pt, told.charity_local)],
  align(right, small(8.2, "44525f", told.address.join(linebreak()))))
#v(11mm)
#text(size: 23pt)[Donation receipt]
#v(1mm)
#small(11, "5a6874", told.number)
#v(7mm)
#block(width: 100%, inset: (x: 8mm, y: 6mm), fill: rgb("eaf0f4"), stroke: (left: 3pt + rgb("d98e04")))[
  #small(8.6, "5a6874", told.thanks) \\
  #text(size: 14pt, weight: "bold", told.donor) \\
  #small(10, "44525f", told.donor_address.join(linebreak()))
  #v(4mm)
  #text(size: 30pt, weight: "bold", fill: rgb("0b3c5d"), told.amount)
]
#v(7mm)
#table(columns: (48mm, 1fr), inset: (x: 0pt, y: 1.5mm), stroke: (x: none, top: none, bottom: 0.5pt + rgb("d5dde2")),
  ..told.details.map(((label, value)) => (small(8.8, "5a6874", label), strong(value))).flatten())
#v(7mm)
#for paragraph in told.law [#small(8.8, "2b3a47", paragraph) #parbreak()]
#v(7mm)
#grid(columns: (1fr, 46mm, 24mm), align: bottom,
  small(8.6, "5a6874", told.signed.join(linebreak())),
  pad(right: 4mm, align(right, small(7.6, "5a6874")[#told.genuine \\ #told.fingerprint])),
  image(bytes(told.code), format: "svg", width: 24mm))
"""


@cache
def _compiler() -> Any:
    import typst as compiler

    return compiler.Compiler(font_paths=compiler.Fonts(False, False, [FONTS]))


def typst(context: dict[str, Any]) -> bytes:
    """One compiler and one source for all receipts, what differs given as inputs: so its own memory serves it."""
    told = texts(context)
    modules, path = barcodes.qr_path(told.verify_url)
    box = f'xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {modules} {modules}"'
    svg = f'<svg {box}><path d="{path}" stroke="#000"/></svg>'
    inputs = {**vars(told), "thanks": THANKS, "genuine": GENUINE, "code": svg}
    pdf: bytes = _compiler().compile(SOURCE.encode(), sys_inputs={"told": json.dumps(inputs)})
    return pdf


def reportlab_platypus(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import receipts_reportlab

    return receipts_reportlab.platypus(context)


def reportlab_canvas(context: dict[str, Any]) -> bytes:
    from tests.benchmarks.papers import receipts_reportlab

    return receipts_reportlab.by_hand(context)


ENGINES = {f.__name__: f for f in (ours, weasyprint, weasyprint_shared, reportlab_platypus, reportlab_canvas, typst)}
