from dataclasses import dataclass

from donations.appeals.models import Appeal
from donations.appeals.services import Received


@dataclass(frozen=True, slots=True)
class Progress:
    """The progress of an appeal, for the bar on its page."""

    appeal: Appeal
    received: list[Received]  # by currency
    toward_target_minor: int  # received in the target's currency
    percent: int  # of the target, 0 to 100
    width: float  # of the filled part, out of 320
    gifts: int


def progress_of(appeal: Appeal, received: list[Received]) -> Progress:
    """Return the amounts received and their share of the target; other currencies are shown, not converted."""
    toward = sum(one.amount_minor for one in received if one.currency == appeal.currency)
    share = min(1.0, toward / appeal.target_minor)
    # At least 8 wide, so that even a small amount is visible.
    width = 0.0 if toward == 0 else max(8.0, round(320 * share, 1))
    return Progress(appeal, received, toward, int(share * 100), width, sum(one.gifts for one in received))
