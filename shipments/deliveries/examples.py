"""OpenAPI examples of deliveries."""

from drf_spectacular.utils import OpenApiExample

from shipments.discrepancies.examples import DELIVERY_ID
from shipments.shipments.examples import AT, response_example

_DELIVERY = {
    "id": DELIVERY_ID,
    "number": "SHP-2026-00001-GRN-1",
    "client_id": "6f1f3c2e-6d0b-4b8e-9a53-0f3f4f0c7a11",
    "stated_at": "2026-04-28T10:15:00Z",
    "recorded_at": "2026-04-28T10:21:07Z",
    "received_by": "Aminata Ɲaré",
    "source": "api",
    "default": "good",
    "seal_intact": True,
    "reverses": None,
    "goods_received_note": f"{AT}/deliveries/{DELIVERY_ID}/goods-received-note/",
}
DELIVERY = [response_example("All but three sound", _DELIVERY)]
CONFIRMED = [
    response_example(
        "All but three sound",
        {
            **_DELIVERY,
            "shipment_status": "received",
            "received": {
                "packages_sent": 420,
                "packages_counted": 420,
                "packages_sound": 417,
                "lines_sent": 466,
                "lines_sound": 463,
                "lines_resolved": 466,
                "pieces_sent": 12_518,
                "pieces_good": 12_515,
                "pieces_damaged": 1,
                "pieces_missing": 2,
                "pieces_surplus": 0,
            },
        },
    )
]
CONFIRMATION = OpenApiExample(
    "All sound but two packages and one refrigerator",
    value={
        "client_id": "6f1f3c2e-6d0b-4b8e-9a53-0f3f4f0c7a11",
        "stated_at": "2026-04-28T10:15:00Z",
        "received_by": "Aminata Ɲaré",
        "seal_read": "HK0012345",
        "seal_intact": True,
        "default": "good",
        "exceptions": [
            {"package": 17, "missing": True, "reason": "not in the container"},
            {"package": 204, "missing": True},
            {"package": 76, "line": 1, "damaged": 1, "reason": "door dented"},
        ],
    },
    request_only=True,
)
REVERSAL = OpenApiExample(
    "Miscounted",
    value={"client_id": "0b0c6a0e-27d4-4d0c-9c5e-5d5f2f7f9a01", "reason": "Package 17 was behind the others."},
    request_only=True,
)
