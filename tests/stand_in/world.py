"""The account at the stand-in: its objects, its events, its switches."""

import copy
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Final

from tests.stand_in.description import VERSION, complete
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.store import Store, new_id

ORDERS: Final = ("given", "reversed", "shuffled")
FAULTS: Final = ("", "500", "429", "hang_up", "hang")


@dataclass
class Switches:
    """Faults to simulate. All of them can be set while running, through /_control/switches."""

    # Webhooks. `order` applies within the events of one change, such as the four events of a payment.
    times: int = 1
    order: str = "given"
    delay_s: float = 0.0
    drop: float = 0.0  # share of deliveries that never leave
    hold: bool = False  # keep deliveries until released
    parallel: int = 1
    skew_s: int = 0  # added to the time in the signature
    signature: str = ""  # "", wrong, missing: how to sign incorrectly
    api_version: str = VERSION  # values in events
    livemode: bool = False
    seed: int = 1
    # API responses. The next `faults` matching requests fail this way, before or after taking effect.
    fault: str = ""  # 500, 429, hang_up (close the connection), hang (say nothing for hang_s)
    fault_when: str = "after"
    fault_path: str = "/v1/"
    fault_method: str = "POST"
    faults: int = 0
    hang_s: float = 30.0

    def change(self, wanted: Json) -> None:
        """Set some switches; refuse unknown ones and values of another type."""
        kinds = {one.name: type(getattr(Switches(), one.name)) for one in fields(Switches)}
        for name, value in wanted.items():
            if name not in kinds:
                raise StripeRefusal(f"There is no switch {name}. There are: {', '.join(kinds)}", param=name)
            if type(value) is not kinds[name] and (kinds[name], type(value)) != (float, int):
                raise StripeRefusal(f"{name} is of type {kinds[name].__name__}", param=name)
        for name, choices in {"order": ORDERS, "fault": FAULTS, "fault_when": ("before", "after")}.items():
            if wanted.get(name, choices[0]) not in choices:
                raise StripeRefusal(f"{name} is one of {', '.join(map(repr, choices))}", param=name)
        for name, value in wanted.items():
            setattr(self, name, float(value) if kinds[name] is float else value)

    def shown(self) -> Json:
        """Return all switches."""
        return asdict(self)


@dataclass
class World:
    """One account. All changes to it happen inside `with world.acting(): ...`."""

    store: Store
    switches: Switches = field(default_factory=Switches)
    public_url: str = ""  # where the hosted page is found
    endpoints: int = 1  # how many webhook endpoints there are: 0 or 1
    on_events: Callable[[list[Json]], None] = lambda events: None
    _happening: list[Json] = field(default_factory=list)
    _request: Json = field(default_factory=lambda: {"id": None, "idempotency_key": None})
    _depth: int = 0

    def __post_init__(self) -> None:
        self.chance = random.Random(self.switches.seed)
        kept = self.store.find("_meta", "switches")
        if kept is not None:
            self.switches.change(kept)

    @contextmanager
    def acting(self, request_id: str | None = None, idempotency_key: str | None = None) -> Iterator[None]:
        """Change the account exclusively, then queue the webhooks of the change as one batch."""
        with self.store.changing():
            if self._depth == 0:
                self._request = {"id": request_id, "idempotency_key": idempotency_key}
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0 and self._happening:
                    happened, self._happening = self._happening, []
                    self.on_events(happened)

    def new(self, kind: str, prefix: str, **values: Any) -> Json:
        """Return a new, complete Stripe object, not yet stored."""
        known: Json = {"id": new_id(prefix), "object": kind, **values}
        if "created" not in known and kind not in ("item",):
            known["created"] = self.store.now()
        if kind not in ("item", "refund", "balance_transaction"):
            known.setdefault("livemode", self.switches.livemode)
        return complete(kind, known)

    def tell(self, kind: str, about: Json) -> Json:
        """Record an event for an object in its current state."""
        event = self.new(
            "event",
            "evt_1",
            type=kind,
            api_version=self.switches.api_version,
            data={"object": copy.deepcopy(about)},
            pending_webhooks=self.endpoints,
            request=dict(self._request),
        )
        self.store.save(event)
        self._happening.append(event)
        return event
