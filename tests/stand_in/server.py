"""The HTTP server, and the stand-in as an object that a test can start and stop."""

import inspect
import json
import socket
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from tests.stand_in import checkout, page, payments
from tests.stand_in.control import Control
from tests.stand_in.door import Answer, Api, Heard
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.store import Store
from tests.stand_in.webhooks import Webhooks
from tests.stand_in.world import World

BODY_MAX = 1024 * 1024
POLL_S = 0.02  # how often to look whether to stop: tests start and stop us by the hundred
PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # No form-action: browsers apply it to the redirect after the form too, which leads to the charity.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
}


class Server(ThreadingHTTPServer):
    """One thread per connection. `hung_up` ends hanging responses when the server stops."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], stand_in: "StandIn", listener: socket.socket | None = None) -> None:
        super().__init__(address, Handler, bind_and_activate=listener is None)
        if listener:
            self.socket.close()
            self.socket, self.server_address = listener, listener.getsockname()
        self.stand_in = stand_in
        self.hung_up = threading.Event()


class Handler(BaseHTTPRequestHandler):
    """Routes requests: /v1/ the API, /c/pay/ the page, /_control/ the switches."""

    protocol_version = "HTTP/1.1"
    server: Server
    # Otherwise the two small writes of a response wait for each other's acknowledgement.
    wbufsize = -1

    def do_GET(self) -> None:
        """Handle GET."""
        self._handle("GET")

    def do_POST(self) -> None:
        """Handle POST."""
        self._handle("POST")

    def do_DELETE(self) -> None:
        """Refuse other methods."""
        self._handle("DELETE")

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: request lines would contain ids; see /_control/requests instead."""

    def _handle(self, method: str) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_MAX:
            self.close_connection = True
            self._send(413, b"", "text/plain")
            return
        body = self.rfile.read(length)
        url = urlsplit(self.path)
        path, stand_in = unquote(url.path), self.server.stand_in
        if path.startswith("/v1/"):
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send_answer(stand_in.api.answer(Heard(method, path, url.query, body, headers)))
        elif path.startswith("/c/pay/"):
            self._page(method, path.removeprefix("/c/pay/"), body)
        elif path.startswith("/_control/"):
            self._control(method, path.removeprefix("/_control/").strip("/"), body)
        elif path == "/":
            self._json(200, {"stand_in_for": "Stripe", "control": "/_control/"})
        else:
            self._json(404, StripeRefusal(f"Unrecognized request URL ({method}: {path}).", status=404).body())

    def _send_answer(self, answer: Answer) -> None:
        if answer.fault == "hang":
            self.server.hung_up.wait(self.server.stand_in.world.switches.hang_s)
        if answer.fault in ("hang", "hang_up"):
            self.close_connection = True
            return
        self._json(answer.status, answer.body, answer.headers)

    def _page(self, method: str, session_id: str, body: bytes) -> None:
        world = self.server.stand_in.world
        session = world.store.find("checkout.session", session_id)
        language = page.language_of(session, self.headers.get("Accept-Language", ""))
        if session is None:
            self._html(404, page.missing_page(language))
            return
        checkout.expire_due(world)
        what = world.store.get("_behind", session_id)["line_items"][0]["description"]
        if session["status"] != "open":
            self._html(200 if session["status"] == "complete" else 410, page.closed_page(session, what, language))
            return
        if method == "GET":
            self._html(200, page.form_page(session, what, language))
            return
        typed = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        now = datetime.fromtimestamp(world.store.now(), tz=UTC)
        card, wrong = page.read_form(typed, session, (now.year, now.month))
        if card is None:
            self._html(422, page.form_page(session, what, language, typed=typed, wrong=wrong))
            return
        with world.acting():
            if session["status"] == "open":  # else the same form was sent twice at once
                payments.pay(world, session, card, email=typed.get("email", "").strip())
        if session["status"] == "complete":
            self._send(303, b"", "text/html", {"Location": page.success_url(session)})
            return
        declined = card.outcome.message
        self._html(402, page.form_page(session, what, language, typed=typed, declined=declined))

    def _control(self, method: str, word: str, body: bytes) -> None:
        control = self.server.stand_in.control
        try:
            if method == "GET":
                question = control.questions().get(word)
                if question is None:
                    raise StripeRefusal(f"GET one of: {', '.join(control.questions())}", status=404)
                self._json(200, question())
                return
            verb = control.verbs().get(word)
            if verb is None:
                raise StripeRefusal(f"POST to one of: {', '.join(control.verbs())}", status=404)
            # A page of another site cannot send this content type without a preflight.
            if self.headers.get_content_type() != "application/json":
                raise StripeRefusal("Send JSON, as application/json.", status=415)
            wanted = json.loads(body or b"{}")
            inspect.signature(verb).bind(**wanted)
            self._json(200, verb(**wanted))
        except StripeRefusal as refusal:
            self._json(refusal.status, refusal.body())
        except (ValueError, TypeError) as error:
            self._json(400, StripeRefusal(f"{word}: {error}").body())

    def _json(self, status: int, value: Any, headers: Json | None = None) -> None:
        body = json.dumps(value, indent=2, ensure_ascii=False).encode()
        self._send(status, body + b"\n", "application/json", headers)

    def _html(self, status: int, text: str) -> None:
        # What answers a form may be kept: the browser's Back button does not send a form twice.
        kept = {"Cache-Control": "private, no-cache"} if self.command == "POST" else {}
        self._send(status, text.encode(), "text/html; charset=utf-8", PAGE_HEADERS | kept)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


class StandIn:
    """A simulated Stripe account. `control` does what its dashboard, banks and networks would do.

    `webhook_url` empty: nothing is delivered. A `listener` is taken instead of `port`. With a `state` file it starts as
    it ended.
    """

    def __init__(
        self,
        *,
        webhook_url: str = "",
        webhook_secret: str | Sequence[str] = "whsec_test",
        api_key: str = "sk_test_stand_in",
        host: str = "127.0.0.1",
        port: int = 0,
        listener: socket.socket | None = None,
        state: Path | None = None,
        public_url: str = "",
    ) -> None:
        secrets = [webhook_secret] if isinstance(webhook_secret, str) else list(webhook_secret)
        self.api_key, self.secrets = api_key, secrets
        self.world = World(Store(state))
        self.webhooks = Webhooks(self.world, webhook_url, secrets)
        self.api = Api(self.world, api_key, page_follows_host=not public_url)
        self.control = Control(self.world, self.webhooks, self.api)
        self.webhooks.each_second = lambda: checkout.expire_due(self.world)
        self._server = Server((host, port), self, listener)
        self.url = f"http://{host}:{self._server.server_address[1]}"
        self.world.public_url = public_url.rstrip("/") or self.url
        self._thread = threading.Thread(target=self._server.serve_forever, args=[POLL_S], name="stand-in", daemon=True)

    def start(self) -> Self:
        """Serve requests and deliver webhooks in background threads."""
        self._thread.start()
        self.webhooks.start()
        return self

    def stop(self) -> None:
        """Stop both; with a state file, undelivered webhooks are kept."""
        self._server.hung_up.set()
        self.webhooks.stop()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()
