"""One row of each table that the seed fills, made by the services."""

from typing import Any

from donations.disputes.models import Dispute, DisputeState
from donations.refunds.models import Refund, RefundState
from logistics.roles import STAFF_ROLES
from tests.lists import World
from tests.makers.moments import NOON
from tests.makers.people import make_user


class Templates:
    def __init__(self) -> None:
        world = World()
        goods, books, base = world.goods, world.gifts, world.base
        self.partner, self.shipment, self.shipment_site = goods.partner, goods.shipment, goods.site
        self.site, self.item, self.package, self.line, self.paper = (
            base.site,
            base.item,
            goods.package,
            goods.line,
            goods.paper,
        )
        self.appeal, self.donor, self.donation = books.appeal, books.donor, books.donation
        self.attempt, self.event, self.receipt, self.mailing = books.attempt, books.event, books.receipt, books.mailing
        self.email, self.entry = base.email, base.entry
        self.user = make_user(*STAFF_ROLES, email="everybody@example.org")
        told: Any = {"attempt": self.attempt, "amount_minor": 1, "currency": "HKD", "created_at": NOON}
        self.refund = Refund.objects.create(stripe_id="re_1", state=RefundState.SUCCEEDED, **told)
        self.dispute = Dispute.objects.create(stripe_id="dp_1", state=DisputeState.LOST, reason="fraudulent", **told)
