"""Examples for the API description: the demonstration's partner in Mali, its sites and goods."""

from collections.abc import Collection, Mapping

from drf_spectacular.utils import OpenApiExample


def request_and_response(
    name: str, value: Mapping[str, object], *, ours: Collection[str] = ("id", "version")
) -> list[OpenApiExample]:
    """Return the examples of a schema used for both requests and responses; `ours` are the read-only fields."""
    sent = {field: content for field, content in value.items() if field not in ours}
    return [OpenApiExample(name, sent, request_only=True), OpenApiExample(name, value, response_only=True)]


PARTNER_ID = "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a002"
CATEGORY_ID = "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a003"
PARTNER = request_and_response(
    "AMAR in Mali",
    {
        "id": PARTNER_ID,
        "code": "AMAR-ML",
        "name": "Association malienne d'appui à la réinsertion (fictional)",
        "status": "approved",
        "languages": ["fr", "en"],
        "country": "ML",
        "address": "Bureau de coordination, BP 1234, Bamako, Mali",
        "tax_number": "081234567X",
        "version": 1,
    },
)
CONTACT = request_and_response(
    "A coordinator who is notified",
    {
        "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a010",
        "partner": PARTNER_ID,
        "name": "Awa Diarra",
        "email": "partner@example.org",
        "phone": "+223 20 00 00 10",
        "language": "fr",
        "is_notified": True,
        "is_administrator": True,
        "version": 1,
    },
)
SITE = request_and_response(
    "A confidential home",
    {
        "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a020",
        "partner": PARTNER_ID,
        "code": "K7RXW",
        "kind": "confidential",
        "public_name": "",
        "region": "ML04",
        "hand_over_point": "Partner’s depot, Ségou region",
        "has_address": True,
        "version": 2,
    },
    ours=("id", "code", "has_address", "version"),
)
ADDRESS = request_and_response(
    "Invented",
    {"name": "Maison des lauriers", "address": "Rue 12, porte 34", "town": "Ségou", "phone": "+223 20 00 00 00"},
)
REASON = [
    OpenApiExample(
        "A visit",
        {"reason": "Planning the lorry of 28 April with the driver."},
        request_only=True,
    )
]
ALLOWED_TEXT = [
    OpenApiExample(
        "A book",
        {"text": "Books: Les lauriers sont coupés", "reason": "The title of a novel in the school boxes."},
        request_only=True,
    )
]
KEY_SAID = {
    "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a030",
    "name": "coordinator's phone",
    "site": None,
    "prefix": "Xk3v9QpL2mNa",
    "created_at": "2026-02-01T08:00:00Z",
    "expires_at": "2027-02-01T08:00:00Z",
    "revoked_at": None,
    "last_used_at": None,
}
KEY = [OpenApiExample("A valid key", KEY_SAID | {"last_used_at": "2026-04-28T10:15:00Z"}, response_only=True)]
NEW_KEY = [
    OpenApiExample("For a phone", {"name": "coordinator's phone", "valid_days": 365}, request_only=True),
    OpenApiExample("For one site", {"name": "shelter's tablet", "valid_days": 365, "site": "K7RXW"}, request_only=True),
]
ISSUED_KEY = [OpenApiExample("Shown once", KEY_SAID | {"key": "Xk3v9QpL2mNa.the-secret-goes-here"}, response_only=True)]
CATEGORY = request_and_response(
    "Furniture", {"id": CATEGORY_ID, "name_en": "Furniture", "name_fr": "Mobilier", "version": 1}
)
ITEM = request_and_response(
    "A folding bed",
    {
        "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a040",
        "code": "BED-FOLD",
        "name_en": "Folding bed, steel",
        "name_fr": "Lit pliant, acier",
        "category": CATEGORY_ID,
        "unit": "H87",
        "hs6": "940320",
        "origin": "CN",
        "unit_weight_kg": "12.500",
        "is_dangerous": False,
        "un_number": "",
        "is_active": True,
        "version": 1,
    },
)
CODE = [OpenApiExample("A subheading", {"code": "940320", "name": "Furniture; metal"}, response_only=True)]
DOCUMENT = [
    OpenApiExample(
        "A printed packing list",
        {
            "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a050",
            "kind": "packing-list",
            "number": "SHP-2026-00001",
            "version": 1,
            "languages": ["en", "fr"],
            "state": "done",
            "progress": 100,
            "attempts": 1,
            "last_error_code": "",
            "requested_at": "2026-03-04T09:00:00Z",
            "issued_on": "2026-03-04",
            "ended_at": "2026-03-04T09:00:06Z",
            "superseded_at": None,
            "superseded_on": None,
            "content_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "sha256": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
            "size": 184320,
            "pages": 11,
        },
        response_only=True,
    )
]
EMAIL = [
    OpenApiExample(
        "On its way",
        {
            "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a060",
            "kind": "invitation",
            "to": "warehouse@example.org",
            "language": "fr",
            "subject": "Choisissez votre mot de passe",
            "state": "done",
            "attempts": 1,
            "last_error_code": "",
            "created_at": "2026-03-05T08:30:00Z",
            "ended_at": "2026-03-05T08:30:02Z",
        },
        response_only=True,
    )
]
AUDIT_ENTRY = [
    OpenApiExample(
        "A partner was created",
        {
            "id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a070",
            "subject_kind": "logistics.partner",
            "subject_id": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a080",
            "sequence": 1,
            "verb": "partner created",
            "by": "019a1f3c-7d2e-7b60-8c1f-2f7d54b1a001",
            "by_name": "Lee Ka Yan",
            "at": "2026-02-26T08:00:00Z",
            "reason": "",
            "details": {"code": "AMAR-ML"},
            "request_id": "7d1b3c52-4f7e-4c60-9a53-0f3f4f0c7a11",
            "previous_hash": "",
            "hash": "a4e624d686e03ed2767c0abd85c14426b0b1157d2ce81d27bb4fe4f6f01d688a",
        },
        response_only=True,
    )
]
VERDICT = [
    OpenApiExample(
        "Genuine and valid",
        {
            "genuine": True,
            "valid": True,
            "kind": "packing-list",
            "number": "SHP-2026-00001",
            "version": 1,
            "issued_on": "2026-03-04",
            "no_longer_valid_since": None,
            "valid_version": None,
            "replaced_by": None,
            "content_sha256": "60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752",
            "file_sha256": "fd61a03af4f77d870fc21e05e7e80678095c92d808cfb3b5c279ee04c74aca13",
        },
        response_only=True,
    )
]
