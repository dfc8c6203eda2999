"""Run the stand-in until it is stopped: see `python -m tests.stand_in --help`."""

import argparse
import signal
import socket
import threading
from pathlib import Path

from tests.stand_in.server import StandIn


def main() -> None:
    """Read the arguments, start, and wait for SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="python -m tests.stand_in", description="A local stand-in for Stripe.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=12111)
    parser.add_argument("--fd", type=int, help="number of a listening socket that this is started with; no port then")
    parser.add_argument("--state", type=Path, help="file to keep everything in; without it, all is forgotten")
    parser.add_argument("--webhook-url", default="", help="where to deliver events")
    parser.add_argument("--webhook-secret", action="append", help="whsec_...; give it twice while rotating")
    parser.add_argument("--api-key", default="", help="the only key to accept; else any that starts with sk_test_")
    parser.add_argument("--public-url", default="", help="how browsers reach this server, if not by host and port")
    wanted = parser.parse_args()
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    stand_in = StandIn(
        webhook_url=wanted.webhook_url,
        webhook_secret=wanted.webhook_secret or ["whsec_test"],
        api_key=wanted.api_key,
        host=wanted.host,
        port=wanted.port,
        listener=None if wanted.fd is None else socket.socket(fileno=wanted.fd),
        state=wanted.state,
        public_url=wanted.public_url,
    )
    with stand_in:
        print(f"Stand-in for Stripe: {stand_in.url}  (switches: {stand_in.url}/_control/)", flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
