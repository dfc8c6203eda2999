"""What tests of card testing do: give from an address, reach a limit, have a card declined."""

from typing import Any

from tests.donations.giving import DECLINED, Giving, body_of_gift

URL = "/api/v1/donations/"
ELSEWHERE = {"X-Forwarded-For": "203.0.113.9"}


def post(giving: Giving, address: str = "192.0.2.1", **changes: Any) -> Any:
    return giving.post(URL, body_of_gift(**changes), **{"X-Forwarded-For": address})


def donor(email: str) -> dict[str, str]:
    return body_of_gift()["donor"] | {"email": email}


def challenge_of(answer: Any, *methods: str) -> Any:
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (403, "challenge_required"), problem
    assert problem["methods"] == list(methods or ("proof", "mail"))
    return problem["challenge"]


def reach_limit(giving: Giving, address: str = "192.0.2.1") -> Any:
    """Give as often as one address may, and return the challenge that comes next."""
    for _ in range(3):
        assert post(giving, address).status_code == 201
    return challenge_of(post(giving, address))


def decline(giving: Giving, gift: dict[str, Any], times: int = 1) -> None:
    for _ in range(times):
        assert giving.type_card(gift["checkout_url"], DECLINED).status_code == 402
    giving.deliver()
    giving.work()
