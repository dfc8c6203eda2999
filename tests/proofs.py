"""Solve challenges as a browser does, with ALTCHA's own solver."""

from typing import Any

import altcha


def solution_of(challenge: dict[str, Any]) -> str:
    """Return the solution of a challenge, as the API and the form take it."""
    parsed = altcha.Challenge.from_dict(challenge)
    solved = altcha.solve_challenge(parsed)
    assert solved is not None
    return altcha.Payload(parsed, solved).to_base64()
