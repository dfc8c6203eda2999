"""OpenAPI examples of packages and lines."""

from shipments.shipments.examples import response_example

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
LINE = [response_example("One desk", _LINE)]
PACKAGE = [
    response_example(
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
