"""Guessing of passwords, API keys and secret links from many addresses: `python -m tests.attacks guessing`."""

import random
import re
import secrets
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import requests

from tests.attacks._product import addresses, attacked
from tests.journeys.people import Person, hidden
from tests.journeys.place import PASSWORD, STAFF
from tests.journeys.story import Place

CHECKED_MAX = 300 + 6  # config.guessing: passwords checked in ten minutes, and those under way at the limit
SECRETS = (
    *("/gifts/{}/", "/gifts/{}/receipt/", "/api/v1/gifts/{}/", "/api/v1/gifts/{}/receipt/"),
    *("/my-gifts/in/{}/", "/p/{}/", "/verify/{}/"),
)


def run(passwords: int = 900, keys: int = 2000, links: int = 2000, networks: int = 50) -> dict[str, int]:
    """Attack from this many addresses, and return the figures."""
    with attacked("web") as (product, place):
        owner = Person(place.base_url)
        owner.http.headers["X-Forwarded-For"] = "203.0.113.9"
        assert sign_in(owner, "finance@example.org", PASSWORD) == 302
        key = product.manage("make_key", "warehouse@example.org", "--name", "packing").strip()
        figures = {
            **flood(place, passwords, addresses(networks)),
            **guess_keys(place, keys, addresses(networks)),
            **guess_links(place, links, addresses(networks)),
        }
        again = Person(place.base_url)
        again.http.headers["X-Forwarded-For"] = "203.0.113.9"
        right = {"Authorization": f"Bearer {key}", "X-Forwarded-For": addresses(1)[0]}
        listed = requests.get(f"{place.base_url}/api/v1/shipments/", headers=right, timeout=60)
        return figures | {
            "owners who could sign in after the flood": int(sign_in(again, "finance@example.org", PASSWORD) == 302),
            "right keys that worked from an attacker's address": int(listed.status_code == 200),
        }


def holds(figures: dict[str, int]) -> bool:
    opened = [count for name, count in figures.items() if name.endswith("guessed") or name.endswith("server errors")]
    return (
        not any(opened)
        and figures["passwords checked"] <= CHECKED_MAX
        and figures["owners who could sign in after the flood"] == 1
        and figures["right keys that worked from an attacker's address"] == 1
    )


def sign_in(person: Person, email: str, password: str) -> int:
    """Return the status of the answer: 302 if signed in, 200 for the form again."""
    page = person.http.get(person.url("/admin/login/"), timeout=60)
    form = {
        "username": email,
        "password": password,
        "csrfmiddlewaretoken": hidden(page.text, "csrfmiddlewaretoken"),
    }
    return person.http.post(page.url, data=form, allow_redirects=False, timeout=60).status_code


def flood(place: Place, tries: int, networks: list[str]) -> dict[str, int]:
    """Try common passwords of all staff and of names that do not exist, each time from another address."""
    names = [f"{role}@example.org" for role in STAFF] + [f"person{number}@example.org" for number in range(200)]
    people = []
    for network in networks:
        people.append(Person(place.base_url))
        people[-1].http.headers["X-Forwarded-For"] = network
        people[-1].http.get(f"{place.base_url}/admin/login/", timeout=60)

    def attempt(number: int) -> int:
        person = people[number % len(people)]
        form = {
            "username": random.choice(names),
            "password": f"Summer{number}!",
            "csrfmiddlewaretoken": person.http.cookies["csrftoken"],
        }
        return person.http.post(
            f"{place.base_url}/admin/login/", data=form, allow_redirects=False, timeout=120
        ).status_code

    answers = in_parallel(attempt, tries)
    return {
        "passwords tried": tries,
        "passwords checked": answers[200],
        "passwords guessed": answers[302],
        "passwords: connections closed": answers[0],
        "passwords: server errors": errors_in(answers),
    }


def guess_keys(place: Place, tries: int, networks: list[str]) -> dict[str, int]:
    def attempt(number: int) -> int:
        headers = {
            "Authorization": f"Bearer {secrets.token_hex(6)}.{secrets.token_urlsafe(32)}",
            "X-Forwarded-For": networks[number % len(networks)],
        }
        return requests.get(f"{place.base_url}/api/v1/shipments/", headers=headers, timeout=60).status_code

    answers = in_parallel(attempt, tries)
    return {"keys tried": tries, "keys guessed": answers[200], "keys: server errors": errors_in(answers)}


def guess_links(place: Place, tries: int, networks: list[str]) -> dict[str, int]:
    def attempt(number: int) -> int:
        path = SECRETS[number % len(SECRETS)].format(secrets.token_urlsafe(32))
        headers = {"X-Forwarded-For": networks[number % len(networks)]}
        answer = requests.get(place.base_url + path, headers=headers, allow_redirects=False, timeout=60)
        # The pages of sign-in links and of verification answer a wrong one in words, with 200.
        opened = answer.status_code == 200 and not re.search(NOT_OPENED, answer.text)
        return 200 if opened else max(answer.status_code, 299)

    answers = in_parallel(attempt, tries)
    return {"links tried": tries, "links guessed": answers[200], "links: server errors": errors_in(answers)}


NOT_OPENED = r"This link no longer works|not one of ours|no such|unknown"


def in_parallel(attempt: Callable[[int], int], tries: int) -> Counter[int]:
    """Count the answers by status; 0: the connection was closed, as a busy server may."""

    def answered(number: int) -> int:
        try:
            return attempt(number)
        except requests.ConnectionError:
            return 0

    with ThreadPoolExecutor(6) as pool:
        return Counter(pool.map(answered, range(tries)))


def errors_in(answers: Counter[int]) -> int:
    return sum(count for status, count in answers.items() if status >= 500)
