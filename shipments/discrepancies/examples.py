"""OpenAPI examples of discrepancies."""

from drf_spectacular.utils import OpenApiExample

from shipments.shipments.examples import response_example

DELIVERY_ID = "0199c3a0-3c4e-7b1a-8c2d-3e4f5a6b7c01"
DISCREPANCY = [
    response_example(
        "A dented refrigerator",
        {
            "id": "0199c3a0-4d4e-7b1a-8c2d-3e4f5a6b7c01",
            "version": 2,
            "shipment": "SHP-2026-00001",
            "delivery": DELIVERY_ID,
            "kind": "damage",
            "state": "decided",
            "package": 76,
            "line": 1,
            "item": "FRIDGE-200",
            "description_en": "Refrigerator, 200 l",
            "quantity": 1,
            "reason": "door dented",
            "opened_at": "2026-04-28T10:21:07Z",
            "decision": "accept",
            "decision_note": "It still cools; the home keeps it.",
            "decided_at": "2026-04-30T07:05:00Z",
            "closed_at": None,
        },
    )
]
DECISION = OpenApiExample(
    "Written off",
    value={"version": 1, "decision": "write_off", "note": "Agreed with the partner by telephone."},
    request_only=True,
)
