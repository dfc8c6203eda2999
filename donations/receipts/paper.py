"""The contents of a receipt: plain JSON values, frozen when it is issued.

Money: whole minor units of an ISO 4217 currency (65500 XOF is 65 500 francs, 50050 HKD is 500.50). Dates: ISO 8601 in
the charity's time zone. Absent texts: "" (a missing key stops the printing). `content_sha256` and `verify_url` are
printed too, but come from the document itself (`documents.services.facts`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, TypedDict

from django.utils.translation import gettext_lazy

from donations.donors.models import Donor
from donations.gifts.models import Donation
from donations.receipts.models import Receipt
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.documents import fonts, han

PaymentMode = Literal["card", "bank_transfer", "cheque", "cash"]


class CharityOnPaper(TypedDict):
    name: str
    name_local: str  # in the script of its jurisdiction, "國際救援會"; ""
    address_lines: list[str]
    registration: str  # "91/1234": the tax authority's file number of the charity
    email: str
    phone: str


class DonorOnPaper(TypedDict):
    name: str
    address_lines: list[str]
    language: str  # whose forms of Chinese characters are printed, "ja"; "" = no matter, or those of Hong Kong


class ReceiptPaper(TypedDict):
    """Template `donations/receipt.html`; printed in one language, the donor's ("en" or "fr")."""

    number: str  # "HK-2026-000001"
    issued_on: str
    jurisdiction: Literal["HK"]
    charity: CharityOnPaper
    donor: DonorOnPaper
    donation: str  # public reference of the gift
    amount_minor: int
    currency: str
    received_on: str
    appeal: str  # "" = where most needed
    payment_mode: PaymentMode
    replaces: str  # number of the receipt that this one replaces; ""
    has_fallback: bool  # squares stand for characters of the donor's name or address that no font has
    signatory: str
    signatory_role: str


PAYMENT_MODES: Final[Mapping[str, PaymentMode]] = {
    Donation.Channel.ONLINE: "card",
    Donation.Channel.BANK: "bank_transfer",
    Donation.Channel.CASH: "cash",
    Donation.Channel.CHEQUE: "cheque",
}

# Labels for staff.
MISSING = {
    "charity_name_missing": gettext_lazy("the charity’s name"),
    "charity_address_missing": gettext_lazy("the charity’s address"),
    "charity_registration_missing": gettext_lazy("the charity’s registration"),
    "charity_signatory_missing": gettext_lazy("the charity’s signatory"),
    "donor_name_missing": gettext_lazy("the donor’s name"),
    "charity_not_printable": gettext_lazy("printable texts of the charity"),
    "appeal_not_printable": gettext_lazy("a printable title of the appeal"),
}


def missing_for(charity: Charity, donation: Donation) -> list[str]:
    """Return the codes of required contents that are missing or cannot be printed, by the charity's jurisdiction.

    What cannot be printed of the donor's name and address is no reason: see `not_printed`.

    Hong Kong (Inland Revenue Ordinance, section 88): donor, amount, date, charity.
    """
    donor = donation.donor
    needed = {
        "charity_name": charity.name,
        "charity_address": charity.address,
        "charity_registration": charity.registration,
        "charity_signatory": charity.signatory,
        "donor_name": donor.addressee,
    }
    missing = [f"{name}_missing" for name, value in needed.items() if not value.strip()]
    owners = dict.fromkeys(found.path.partition(".")[0] for found in unprintable_in(charity, donation))
    return missing + [f"{owner}_not_printable" for owner in owners]


def unprintable_in(charity: Charity, donation: Donation) -> list[fonts.Found]:
    """Return the texts of staff on a gift's receipt that cannot be printed: "charity.name", "appeal.title"."""
    appeal = donation.appeal
    printed = {
        "charity": {name: getattr(charity, name) for name in charities.ON_PAPER},
        "appeal": {"title": appeal.title(donation.language) if appeal else ""},
    }
    return list(fonts.search(printed))


def not_printed(donor: Donor) -> list[str]:
    """Return what papers cannot print of a donor's name and address: an emoji, a letter of a dead script."""
    return fonts.printed(f"{donor.addressee}\n{donor.address}")[1]


def contents(
    donation: Donation,
    charity: Charity,
    *,
    number: str,
    amount_minor: int,
    issued_on: date,
    replaces: Receipt | None,
) -> ReceiptPaper:
    """Return the contents of a gift's receipt; `amount_minor` is the amount kept."""
    donor, appeal = donation.donor, donation.appeal
    name, address = fonts.printed(donor.addressee)[0], fonts.printed(donor.address)[0]
    assert donation.received_on is not None
    return ReceiptPaper(
        number=number,
        issued_on=issued_on.isoformat(),
        jurisdiction="HK",
        charity=CharityOnPaper(
            name=charity.name,
            name_local=charity.name_local,
            address_lines=_lines(charity.address),
            registration=charity.registration,
            email=charity.email,
            phone=charity.phone,
        ),
        donor=DonorOnPaper(
            name=name,
            address_lines=_lines(address),
            language=han.language_of(f"{name}\n{address}", donor.country),
        ),
        donation=donation.reference,
        amount_minor=amount_minor,
        currency=donation.currency,
        received_on=donation.received_on.isoformat(),
        appeal=appeal.title(donation.language) if appeal else "",
        payment_mode=PAYMENT_MODES[donation.channel],
        replaces=replaces.number if replaces else "",
        has_fallback=bool(not_printed(donor)),
        signatory=charity.signatory,
        signatory_role=charity.signatory_title,
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line.strip()]
