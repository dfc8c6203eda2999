"""Handle a request to the API, from bytes to response: key, version, parameters, idempotency, faults."""

import base64
import hashlib
import json
import re
from collections import deque
from dataclasses import dataclass, field

from tests.stand_in import api, forms
from tests.stand_in.description import VERSION, Operation, find
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.store import new_id
from tests.stand_in.world import World

KEY_LIVES_S = 24 * 3600


@dataclass(frozen=True)
class Heard:
    """A raw request. `headers` have lower-case names."""

    method: str
    path: str
    query: str = ""
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Answer:
    """A response. `fault`: the fault to apply when sending it."""

    status: int
    body: Json
    headers: dict[str, str] = field(default_factory=dict)
    fault: str = ""


@dataclass
class Api:
    """The entry point of the API. `heard` keeps the last requests, for tests."""

    world: World
    api_key: str = ""
    page_follows_host: bool = True
    heard: deque[Json] = field(default_factory=lambda: deque(maxlen=2000))

    def answer(self, request: Heard) -> Answer:
        """Respond to a request, or fail as the switches say."""
        request_id = new_id("req_", 14)
        fault = self._fault(request)
        heard: Json = {"method": request.method, "path": request.path, "params": None, "fault": fault}
        heard["request_id"] = request_id
        heard["idempotency_key"] = request.headers.get("idempotency-key")
        heard["stripe_version"] = request.headers.get("stripe-version")
        self.heard.append(heard)
        fails_first = fault and self.world.switches.fault_when == "before"
        result = Answer(0, {}) if fails_first else self._answer(request, heard)
        if fault in ("500", "429"):
            result = _failed(int(fault))
        heard["status"] = result.status
        result.fault = fault
        result.headers |= {"Request-Id": request_id, "Stripe-Version": VERSION}
        return result

    def _fault(self, request: Heard) -> str:
        switches = self.world.switches
        with self.world.store.lock:
            wanted = request.method == switches.fault_method and request.path.startswith(switches.fault_path)
            if switches.faults < 1 or not wanted:
                return ""
            switches.faults -= 1
            return switches.fault

    def _answer(self, request: Heard, heard: Json) -> Answer:
        try:
            self._authenticate(request.headers)
            version = request.headers.get("stripe-version", VERSION)
            if version != VERSION:
                raise StripeRefusal(f"Invalid Stripe API version: {version}. This stand-in speaks {VERSION}.")
            operation = find(request.method.lower(), request.path)
            encoded = request.query if request.method == "GET" else request.body.decode("utf-8")
            heard["params"] = forms.read(encoded, operation.parameters)
            key = heard["idempotency_key"] if request.method == "POST" else None
            with self.world.acting(heard["request_id"], key):
                # Use the caller's host for the page URL: to browsers, localhost and 127.0.0.1 are different sites.
                host = request.headers.get("host", "")
                if self.page_follows_host and re.fullmatch(r"[\w.:\[\]-]+", host):
                    self.world.public_url = f"http://{host}"
                if key is not None:
                    return self._once(key, operation, heard)
                return Answer(200, self._act(operation, heard["params"]))
        except UnicodeDecodeError:
            return Answer(400, StripeRefusal("The request is not UTF-8.").body())
        except StripeRefusal as refusal:
            return Answer(refusal.status, refusal.body())

    def _act(self, operation: Operation, wanted: Json) -> Json:
        # A copy, so that a stored response does not change with its objects.
        answered: Json = json.loads(json.dumps(api.answer(self.world, operation, wanted)))
        return answered

    def _authenticate(self, headers: dict[str, str]) -> None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            given = base64.b64decode(given).decode("utf-8", "replace").partition(":")[0]
        if not given:
            raise StripeRefusal(
                "You did not provide an API key. You need to provide your API key in the Authorization header, using "
                "Bearer auth (e.g. 'Authorization: Bearer YOUR_SECRET_KEY').",
                status=401,
                saved=False,
            )
        if not given.startswith(("sk_test_", "rk_test_")) or (self.api_key and given != self.api_key):
            shown = f"{given[:8]}{'*' * 10}{given[-4:]}" if len(given) > 12 else "*" * len(given)
            raise StripeRefusal(f"Invalid API Key provided: {shown}", status=401, code="api_key_invalid", saved=False)

    def _once(self, key: str, operation: Operation, heard: Json) -> Answer:
        """Run the operation, or replay the response stored for this key within the last day."""
        if len(key) > 255:
            raise StripeRefusal("Idempotency keys may have at most 255 characters.", kind="idempotency_error")
        asked = json.dumps([heard["method"], heard["path"], heard["params"]], sort_keys=True)
        fingerprint = hashlib.sha256(asked.encode()).hexdigest()
        kept = self.world.store.find("_idempotency", key)
        if kept is not None and kept["at"] + KEY_LIVES_S > self.world.store.now():
            if kept["fingerprint"] != fingerprint:
                raise StripeRefusal(
                    "Keys for idempotent requests can only be used with the same parameters they were first used "
                    f"with. Try using a key other than '{key}' if you meant to execute a different request.",
                    kind="idempotency_error",
                )
            headers = {"Idempotency-Key": key, "Idempotent-Replayed": "true", "Original-Request": kept["request_id"]}
            return Answer(kept["status"], kept["body"], headers)
        try:
            status, body, saved = 200, self._act(operation, heard["params"]), True
        except StripeRefusal as refusal:
            status, body, saved = refusal.status, refusal.body(), refusal.saved
        if saved:
            kept = {"fingerprint": fingerprint, "status": status, "body": body, "at": self.world.store.now()}
            self.world.store.put("_idempotency", key, {**kept, "request_id": heard["request_id"]})
        return Answer(status, body, {"Idempotency-Key": key})


def _failed(status: int) -> Answer:
    if status == 429:
        message = "Request rate limit exceeded. Learn more about rate limits at https://docs.stripe.com/rate-limits."
        return Answer(429, StripeRefusal(message, code="rate_limit").body())
    return Answer(500, StripeRefusal("An unknown error occurred", kind="api_error").body())
