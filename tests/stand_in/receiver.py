"""A webhook endpoint for tests of the sender."""

import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Received(NamedTuple):
    """One delivery as it arrived."""

    body: bytes
    signature: str | None
    headers: dict[str, str]


class Receiver:
    """Stores deliveries. It answers with the statuses in `answers`, then 200."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.answers: deque[int] = deque()
        self._barrier: threading.Barrier | None = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if receiver._barrier is not None:
                    receiver._barrier.wait(timeout=60)
                receiver.received.append(Received(body, headers.get("stripe-signature"), headers))
                self.send_response(receiver.answers.popleft() if receiver.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.02], daemon=True)

    def gather(self, number: int) -> None:
        """Answer only when this many deliveries are here at once, then as many again, and so on."""
        self._barrier = threading.Barrier(number)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
