"""OpenAPI examples of papers."""

from shipments.shipments.examples import AT, response_example

_PAPER_ID = "0199c3a0-6a4e-7b1a-8c2d-3e4f5a6b7c01"
PAPER = [
    response_example(
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
