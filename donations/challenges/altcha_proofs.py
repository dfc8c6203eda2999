"""Proofs of work in the protocol of ALTCHA, version 2: made and checked here, by no third party.

The browser derives keys with PBKDF2 until one begins as asked. We draw the counter that it must find, so that the work
varies little, and sign the key, so that checking costs one HMAC.
"""

import hashlib
import secrets
from datetime import datetime
from typing import Final, cast
from uuid import UUID

import altcha
from django.conf import settings

ALGORITHM: Final = "PBKDF2/SHA-256"
STEPS: Final = (500, 1500)  # a thousand on average
LEVEL_MAX: Final = 4
LENGTH_MAX: Final = 4000  # of a solution


def _secret(of: str) -> str:
    return hashlib.sha256(f"donations.challenges {of} {settings.SECRET_KEY}".encode()).hexdigest()


def create(challenge_id: UUID, *, level: int, expires_at: datetime) -> dict[str, object]:
    """Return a challenge in ALTCHA's JSON; each level, up to LEVEL_MAX, doubles the work."""
    least, most = STEPS
    made = altcha.create_challenge(
        algorithm=ALGORITHM,
        cost=settings.GIVE_CHALLENGE_ROUNDS * 2 ** min(level, LEVEL_MAX),
        counter=least + secrets.randbelow(most - least),
        expires_at=expires_at,
        data={"id": challenge_id.hex},
        hmac_secret=_secret("challenge"),
        hmac_key_secret=_secret("key"),
    )
    return cast(dict[str, object], made.to_dict())


def solved(solution: str) -> UUID | None:
    """Return the id of the challenge that this solves; None if it is wrong, expired or not one of ours."""
    if not solution or len(solution) > LENGTH_MAX:
        return None
    outcome = altcha.verify_solution(solution, _secret("challenge"), hmac_key_secret=_secret("key"))
    if not outcome.verified:
        return None
    data = altcha.Payload.from_base64(solution).challenge.parameters.data or {}
    return UUID(data["id"])  # as we signed it
