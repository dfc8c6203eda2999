"""What staff may do with a gift now, and why the rest is refused: one list for the API and for the gift's page.

Another act is one more entry in ACTIONS; its service raises the same refusal.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Final

from django.db.models import Prefetch, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.disputes.models import Dispute
from donations.gifts import corrections
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.receipts import services as receipts
from donations.receipts.models import ReceiptState
from donations.refunds import asking
from donations.refunds.models import Refund
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import DomainError
from logistics.jobs.models import Job
from logistics.roles import HasRoles, Role
from logistics.rows import fast

LoadCharity = Callable[[], Charity]
FINANCE: Final = (Role.FINANCE,)


@dataclass(frozen=True)
class GiftAction:
    """An act on a gift: its name in the API, its button in the admin, and why it is refused now, or None."""

    name: str  # "refund-surplus"
    label: str | Promise
    refusal: Callable[[Donation, LoadCharity], DomainError | None]
    roles: Collection[Role] = FINANCE
    # Why there is no need for it, although the API would allow it; "" if there is.
    needless: Callable[[Donation], str] = lambda gift: ""
    admin_action: str = ""  # if it is not `refund_surplus`

    @property
    def method(self) -> str:
        """The name of the admin's action."""
        return self.admin_action or self.name.replace("-", "_")

    def why_not(self, donation: Donation) -> str:
        """Return why staff should not take it now, in the reader's language; "" if they may."""
        refusal = self.refusal(donation, charities.the_charity)
        return str(refusal) if refusal else self.needless(donation)


def _has_receipt(donation: Donation) -> str:
    valid = [one for one in donation.receipts.all() if one.state == ReceiptState.ISSUED]
    return _("The gift has its receipt.") if valid and valid[0].document.state != Job.State.DEAD else ""


ACTIONS: Final[tuple[GiftAction, ...]] = (
    GiftAction("refund", gettext_lazy("Refund"), lambda gift, charity: asking.refusal_to_refund(gift)),
    GiftAction(
        "refund-surplus",
        gettext_lazy("Refund what was paid twice"),
        lambda gift, charity: asking.refusal_to_refund_surplus(gift),
    ),
    GiftAction(
        "issue-receipt", gettext_lazy("Issue missing receipt"), receipts.refusal_to_issue, needless=_has_receipt
    ),
    GiftAction("revoke-link", gettext_lazy("Revoke secret link"), lambda gift, charity: None),
    GiftAction(
        "correct",
        gettext_lazy("Correct"),
        lambda gift, charity: corrections.refusal_to_correct(gift),
        admin_action="correct_gift",
    ),
    GiftAction(
        "void",
        gettext_lazy("Void"),
        lambda gift, charity: corrections.refusal_to_correct(gift),
        admin_action="void_gift",
    ),
)


def acts_of(user: HasRoles) -> list[GiftAction]:
    """Return the acts that the user's roles include: once for a list of gifts."""
    return [act for act in ACTIONS if user.has_role(*act.roles)]


def with_payments(gifts: QuerySet[Donation]) -> QuerySet[Donation]:
    """Load with each gift what the refusals of ACTIONS read of its payments: three queries for any number of gifts."""
    refunds = fast(Refund.objects.only("attempt_id", "state", "amount_minor"))
    disputes = fast(Dispute.objects.only("attempt_id", "state", "amount_minor"))
    attempts = PaymentAttempt.objects.only("donation_id", "number", "state", "counts", "amount_minor", "succeeded_at")
    attempts = attempts.prefetch_related(Prefetch("refunds", refunds), Prefetch("disputes", disputes))
    return gifts.prefetch_related(Prefetch("attempts", fast(attempts)))
