from dataclasses import dataclass

from donations.appeals.models import Appeal
from donations.appeals.services import Received


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an appeal is, for the bar on its page."""

    appeal: Appeal
    received: list[Received]  # by currency
    toward_target_minor: int  # what came in the target's currency
    percent: int  # of the target, 0 to 100
    width: float  # of the filled part, of 320
    gifts: int


def progress_of(appeal: Appeal, received: list[Received]) -> Progress:
    """Return what was received, and what share of the target that is; other currencies are shown, not converted."""
    toward = sum(one.amount_minor for one in received if one.currency == appeal.currency)
    share = min(1.0, toward / appeal.target_minor)
    # What is there should be seen, however little it is; what is full should be full.
    width = 0.0 if toward == 0 else max(8.0, round(320 * share, 1))
    return Progress(appeal, received, toward, int(share * 100), width, sum(one.gifts for one in received))
