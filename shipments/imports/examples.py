"""OpenAPI examples of imports."""

from shipments.shipments.examples import AT, TOTALS, response_example

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
    response_example("Not read yet", _UPLOAD),
    response_example(
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
    response_example(
        "Would be imported",
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
                "destinations": [
                    {"label": "A", "site": "K7RXW", "hand_over_point": "Partner’s depot, Ségou region", "packages": 420}
                ],
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
