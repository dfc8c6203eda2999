"""The users of the story, who reach the product over HTTP, as a browser or a program would."""

import re
import uuid
from typing import Any

import requests


class Refused(AssertionError):
    """A response that the story did not expect."""


def checked(response: requests.Response, *expected: int) -> requests.Response:
    if response.status_code not in expected:
        raise Refused(f"{response.request.method} {response.url}: {response.status_code} {response.text[:800]}")
    return response


class Person:
    """A user with a browser: keeps cookies, fills in forms, and may call the API as the pages would."""

    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self.http = requests.Session()
        self.http.headers["Accept"] = "application/json"

    def url(self, path: str) -> str:
        return path if path.startswith("http") else f"{self.base_url}{path}"

    def get(self, path: str, *, status: int = 200, **parameters: Any) -> Any:
        response = checked(self.http.get(self.url(path), params=parameters, timeout=30), status)
        return response.json() if "json" in response.headers["Content-Type"] else response.content

    def answer(self, path: str, **parameters: Any) -> requests.Response:
        """Return the whole response, whatever its status."""
        return self.http.get(self.url(path), params=parameters, timeout=30)

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        status: tuple[int, ...] = (200, 201, 202),
        key: str | None = None,
        headers: dict[str, str] | None = None,
        files: Any = None,
        data: Any = None,
    ) -> requests.Response:
        sent = {"Idempotency-Key": key or str(uuid.uuid4()), **(headers or {})}
        if token := self.http.cookies.get("csrftoken"):
            sent |= {"X-CSRFToken": token, "Referer": self.base_url}
        response = self.http.request(
            method, self.url(path), json=body, data=data, files=files, headers=sent, timeout=60
        )
        return checked(response, *status)

    def post(self, path: str, body: Any = None, **options: Any) -> Any:
        return self.send("POST", path, body, **options).json()


class Staff(Person):
    """Signs in on the admin's page, as staff do."""

    def __init__(self, base_url: str, email: str, password: str) -> None:
        super().__init__(base_url)
        page = self.http.get(self.url("/admin/login/"), headers={"Accept": "text/html"}, timeout=30)
        form = {
            "username": email,
            "password": password,
            "csrfmiddlewaretoken": hidden(page.text, "csrfmiddlewaretoken"),
        }
        landed = self.http.post(page.url, data=form, headers={"Referer": page.url, "Accept": "text/html"}, timeout=30)
        if "sessionid" not in self.http.cookies:
            raise Refused(f"{email} could not sign in: {landed.status_code}")


class Program(Person):
    """A partner's phone or script, with only an API key."""

    def __init__(self, base_url: str, key: str) -> None:
        super().__init__(base_url)
        self.http.headers["Authorization"] = f"Bearer {key}"


class Donor(Person):
    """Pays on the checkout page with a card."""

    def pay(self, checkout_url: str, card: str) -> requests.Response:
        """Fill in the checkout's form, follow the redirects, and return the final page."""
        page = checked(self.http.get(checkout_url, headers={"Accept": "text/html"}, timeout=30), 200)
        action = re.search(r'<form[^>]*action="([^"]*)"', page.text)
        form = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page.text))
        form |= {
            "card_number": card,
            "number": card,
            "exp": "12 / 34",
            "expiry": "12/34",
            "cvc": "123",
            "name": "A Donor",
        }
        target = requests.compat.urljoin(page.url, action[1] if action and action[1] else page.url)
        return self.http.post(target, data=form, headers={"Accept": "text/html", "Referer": page.url}, timeout=30)


def hidden(html: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', html) or re.search(
        rf'value="([^"]*)"[^>]*name="{name}"', html
    )
    if not found:
        raise Refused(f"the page has no field {name}")
    return found[1]
