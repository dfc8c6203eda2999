"""`allowed_actions` matches what happens: compare it with the attempt for every action, state and role."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.utils import timezone
from rest_framework.test import APIClient

from donations.disputes.models import Dispute
from donations.gifts import corrections
from donations.gifts.models import Donation
from donations.payments.models import PaymentAttempt
from donations.receipts import services as receipts
from donations.receipts.models import ReceiptState
from donations.refunds.models import NOT_SENT, Refund, RefundSending, RefundState
from donations.stripe_events.models import StripeEvent
from logistics.documents import services as documents
from logistics.documents.models import Document
from logistics.people.models import User
from logistics.roles import Role
from shipments.deliveries import services as deliveries
from shipments.shipments import actions, lifecycle
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status
from tests.clients import client_of, once
from tests.makers.charity import make_charity
from tests.makers.donations import received_donation
from tests.makers.moments import NOON
from tests.makers.partners import make_partner, make_partner_user
from tests.makers.people import make_packer, make_user
from tests.makers.shipments import make_dispatched, make_packed, make_sealed, make_shipment, pack

pytestmark = pytest.mark.django_db


@contextmanager
def undone() -> Iterator[None]:
    """Roll back everything done within."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def said_and_done(client: APIClient, said: str | None, method: str, url: str, body: Any = None) -> str:
    """Attempt an action, and return how the result differs from what `allowed_actions` said; "" if it does not.

    `said`: "" if allowed, the reason if refused, None if not offered to this user.
    """
    with undone():
        answer = getattr(client, method)(url, body, format="json", headers=once())
        done = answer.status_code
        problem = answer.json() if done >= 400 else {}
    if said is None:
        return "" if done in (403, 404) else f"not offered, and the attempt answers {done} {problem.get('code')}"
    if said == "":
        return "" if 200 <= done < 300 else f"allowed, and refused: {done} {problem}"
    told = f"{problem.get('code')}: {problem.get('detail')}"
    return "" if done == 409 and said == told else f"said {said!r}, answered {done} {problem}"


# --- Shipments ----------------------------------------------------------------------------------------------------


def being_packed() -> Shipment:
    return make_packed(2)


def sealed(**fields: Any) -> Shipment:
    return make_sealed(2, **fields)


def dispatched() -> Shipment:
    return make_dispatched(2)


def confirmed(shipment: Shipment, *exceptions: Any, default: str = "good") -> Shipment:
    deliveries.confirm(
        shipment,
        client_id=uuid4(),
        stated_at=NOON,
        received_by="Awa",
        default=default,
        exceptions=exceptions,
        by=make_packer(),
        at=NOON,
    )
    shipment.refresh_from_db()
    return shipment


def suspended() -> Shipment:
    shipment = sealed()
    shipment.consignee.status = "suspended"
    shipment.consignee.save()
    return shipment


def moved(shipment: Shipment, verb: str, **more: Any) -> Shipment:
    return getattr(lifecycle, verb)(shipment, by=make_packer(), at=NOON, **more)


def nothing_packed() -> Shipment:
    shipment = make_shipment()
    lifecycle.begin_packing(shipment, by=make_packer())
    return shipment


# A state, or a state with another rule that refuses something -> how a shipment gets there.
SHIPMENTS: dict[str, Callable[[], Shipment]] = {
    "draft": make_shipment,
    "packing": being_packed,
    "packing: nothing in it": nothing_packed,
    "packing: a weight is unknown": lambda: pack(make_packed(), unit_weight_kg=None),
    "sealed": sealed,
    "sealed: no seal on the container": lambda: sealed(container_number="CSQU3054383"),
    "sealed: the partner is suspended": suspended,
    "dispatched": dispatched,
    "arrived": lambda: moved(dispatched(), "arrive"),
    "partially_received": lambda: confirmed(dispatched(), {"package": 1, "good": True}, default="none"),
    "received": lambda: confirmed(dispatched()),
    "received: a discrepancy is open": lambda: confirmed(dispatched(), {"package": 1, "missing": True}),
    "closed": lambda: moved(confirmed(dispatched()), "close"),
    "cancelled": lambda: moved(sealed(), "cancel", reason="x"),
    "lost": lambda: moved(dispatched(), "lose", reason="x"),
    "returned": lambda: moved(dispatched(), "send_back", reason="x"),
}


def people(shipment: Shipment) -> dict[str, User | None]:
    return {
        "packer": shipment.packed_by or shipment.created_by,
        "warehouse": make_user(Role.WAREHOUSE),
        "coordinator": make_user(Role.COORDINATOR),
        "finance": make_user(Role.FINANCE),
        "auditor": make_user(Role.AUDITOR),
        "its partner": make_partner_user(shipment.consignee),
        "another partner": make_partner_user(make_partner()),
    }


