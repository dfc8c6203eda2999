"""Documents of the kind that exists for tests."""

from typing import Any

from logistics.documents import services as documents
from logistics.documents.models import Document
from tests.makers.moments import NOON


def make_document(**fields) -> Document:
    given: dict[str, Any] = {
        "number": "NOTE-1",
        "template": "none.html",
        "context": {"donor": "Chan Tai Man", "issued_on": "2026-03-02"},
        "at": NOON,
    }
    return documents.request("note", **given | fields)
