"""A stand-in for Stripe, API version 2026-08-26.dahlia, for development, demonstration and tests.

A real HTTP server: form-encoded requests, idempotency keys, expansions, lists, errors, signed webhooks, and
the hosted page on which a person pays with a test card. Switches simulate the faults of the real one.
It imports nothing from the product, so that each checks the other; production code never imports it.

    python -m tests.stand_in --port 12111 --state var/stripe-stand-in.json \
        --webhook-url http://127.0.0.1:8000/... --webhook-secret whsec_...

or, in a test, `with StandIn(webhook_url=..., webhook_secret=...) as stripe: ...`
"""

from tests.stand_in.server import StandIn

__all__ = ["StandIn"]
