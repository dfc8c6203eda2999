"""OpenAPI examples of shipments: one container from Hong Kong to Mali."""

from drf_spectacular.utils import OpenApiExample


def response_example(name: str, value: dict[str, object]) -> OpenApiExample:
    """Return an example of a response."""
    return OpenApiExample(name, value, response_only=True)


SHIPMENT_ID = "0199c3a0-0000-7000-8000-000000000000"
AT = f"/api/v1/shipments/{SHIPMENT_ID}"
TOTALS = {
    "packages": 420,
    "lines": 466,
    "pieces": 12_518,
    "net_kg": "9184.250",
    "gross_kg": "10312.400",
    "measured_kg": "8120.000",
    "volume_m3": "61.482",
    "value": "512340.00",
    "currency": "HKD",
}
_ROW = {
    "id": SHIPMENT_ID,
    "number": "SHP-2026-00001",
    "status": "dispatched",
    "version": 7,
    "title": "Mali: rescue and rehabilitation for survivors of trafficking",
    "reference": "CGD-ML-26-001",
    "consignee": {"code": "AMAR-ML", "name": "Association malienne d'appui à la réinsertion (fictional)"},
    "container_number": "CSQU3054383",
    "bill_of_lading": "HKGDKR2603001",
    "departs_on": "2026-03-06",
    "arrives_on": "2026-04-27",
    "created_at": "2026-02-26T08:00:00Z",
    "dispatched_at": "2026-03-05T08:30:00Z",
    "totals": TOTALS,
}
SHIPMENT = [response_example("On its way", _ROW)]
SHIPMENT_DETAIL = [
    response_example(
        "On its way, as the warehouse sees it",
        {
            **_ROW,
            "purpose": "For five homes of survivors; not for sale.",
            "notify_party": "",
            "hand_over_point": "Partner’s depot, Ségou region",
            "mode": "sea",
            "incoterm": "DAP",
            "incoterm_place": "Bamako",
            "port_of_loading": "HKHKG",
            "port_of_discharge": "SNDKR",
            "place_of_delivery": "MLBKO",
            "container_type": "45G1",
            "container_tare_kg": "3900.0",
            "container_payload_kg": "28600.0",
            "seal_number": "HK0012345",
            "cargo_tracking_note": "056414",
            "packed_on": "2026-03-03",
            "reaches_port_on": "2026-04-18",
            "customs_currency": "HKD",
            "partner_sees_values": False,
            "freight": "38500.00",
            "freight_currency": "HKD",
            "packed_by": "Lee Ka Yan",
            "checked_by": "Wong Siu Ming",
            "sealed_by": "Wong Siu Ming",
            "sealed_at": "2026-03-04T09:00:00Z",
            "arrived_at": None,
            "closed_at": None,
            "cancelled_at": None,
            "manifest_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "sites": [{"label": "A", "code": "K7RXW", "hand_over_point": "Partner’s depot, Ségou region"}],
            "allowed_actions": [
                {"action": "arrive", "allowed": True, "code": "", "reason": ""},
                {
                    "action": "seal",
                    "allowed": False,
                    "code": "wrong_state",
                    "reason": "A shipment that is dispatched cannot become sealed.",
                },
            ],
        },
    )
]
