"""OpenAPI examples of gifts."""

from drf_spectacular.utils import OpenApiExample

CARD = "A gift by card has the amount and the day that Stripe reports. If it was a mistake, refund it."
DONATION_EXAMPLE = OpenApiExample(
    "Received",
    response_only=True,
    value={
        "id": "01976f4f-8c5b-7c11-9d7e-0d4b8a1c2e3f",
        "reference": "GFT-7K2M-9QXD",
        "status": "received",
        "amount": "500.50",
        "refunded": "0.00",
        "charged_back": "0.00",
        "currency": "HKD",
        "channel": "online",
        "payment_reference": "",
        "appeal": "mali",
        "donor": "01976f4e-9c5b-7c11-9d7e-0d4b8a1c2e3f",
        "donor_name": "Chan Tai Man",
        "language": "en",
        "anonymous": False,
        "message": "",
        "consent_version": "2026-01",
        "created_at": "2026-03-01T07:58:00Z",
        "received_at": "2026-03-01T08:00:00Z",
        "received_on": "2026-03-01",
        "receipt_blocked_by": [],
        "allowed_actions": [
            {"action": "refund", "allowed": True, "code": "", "reason": ""},
            {
                "action": "refund-surplus",
                "allowed": False,
                "code": "no_surplus",
                "reason": "Nothing was paid beyond the gift, or it went back.",
            },
            {"action": "issue-receipt", "allowed": True, "code": "", "reason": ""},
            {"action": "revoke-link", "allowed": True, "code": "", "reason": ""},
            {"action": "correct", "allowed": False, "code": "wrong_state", "reason": CARD},
            {"action": "void", "allowed": False, "code": "wrong_state", "reason": CARD},
        ],
    },
)
VOIDED = "A gift that is voided cannot be corrected or voided."
VOIDED_EXAMPLE = OpenApiExample(
    "Void",
    response_only=True,
    value={
        **DONATION_EXAMPLE.value,
        "status": "voided",
        "channel": "cheque",
        "payment_reference": "000123",
        "allowed_actions": [
            {
                "action": "issue-receipt",
                "allowed": False,
                "code": "wrong_state",
                "reason": "No receipt can be issued for a gift that is voided.",
            },
            {"action": "revoke-link", "allowed": True, "code": "", "reason": ""},
            {"action": "correct", "allowed": False, "code": "wrong_state", "reason": VOIDED},
            {"action": "void", "allowed": False, "code": "wrong_state", "reason": VOIDED},
        ],
    },
)
OFFLINE_EXAMPLE = OpenApiExample(
    "A cheque",
    request_only=True,
    value={
        "amount": "5000.00",
        "currency": "HKD",
        "channel": "cheque",
        "received_on": "2026-03-01",
        "appeal": "mali",
        "payment_reference": "000123",
        "donor": {"organisation": "Chan & Co.", "email": "office@example.org"},
    },
)
KNOWN_DONOR_EXAMPLE = OpenApiExample(
    "Another cheque of a known donor",
    request_only=True,
    value={
        "amount": "5000.00",
        "currency": "HKD",
        "channel": "cheque",
        "received_on": "2026-03-02",
        "payment_reference": "000124",
        "donor_id": "01976f4e-9c5b-7c11-9d7e-0d4b8a1c2e3f",
        "another_than": ["GFT-7K2M-9QXD"],
    },
)
CORRECTION_EXAMPLE = OpenApiExample(
    "The amount was mistyped",
    request_only=True,
    value={"amount": "500.00", "reason": "The cheque is for HK$500."},
)
VOID_EXAMPLE = OpenApiExample("Typed twice", request_only=True, value={"reason": "The same cheque as GFT-7K2M-9QXD."})
REQUEST_EXAMPLE = OpenApiExample(
    "HK$500.50 for Mali",
    request_only=True,
    value={
        "amount": "500.50",
        "currency": "HKD",
        "appeal": "mali",
        "donor": {"name": "Chan Tai Man", "email": "taiman@example.org", "language": "en", "country": "HK"},
        "anonymous": False,
        "message": "",
        "consent": True,
    },
)
SOLVED_EXAMPLE = OpenApiExample(
    "With the solution of a challenge",
    request_only=True,
    value={
        "challenge_solution": "eyJjaGFsbGVuZ2UiOnsicGFyYW1ldGVycyI6e319LCJzb2x1dGlvbiI6e319",
        "confirm_by_mail": False,
    },
)
PENDING_EXAMPLE = OpenApiExample(
    "To be paid",
    response_only=True,
    value={
        "reference": "GFT-7K2M-9QXD",
        "status": "pending",
        "amount": "500.50",
        "refunded": "0.00",
        "charged_back": "0.00",
        "kept": "0.00",
        "currency": "HKD",
        "appeal": "mali",
        "created_at": "2026-03-01T08:00:00Z",
        "received_on": None,
        "checkout_url": "https://checkout.stripe.com/c/pay/cs_live_a1b2c3",
        "token": "AZX0mQ~9f8e7d",
        "url": "https://relief.example.org/api/v1/gifts/AZX0mQ~9f8e7d/",
        "follow_url": "https://relief.example.org/gifts/AZX0mQ~9f8e7d/",
        "problem": None,
        "may_pay": True,
        "receipt": None,
    },
)
RECEIVED_EXAMPLE = OpenApiExample(
    "Received and receipted",
    response_only=True,
    value={
        **PENDING_EXAMPLE.value,
        "status": "received",
        "received_on": "2026-03-01",
        "checkout_url": None,
        "may_pay": False,
        "receipt": {
            "number": "HK-2026-000001",
            "issued_on": "2026-03-01",
            "state": "done",
            "pdf_url": "https://relief.example.org/api/v1/gifts/AZX0mQ~9f8e7d/receipt/",
        },
    },
)
