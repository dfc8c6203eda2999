"""What the API's description shows of shipments: one container from Hong Kong to Mali."""

from typing import Any

from drf_spectacular.utils import OpenApiExample


def _answered(name: str, value: dict[str, Any]) -> OpenApiExample:
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
SHIPMENT = [_answered("On its way", _ROW)]
SHIPMENT_DETAIL = [
    _answered(
        "On its way, as the warehouse sees it",
        {
            **_ROW,
            "purpose": "For five homes of survivors; not for sale.",
            "notify_party": "",
            "hand_over_point": "Gare routière, Ségou",
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
            "sites": [{"mark": "A", "code": "K7RXW", "hand_over_point": "Gare routière, Ségou"}],
            "allowed_actions": [
                {"action": "arrive", "allowed": True, "reason_code": "", "reason": ""},
                {
                    "action": "seal",
                    "allowed": False,
                    "reason_code": "wrong_state",
                    "reason": "A shipment that is dispatched cannot become sealed.",
                },
            ],
        },
    )
]
_LINE = {
    "id": "0199c3a0-2b4e-7b1a-8c2d-3e4f5a6b7c01",
    "version": 1,
    "package": 12,
    "line": 1,
    "item": "CR-DESK",
    "description_en": "Desk for a classroom, wood and steel",
    "description_fr": "Bureau de classe, bois et acier",
    "quantity": 1,
    "unit": "H87",
    "unit_weight_kg": "28.000",
    "net_kg": "28.000",
    "hs6": "940330",
    "origin": "CN",
    "condition": "new",
    "grade": "",
    "un_number": "",
    "serials": [],
    "remark": "",
    "unit_value": "450.00",
    "value": "450.00",
}
LINE = [_answered("One desk", _LINE)]
PACKAGE = [
    _answered(
        "A carton with a desk",
        {
            "id": "0199c3a0-1a4e-7b1a-8c2d-3e4f5a6b7c01",
            "version": 1,
            "number": 12,
            "kind": "CT",
            "marks": "",
            "sscc": "",
            "length_cm": "120.0",
            "width_cm": "60.0",
            "height_cm": "75.0",
            "volume_m3": "0.540",
            "gross_kg": "31.500",
            "gross_measured": True,
            "destination": "K7RXW",
            "flags": ["fragile"],
            "remark": "",
            "un_numbers": [],
            "label_url": "https://relief.example.org/p/q1w2e3r4t5y6u7i8o9p0aa/",
            "lines": [_LINE],
        },
    )
]
_DELIVERY_ID = "0199c3a0-3c4e-7b1a-8c2d-3e4f5a6b7c01"
_DELIVERY = {
    "id": _DELIVERY_ID,
    "number": "SHP-2026-00001-GRN-1",
    "client_id": "6f1f3c2e-6d0b-4b8e-9a53-0f3f4f0c7a11",
    "stated_at": "2026-04-28T10:15:00Z",
    "recorded_at": "2026-04-28T10:21:07Z",
    "received_by": "Aminata Ɲaré",
    "source": "api",
    "default": "good",
    "seal_intact": True,
    "reverses": None,
    "goods_received_note": f"{AT}/deliveries/{_DELIVERY_ID}/goods-received-note/",
}
DELIVERY = [_answered("All but three sound", _DELIVERY)]
CONFIRMED = [
    _answered(
        "All but three sound",
        {
            **_DELIVERY,
            "shipment_status": "received",
            "standing": {
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
DISCREPANCY = [
    _answered(
        "A dented refrigerator",
        {
            "id": "0199c3a0-4d4e-7b1a-8c2d-3e4f5a6b7c01",
            "version": 2,
            "shipment": "SHP-2026-00001",
            "delivery": _DELIVERY_ID,
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
            "decision_note": "It cools; the home keeps it.",
            "decided_at": "2026-04-30T07:05:00Z",
            "closed_at": None,
        },
    )
]
_UPLOAD_ID = "0199c3a0-5f4e-7b1a-8c2d-3e4f5a6b7c8d"
_UPLOAD = {
    "id": _UPLOAD_ID,
    "url": f"{AT}/imports/{_UPLOAD_ID}/",
    "state": "pending",
    "progress": 0,
    "dry_run": True,
    "replace": False,
    "outcome": "",
    "uploaded_at": "2026-02-26T08:00:00Z",
    "sha256": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
    "size": 43_584,
    "plan": None,
    "error_count": 0,
    "errors": [],
}
UPLOAD = [
    _answered("Not read yet", _UPLOAD),
    _answered(
        "Refused",
        {
            **_UPLOAD,
            "state": "done",
            "progress": 100,
            "outcome": "refused",
            "error_count": 1,
            "errors": [
                {
                    "sheet": "lines",
                    "row": 17,
                    "column": "unit_weight_kg",
                    "value": "",
                    "code": "required",
                    "detail": "This is required.",
                }
            ],
        },
    ),
    _answered(
        "It would be imported",
        {
            **_UPLOAD,
            "state": "done",
            "progress": 100,
            "outcome": "would_import",
            "plan": {
                "packages": 420,
                "first_package": 1,
                "last_package": 420,
                "lines": 466,
                "replaces_packages": 0,
                "items_in_catalogue": 180,
                "items_to_create": [{"code": "CR-DESK", "name_en": "Desk for a classroom"}],
                "notices": [
                    {
                        "row": 161,
                        "column": "un_number",
                        "code": "not_dangerous",
                        "detail": "The row says that CR-UPS is not dangerous; the catalogue says UN2800."
                        " Papers will not declare it.",
                    }
                ],
                "totals": TOTALS,
            },
        },
    ),
]
_PAPER_ID = "0199c3a0-6a4e-7b1a-8c2d-3e4f5a6b7c01"
PAPER = [
    _answered(
        "A printed packing list",
        {
            "id": _PAPER_ID,
            "kind": "packing-list",
            "number": "SHP-2026-00001",
            "version": 1,
            "state": "done",
            "progress": 100,
            "issued_at": "2026-03-04T09:00:00Z",
            "superseded_at": None,
            "replaces": None,
            "replaced_by": None,
            "sha256": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
            "pages": 11,
            "size": 184_320,
            "languages": ["fr", "en"],
            "url": f"{AT}/papers/{_PAPER_ID}/pdf/",
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
DECISION = OpenApiExample(
    "Written off",
    value={"version": 1, "decision": "write_off", "note": "Agreed with the partner by telephone."},
    request_only=True,
)