def body_for(action: str) -> tuple[str, dict[str, Any]]:
    if action != "deliver":
        # To dispatch takes a reason, too, but it would override the packing list that is not printed.
        return f"{action}/", {"reason": "a reason"} if action in ("reopen", "lose", "return", "cancel") else {}
    goods = {"description": "A box that nobody listed", "quantity": 1, "unit": "H87"}
    told = {"client_id": str(uuid4()), "stated_at": NOON.isoformat(), "received_by": "Awa", "default": "good"}
    return "deliveries/", told | {"unlisted": [goods]}


def offered(client: APIClient, shipment: Shipment) -> dict[str, str]:
    answer = client.get(f"/api/v1/shipments/{shipment.number}/")
    if answer.status_code == 404:
        return {}
    assert answer.status_code == 200
    return offers(answer.json())


def offers(shown: dict[str, Any]) -> dict[str, str]:
    """Return each offered action with its refusal, "" where it is allowed."""
    return {
        row["action"]: "" if row["allowed"] else f"{row['code']}: {row['reason']}" for row in shown["allowed_actions"]
    }


def test_every_state_of_a_shipment_is_covered() -> None:
    assert {name.partition(":")[0] for name in SHIPMENTS} == set(Status.values)


SHORT = {
    "draft", "packing", "sealed", "sealed: the partner is suspended", "dispatched", "partially_received",
    "received: a discrepancy is open",
}  # fmt: skip


@pytest.mark.parametrize(
    "state", [pytest.param(state, marks=[] if state in SHORT else pytest.mark.long) for state in SHIPMENTS]
)
def test_allowed_actions_of_shipments_match_the_attempts(state: str) -> None:
    shipment = SHIPMENTS[state]()
    assert shipment.status == state.partition(":")[0]
    wrong, allowed = {}, set()

    for who, user in people(shipment).items():
        client = client_of(user)
        said = offered(client, shipment)
        allowed |= {(who, action) for action, reason in said.items() if reason == ""}
        for action in actions.ACTIONS:
            path, body = body_for(action)
            url = f"/api/v1/shipments/{shipment.number}/{path}"
            if differs := said_and_done(client, said.get(action), "post", url, body):
                wrong[who, action] = differs

    assert wrong == {}
    assert bool(allowed) == (state not in ("closed", "cancelled", "returned"))


def test_the_packer_is_refused_as_checker() -> None:
    shipment = being_packed()
    assert shipment.packed_by is not None

    packer = offered(client_of(shipment.packed_by), shipment)
    other = offered(client_of(make_packer()), shipment)

    assert packer["check"].startswith("checker_is_packer: ")
    assert other["check"] == ""


# --- Money --------------------------------------------------------------------------------------------------------


@dataclass
class Money:
    """A finance row, its URL, and its actions: action -> method and path, and what is sent."""

    url: str
    actions: dict[str, str] = field(default_factory=dict)
    bodies: dict[str, Any] = field(default_factory=dict)


def gift(**changes: Any) -> Donation:
    make_charity()
    donation = received_donation(timezone.now())
    for name, value in changes.items():
        setattr(donation, name, value)
    if changes:
        donation.save(update_fields=list(changes))
    return donation


def receipted(**changes: Any) -> Donation:
    donation = gift()
    receipts.issue(donation, by=None, at=timezone.now())
    Donation.objects.filter(pk=donation.pk).update(**changes)
    return donation


def nameless(donation: Donation | None = None) -> Donation:
    donation = donation or gift()
    donation.donor.name = ""
    donation.donor.save()
    return donation


def cheque(status: str = "received") -> Donation:
    make_charity()
    donation = received_donation(timezone.now(), channel="cheque")
    receipts.issue(donation, by=None, at=timezone.now())
    if status == "voided":
        corrections.void(donation, reason="Typed twice.", by=None, at=timezone.now())
    return donation


def unprinted() -> Donation:
    donation = receipted()
    Document.objects.update(state="dead", last_error_code="missing_glyphs", ended_at=timezone.now())
    return donation


def printed() -> Donation:
    donation = receipted()
    assert documents.render(str(donation.receipts.get().document_id))
    return donation


def by_card(donation: Donation, number: int = 1) -> Donation:
    """Add a payment by card that succeeded."""
    money = {"amount_minor": donation.amount_minor, "currency": donation.currency}
    PaymentAttempt.objects.create(
        donation=donation, number=number, state="succeeded", counts=number == 1, created_at=NOON, expires_at=NOON,
        succeeded_at=NOON, payment_intent_id=f"pi_{number}", **money,
    )  # fmt: skip
    return donation


