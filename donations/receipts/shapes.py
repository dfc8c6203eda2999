"""What a receipt is told: plain JSON values, frozen when it is issued, so that it stays true.

Money: whole minor units of an ISO 4217 currency (65500 XOF is 65 500 francs, 50050 HKD is 500.50). Dates: ISO 8601 in
the charity's time zone. Texts that do not exist: "" (a missing key stops the paper). `content_sha256` and `verify_url`
are printed too, but come from the document itself (`documents.services.facts`).
"""

from typing import Literal, TypedDict


class Charity(TypedDict):
    name: str
    name_local: str  # in the script of its jurisdiction, "國際救援會"; ""
    address_lines: list[str]
    registration: str  # "91/1234": the reference under which the tax authority knows it
    email: str
    phone: str


class Donor(TypedDict):
    name: str
    address_lines: list[str]


class Receipt(TypedDict):
    """Template `donations/receipt.html`; printed in one language, the donor's ("en" or "fr")."""

    number: str  # "HK-2026-000001"
    issued_on: str
    jurisdiction: Literal["HK"]
    charity: Charity
    donor: Donor
    donation: str  # public reference of the gift
    amount_minor: int
    currency: str
    received_on: str
    appeal: str  # "" = where most needed
    payment_mode: Literal["card", "bank_transfer", "cheque", "cash"]
    replaces: str  # number of the receipt that this one replaces; ""
    signatory: str
    signatory_role: str
