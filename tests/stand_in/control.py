"""/_control/: actions of Stripe's dashboard, banks and networks. Accepts and returns JSON."""

from collections.abc import Callable
from typing import Any

from tests.stand_in import checkout, disputes, fraud_warnings, payments, refunds
from tests.stand_in.cards import Card
from tests.stand_in.door import Api
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.webhooks import Webhooks
from tests.stand_in.world import World


class Control:
    """Everything that can be done to the account outside the API. Each method returns plain JSON."""

    def __init__(self, world: World, webhooks: Webhooks, api: Api) -> None:
        self.world, self.webhooks, self.api = world, webhooks, api

    def show(self) -> Json:
        """Return a summary of the stand-in's state."""
        store = self.world.store
        kinds = ("checkout.session", "payment_intent", "charge", "refund", "dispute", fraud_warnings.KIND, "event")
        return {
            "switches": self.world.switches.shown(),
            "now": store.now(),
            "counts": {kind: len(store.newest_first(kind)) for kind in kinds},
            "undelivered": sum(one["status"] in ("waiting", "held") for one in self.webhooks.deliveries()),
            "webhook_url": self.webhooks.url,
        }

    def switch(self, **wanted: Any) -> Json:
        """Set switches; see `world.Switches`."""
        switches = self.world.switches
        with self.world.acting():
            switches.change(wanted)
            if "seed" in wanted:
                self.world.chance.seed(switches.seed)
            self.world.store.put("_meta", "switches", switches.shown())
        return switches.shown()

    def advance(self, seconds: float) -> Json:
        """Advance the clock: sessions expire, idempotency keys are deleted."""
        self.world.store.move_clock(seconds)
        checkout.expire_due(self.world)
        return {"now": self.world.store.now()}

    def reset(self) -> Json:
        """Delete all objects and reset all switches."""
        with self.world.acting():
            self.webhooks.forget()
            self.world.store.clear()
            self.switch(**type(self.world.switches)().shown())
        self.api.heard.clear()
        return self.show()

    def pay(self, session: str, card: str = "4242424242424242", *, email: str = "", late: bool = False) -> Json:
        """Pay as a donor on the hosted page; `late`: in a session that has expired."""
        year = 2000 + 99
        typed = Card(card.replace(" ", ""), 12, year, "Test Donor")
        with self.world.acting():
            found = self.world.store.get("checkout.session", session)
            return payments.pay(self.world, found, typed, email=email, late=late)

    def refund(self, **wanted: Any) -> Json:
        """Refund in the dashboard: charge or payment_intent, amount, reason."""
        with self.world.acting():
            return refunds.create(self.world, wanted)

    def settle_refund(self, refund: str) -> Json:
        """Make a pending refund succeed."""
        with self.world.acting():
            return refunds.settle(self.world, self.world.store.get("refund", refund))

    def fail_refund(self, refund: str, *, reason: str = "lost_or_stolen_card") -> Json:
        """Make a refund fail, even after it has succeeded."""
        with self.world.acting():
            return refunds.fail(self.world, self.world.store.get("refund", refund), reason=reason)

    def dispute(
        self, payment_intent: str, *, amount: int | None = None, reason: str = "fraudulent", inquiry: bool = False
    ) -> Json:
        """Dispute a payment as the donor's bank, in full or in part."""
        with self.world.acting():
            intent = self.world.store.get("payment_intent", payment_intent)
            if not intent["latest_charge"]:
                raise StripeRefusal("Nothing was paid.")
            charge = self.world.store.get("charge", intent["latest_charge"])
            return disputes.open_dispute(self.world, charge, amount=amount, reason=reason, inquiry=inquiry)

    def warn_of_fraud(self, payment_intent: str, *, fraud_type: str = "made_with_stolen_card") -> Json:
        """Report a payment as fraud, as its card's network."""
        with self.world.acting():
            intent = self.world.store.get("payment_intent", payment_intent)
            charge = self.world.store.get("charge", str(intent["latest_charge"]))
            return fraud_warnings.warn(self.world, charge, fraud_type=fraud_type)

    def submit_evidence(self, dispute: str) -> Json:
        """Submit evidence for a dispute."""
        with self.world.acting():
            return disputes.submit(self.world, self.world.store.get("dispute", dispute))

    def close_dispute(self, dispute: str, *, status: str = "lost") -> Json:
        """Decide a dispute as the bank: won, lost; an inquiry: warning_closed."""
        with self.world.acting():
            return disputes.close(self.world, self.world.store.get("dispute", dispute), status=status)

    def tell(self, kind: str, object: str) -> Json:
        """Send an event of any kind about an object, true or not."""
        with self.world.acting():
            for table in (
                "checkout.session",
                "payment_intent",
                "charge",
                "refund",
                "dispute",
                fraud_warnings.KIND,
                "customer",
            ):
                found = self.world.store.find(table, object)
                if found is not None:
                    return self.world.tell(kind, found)
        raise StripeRefusal(f"There is no object {object}.", status=404)

    def send(self, event: str, *, times: int = 1) -> Json:
        """Deliver a past event again, `times` times."""
        with self.world.acting():
            self.webhooks.owe([self.world.store.get("event", event)], times=times)
        return {"sent": times}

    def release(self, *, order: str = "given", kinds: tuple[str, ...] = (), times: int = 1) -> Json:
        """Release held deliveries, each `times` times."""
        return {"released": self.webhooks.release(order=order, kinds=kinds, times=times)}

    def settle(self, timeout_s: float = 30.0) -> Json:
        """Wait until no delivery is in progress."""
        return {"settled": self.webhooks.settle(timeout_s)}

    def deliveries(self) -> list[Json]:
        """Return every delivery: event, kind, status, tries, and the endpoint's responses."""
        return self.webhooks.deliveries()

    def requests(self) -> list[Json]:
        """Return the last requests to the API: method, path, params, idempotency_key, status."""
        return list(self.api.heard)

    # /_control/<word> -> method, with the members of the JSON body as arguments.
    def verbs(self) -> dict[str, Callable[..., Any]]:
        """Return the methods available by POST."""
        return {
            "switches": self.switch,
            "clock": self.advance,
            "reset": self.reset,
            "pay": self.pay,
            "refund": self.refund,
            "settle-refund": self.settle_refund,
            "fail-refund": self.fail_refund,
            "dispute": self.dispute,
            "warn-of-fraud": self.warn_of_fraud,
            "submit-evidence": self.submit_evidence,
            "close-dispute": self.close_dispute,
            "tell": self.tell,
            "send": self.send,
            "release": self.release,
            "settle": self.settle,
        }

    def questions(self) -> dict[str, Callable[[], Any]]:
        """Return the methods available by GET."""
        return {"": self.show, "deliveries": self.deliveries, "requests": self.requests, "switches": self._switches}

    def _switches(self) -> Json:
        return self.world.switches.shown()