def disputed(donation: Donation) -> Donation:
    values = {"amount_minor": donation.amount_minor, "currency": donation.currency, "created_at": NOON}
    Dispute.objects.create(attempt=donation.attempts.get(), stripe_id="du_1", state="needs_response", **values)
    return donation


def of_gift(donation: Donation) -> Money:
    acts = ("refund", "refund-surplus", "issue-receipt", "revoke-link", "correct", "void")
    why = {"reason": "Typed twice."}
    bodies = {"refund": {"reason": "requested_by_customer"}, "correct": why, "void": why}
    return Money(f"/api/v1/donations/{donation.pk}/", dict.fromkeys(acts, "post"), bodies)


def refund(state: str, sending: str = "") -> Money:
    at_stripe = {} if state in NOT_SENT else {"stripe_id": "re_1"}
    made = Refund.objects.create(
        attempt=by_card(gift()).attempts.get(), state=state, amount_minor=1, currency="HKD", created_at=NOON,
        asked_at=NOON, **at_stripe,
    )  # fmt: skip
    if sending:
        ended = {"ended_at": timezone.now()} if sending == "dead" else {}
        RefundSending.objects.create(refund=made, state=sending, **ended)
    return Money(f"/api/v1/refunds/{made.pk}/", dict.fromkeys(("approve", "reject", "send-again"), "post"))


def of_receipt(donation: Donation, state: str = "issued") -> Money:
    receipt = donation.receipts.get()
    if state != "issued":
        receipts._end(receipt, ReceiptState(state), reason="x", at=timezone.now(), by=None)
    return Money(f"/api/v1/receipts/{receipt.pk}/", {"resend": "post", "replace": "post", "pdf": "get"})


def event(state: str) -> Money:
    now = timezone.now()
    ended = {"ended_at": now} if state in ("done", "dead") else {}
    leased = {"lease_token": uuid4(), "lease_until": now + timedelta(minutes=1)} if state == "leased" else {}
    made = StripeEvent.objects.create(
        stripe_id="evt_1", kind="charge.updated", object_type="charge", object_id="ch_1", livemode=False,
        happened_at=now, received_at=now, source="webhook", state=state,
        outcome="ignored" if state == "done" else "", **ended, **leased,
    )  # fmt: skip
    return Money(f"/api/v1/stripe-events/{made.pk}/", {"retry": "post"})


MONEY: dict[str, Callable[[], Money]] = {
    "gift: pending": lambda: of_gift(gift(status="pending", received_at=None, received_on=None)),
    "gift: no receipt yet": lambda: of_gift(gift()),
    "gift: receipted": lambda: of_gift(receipted()),
    "gift: the donor has no name": lambda: of_gift(nameless()),
    "gift: disputed before its receipt": lambda: of_gift(gift(status="disputed")),
    "gift: its receipt could not be printed": lambda: of_gift(unprinted()),
    "gift: paid by card": lambda: of_gift(by_card(gift())),
    "gift: paid twice": lambda: of_gift(by_card(by_card(gift()), 2)),
    "gift: its payment is disputed": lambda: of_gift(disputed(by_card(gift()))),
    "gift: a cheque": lambda: of_gift(cheque()),
    "gift: a void cheque": lambda: of_gift(cheque("voided")),
    **{f"refund: {state}": partial(refund, state) for state in RefundState},
    "refund: on its way": lambda: refund("requested", "pending"),
    "refund: its sending has stopped": lambda: refund("requested", "dead"),
    "receipt: of a void cheque": lambda: of_receipt(cheque("voided")),
    "receipt: of a donor without a name": lambda: of_receipt(nameless(receipted())),
    "receipt: disputed": lambda: of_receipt(receipted(status="disputed")),
    "receipt: printed": lambda: of_receipt(printed()),
    "receipt: being printed": lambda: of_receipt(receipted()),
    "receipt: not printable": lambda: of_receipt(unprinted()),
    "receipt: cancelled": lambda: of_receipt(receipted(), "cancelled"),
    "receipt: replaced": lambda: of_receipt(receipted(), "replaced"),
    **{f"event: {state}": partial(event, state) for state in ("pending", "leased", "done", "dead")},
}


@pytest.mark.parametrize("row", MONEY)
def test_allowed_actions_of_finance_match_the_attempts(row: str, files: Any) -> None:
    asked = MONEY[row]()
    wrong = {}

    for role in Role:
        client = client_of(make_user(role))
        answer = client.get(asked.url)
        said = offers(answer.json()) if answer.status_code == 200 else {}
        assert (answer.status_code == 200) == (role in (Role.FINANCE, Role.AUDITOR))
        for action, method in asked.actions.items():
            if differs := said_and_done(
                client, said.get(action), method, f"{asked.url}{action}/", asked.bodies.get(action)
            ):
                wrong[role, action] = differs

    assert wrong == {}
