"""A plain HTTP client of the stand-in."""

import base64
import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

from tests.stand_in import StandIn
from tests.stand_in.description import VERSION

GIFT = {
    "mode": "payment",
    "success_url": "http://charity.test/thanks?session={CHECKOUT_SESSION_ID}",
    "cancel_url": "http://charity.test/appeal",
    "client_reference_id": "D-1",
    "metadata[donation]": "D-1",
    "payment_intent_data[metadata][donation]": "D-1",
    "line_items[0][quantity]": "1",
    "line_items[0][price_data][currency]": "hkd",
    "line_items[0][price_data][unit_amount]": "50050",
    "line_items[0][price_data][product_data][name]": "Mali: rescue and rehabilitation",
}


@dataclass
class Reply:
    """A response."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """Return the body as a value."""
        return json.loads(self.text)

    @property
    def error(self) -> Any:
        """Return the error of an error response."""
        return self.json["error"]


class Caller:
    """Sends requests as any HTTP client would."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in

    def send(self, method: str, path: str, body: str = "", headers: dict[str, str] | None = None) -> Reply:
        """Send one request to the stand-in; follow nothing."""
        connection = http.client.HTTPConnection(urlsplit(self.stand_in.url).netloc, timeout=20)
        try:
            connection.request(method, path, body.encode(), headers or {})
            answer = connection.getresponse()
            return Reply(answer.status, dict(answer.getheaders()), answer.read().decode())
        finally:
            connection.close()

    def api(self, method: str, path: str, params: dict[str, str] | None = None, **headers: str) -> Reply:
        """Send a request of the API, with key and version."""
        given = {"Authorization": f"Bearer {self.stand_in.api_key}", "Stripe-Version": VERSION}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        encoded = urlencode(params or {})
        if method == "GET":
            return self.send("GET", f"{path}?{encoded}" if encoded else path, "", given)
        given["Content-Type"] = "application/x-www-form-urlencoded"
        return self.send(method, path, encoded, given)

    def basic(self, path: str) -> Reply:
        """Send the key as a user name, as curl -u does."""
        encoded = base64.b64encode(f"{self.stand_in.api_key}:".encode()).decode()
        return self.send("GET", path, "", {"Authorization": f"Basic {encoded}"})

    def open_session(self, **changes: str) -> Any:
        """Open a checkout session for HK$500.50 and return it."""
        reply = self.api("POST", "/v1/checkout/sessions", GIFT | changes)
        assert reply.status == 200, reply.text
        return reply.json

    def submit(self, session: Any, number: str = "4242 4242 4242 4242", **typed: str) -> Reply:
        """Fill in the hosted page of a session."""
        form = {"number": number, "expiry": "12/34", "cvc": "123", "name": "Ada", "email": "ada@example.org"}
        return self.send("POST", urlsplit(session["url"]).path, urlencode(form | typed))

    def events(self) -> list[str]:
        """Return the kinds of all events, oldest first."""
        return [event["type"] for event in reversed(self.stand_in.world.store.newest_first("event"))]
