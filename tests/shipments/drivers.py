"""What tests of drivers’ links share: their addresses, what they show, and what ends a leg."""

from datetime import UTC, datetime
from typing import Any

from shipments.papers import services as papers
from shipments.papers.models import Paper
from shipments.reveals import services
from shipments.shipments import lifecycle
from tests.makers.partners import SHELTER
from tests.makers.people import make_packer
from tests.makers.reveals import shipment_of

REASON = "He brings the beds on Friday."
TEXTS = [str(text) for text in SHELTER.values()]


def path_of(made: services.NewReveal) -> str:
    return f"/d/{made.token}/"


def shows(answer: Any) -> bool:
    """Return whether a page shows any part of the address."""
    text = answer.content.decode()
    return any(value in text for value in TEXTS)


def cancel(paper: Paper) -> None:
    lifecycle.cancel(shipment_of(paper), reason="Not needed.", by=make_packer(), at=datetime.now(UTC))


def lose(paper: Paper) -> None:
    lifecycle.lose(shipment_of(paper), reason="Sunk.", by=make_packer(), at=datetime.now(UTC))


def send_back(paper: Paper) -> None:
    lifecycle.send_back(shipment_of(paper), reason="Refused.", by=make_packer(), at=datetime.now(UTC))


def replace(paper: Paper) -> None:
    told: Any = {"kind": Paper.Kind.WAYBILL, "replaces": paper.number, "reason": "Other truck."}
    papers.issue(shipment_of(paper), **told, by=make_packer(), at=datetime.now(UTC))
