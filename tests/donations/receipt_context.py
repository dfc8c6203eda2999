"""The context of a receipt, without a database."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # benchmarks print receipts without the product's apps
    from donations.receipts.paper import ReceiptPaper

# Added to every context by the document: see logistics.documents.services.facts.
FACTS = {
    "content_sha256": "2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae",
    "verify_url": "https://relief.example.org/verify/a1s2d3f4g5h6j7k8l9m0nn/",
}


def receipt(**changes: Any) -> "ReceiptPaper":
    context: Any = {
        "number": "HK-2026-000001",
        "issued_on": "2026-03-02",
        "jurisdiction": "HK",
        "charity": {
            "name": "International Relief Charity (fictional)",
            "name_local": "國際救援慈善會（虛構）",
            "address_lines": ["3 Castle Peak Road", "Tuen Mun, New Territories", "Hong Kong"],
            "registration": "91/1234",
            "email": "receipts@relief.example.org",
            "phone": "+852 2345 6789",
        },
        "donor": {
            "name": "陳大文 Chan Tai Man",
            "address_lines": ["12/F, 88 Nathan Road", "Kowloon, Hong Kong"],
            "language": "zh-Hant-HK",
        },
        "donation": "GIFT-7Q2M9KXD",
        "amount_minor": 50050,
        "currency": "HKD",
        "received_on": "2026-03-01",
        "appeal": "Mali: rescue and rehabilitation for survivors of trafficking",
        "payment_mode": "card",
        "replaces": "",
        "has_fallback": False,
        "signatory": "Wong Siu Ling",
        "signatory_role": "Honorary Treasurer",
    }
    context |= changes
    context["donor"] = {"language": "", **context["donor"]}
    done: ReceiptPaper = context
    return done
