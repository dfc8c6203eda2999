"""Webhooks: signed as Stripe signs them, delivered by their own thread, retried until accepted."""

import hashlib
import hmac
import json
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from tests.stand_in.errors import Json
from tests.stand_in.store import new_id
from tests.stand_in.world import World

# Stripe retries for three days; people and tests cannot wait that long.
RETRY_AFTER_S = (0.2, 0.5, 1, 2, 5, 10, 10, 30, 30, 60, 60, 300)
TIMEOUT_S = 20
UNTAKEN = ("waiting", "held")


def sign(body: bytes, secret: str, at: int) -> str:
    """Return the hexadecimal v1 signature of a body."""
    return hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()


@dataclass
class Delivery:
    """One copy of one event, on its way to the endpoint."""

    id: str
    event: str
    kind: str
    status: str = "waiting"  # held, waiting, taken, given_up, dropped
    tries: int = 0
    answers: list[int] = field(default_factory=list)  # HTTP status of each try; 0: no answer
    due: float = 0.0  # by time.monotonic(); not stored


class Webhooks:
    """Pending, finished and abandoned deliveries. Survives a restart: those not accepted are retried."""

    def __init__(self, world: World, url: str, secrets: Sequence[str]) -> None:
        self.world, self.url, self.secrets = world, url, list(secrets)
        # The store's own lock: with two locks there would be a lock order to get wrong.
        self.changed = threading.Condition(world.store.lock)
        self.each_second: Callable[[], None] = lambda: None
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="stand-in webhooks", daemon=True)
        self._deliveries: dict[str, Delivery] = {}
        self._waiting: dict[str, Delivery] = {}
        for kept in reversed(world.store.newest_first("_delivery")):
            self._place(Delivery(**kept))
        world.endpoints = 1 if url else 0
        world.on_events = self.owe

    def start(self) -> None:
        """Start delivering."""
        self._thread.start()

    def stop(self) -> None:
        """Stop after the deliveries in progress."""
        with self.changed:
            self._stopping = True
            self.changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(timeout=TIMEOUT_S)

    def owe(self, events: list[Json], *, times: int | None = None) -> None:
        """Queue the events of one change for the endpoint, as the switches say."""
        if not self.url:
            return
        switches, chance = self.world.switches, self.world.chance
        copies = [event for event in events for _ in range(switches.times if times is None else times)]
        if switches.order == "reversed":
            copies.reverse()
        elif switches.order == "shuffled":
            chance.shuffle(copies)
        with self.changed:
            for event in copies:
                delivery = Delivery(new_id("whd_"), event["id"], event["type"])
                delivery.status = "held" if switches.hold else "waiting"
                if switches.drop and chance.random() < switches.drop:
                    delivery.status = "dropped"
                delivery.due = time.monotonic() + switches.delay_s
                self._keep(delivery)
            self.changed.notify_all()

    def release(self, *, order: str = "given", kinds: Sequence[str] = (), times: int = 1) -> int:
        """Release held deliveries, all or of some kinds, each `times` times, and return how many."""
        with self.changed:
            held = [one for one in self._deliveries.values() if one.status == "held"]
            held = [one for one in held if not kinds or one.kind in kinds]
            if order == "reversed":
                held.reverse()
            elif order == "shuffled":
                self.world.chance.shuffle(held)
            going = list(held)
            for one in held:
                going += [Delivery(new_id("whd_"), one.event, one.kind) for _ in range(times - 1)]
            for one in going:  # to the end of the line, in this order
                self._deliveries.pop(one.id, None)
                one.status, one.due = "waiting", time.monotonic()
                self._keep(one)
            self.changed.notify_all()
            return len(going)

    def forget(self) -> None:
        """Drop every delivery, finished or pending."""
        with self.changed:
            self._deliveries.clear()
            self._waiting.clear()
            self.changed.notify_all()

    def deliveries(self) -> list[Json]:
        """Return every delivery, in the order in which it was queued or released."""
        with self.changed:
            return [_shown(one) for one in self._deliveries.values()]

    def settle(self, timeout_s: float = 30.0) -> bool:
        """Wait until no delivery is in progress, and return whether that happened. Held deliveries do not count."""
        with self.changed:
            return self.changed.wait_for(lambda: not self._waiting, timeout_s)

    def _place(self, delivery: Delivery) -> None:
        self._deliveries[delivery.id] = delivery
        self._waiting.pop(delivery.id, None)
        if delivery.status == "waiting":
            self._waiting[delivery.id] = delivery

    def _keep(self, delivery: Delivery) -> None:
        self._place(delivery)
        with self.world.store.changing():
            self.world.store.put("_delivery", delivery.id, _shown(delivery))

    def _run(self) -> None:
        while True:
            with self.changed:
                now = time.monotonic()
                due = [one for one in self._waiting.values() if one.due <= now]
                if not due and not self._stopping:
                    self.changed.wait(min([1.0, *(one.due - now for one in self._waiting.values())]))
                if self._stopping:
                    return
            self.each_second()
            if self.world.switches.parallel > 1:
                with ThreadPoolExecutor(self.world.switches.parallel) as pool:
                    list(pool.map(self._try, due))
            else:
                for delivery in due:
                    self._try(delivery)

    def _try(self, delivery: Delivery) -> None:
        if self._stopping or delivery.id not in self._deliveries:
            return
        event = self.world.store.get("event", delivery.event)
        answer = self._post(json.dumps(event, indent=2, ensure_ascii=False).encode())
        with self.changed:
            delivery.tries += 1
            delivery.answers.append(answer)
            if 200 <= answer < 300:
                delivery.status = "taken"
                # Before it counts as delivered, because waiters may read the event next.
                with self.world.store.changing():
                    event["pending_webhooks"] = 0
                    self.world.store.save(event)
            elif delivery.tries > len(RETRY_AFTER_S):
                delivery.status = "given_up"
            else:
                delivery.due = time.monotonic() + RETRY_AFTER_S[delivery.tries - 1]
            if delivery.id in self._deliveries:
                self._keep(delivery)
            self.changed.notify_all()

    def headers(self, body: bytes) -> dict[str, str]:
        """Return the headers of a delivery, including its signature."""
        switches = self.world.switches
        at = int(time.time()) + switches.skew_s
        secrets = ["whsec_wrong"] if switches.signature == "wrong" else self.secrets
        signatures = ",".join(f"v1={sign(body, secret, at)}" for secret in secrets)
        headers = {"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-cache"}
        headers["User-Agent"] = "Stripe/1.0 (+https://stripe.com/docs/webhooks)"
        if switches.signature != "missing":
            # In test mode Stripe adds a v0 signature that means nothing.
            headers["Stripe-Signature"] = f"t={at},{signatures},v0={sign(body, 'test mode', at)}"
        return headers

    def _post(self, body: bytes) -> int:
        request = urllib.request.Request(self.url, body, self.headers(body), method="POST")
        try:
            with DIRECT.open(request, timeout=TIMEOUT_S) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code
        except (OSError, ValueError):
            return 0


def _shown(delivery: Delivery) -> Json:
    return {key: value for key, value in asdict(delivery).items() if key != "due"}


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Treat redirects as failures, as Stripe does."""

    def redirect_request(self, *args: object, **kwargs: object) -> None:
        """Do not follow redirects."""


# No proxies from the environment, no redirects.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}), _NoRedirect)
