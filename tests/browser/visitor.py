"""One visitor with a browser, which records forms, problems and where each form was submitted."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from axe_playwright_python.sync_playwright import Axe
from django.urls import Resolver404, resolve
from playwright.sync_api import ConsoleMessage, Locator, Page, Request, Response

from tests.journeys.story import Place
from tests.processes import Instance, eventually

CHECKOUT = "stand-in: checkout"
# Each page reports its forms (method, URL, button names, actions of an admin list), and whether it is too wide.
TELL = """addEventListener("load", () => tell({
  wide: document.documentElement.scrollWidth > screen.width,
  forms: [...document.forms].map(form => ({
    method: form.method.toUpperCase(),
    action: new URL(form.getAttribute("action") || location.href, location.href).href,
    buttons: [...form.elements].filter(e => e.type === "submit").map(e => e.name),
    acts: [...form.querySelectorAll("select[name=action] option, input[type=hidden][name=action]")]
      .map(chosen => chosen.value).filter(Boolean),
  })),
}))"""


def mail_to(product: Instance, email: str) -> EmailMessage:
    """Return the first mail to an address, once it is there."""
    box = Place("", "", Path(product.env["VAR_DIR"]) / "mail", Path(), "")
    found: list[EmailMessage] = eventually(lambda: box.mails_to(email), what=f"a mail to {email}")
    return found[0]


def text_mailed_to(product: Instance, email: str) -> str:
    """Return the text of the first mail to an address, once it is there."""
    body = mail_to(product, email).get_body(("plain",))
    assert body
    return str(body.get_content())


def name_of(method: str, address: str, fields: dict[str, list[str]]) -> str | None:
    """Return the name of a form submission: its view, and the action if the view has several."""
    path = urlsplit(address).path
    if path.startswith("/c/pay/"):
        return CHECKOUT
    try:
        view = resolve(path).view_name
    except Resolver404:
        return None
    if method == "GET":
        return f"{view} search" if "q" in fields else None
    act = fields.get("action", [""])[0] or ("show" if "show" in fields else "")
    return f"{view} {act}".strip()


@dataclass
class Visitor:
    """A browser page that fails its test if anything went wrong in it."""

    page: Page
    product: Instance
    submitted: set[str] = field(default_factory=set)
    offered: dict[str, str] = field(default_factory=dict)  # form: the page that shows it
    complaints: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.complaints.append(f"script on {self.page.url}: {error}"))
        self.page.on("request", self._request)
        self.page.on("response", self._response)
        self.page.on("requestfailed", self._failed)
        self.page.expose_binding("tell", self._look)
        self.page.add_init_script(TELL)

    def open(self, path: str) -> "Visitor":
        """Go to a page; a path is one of the product's."""
        self.page.goto(self.product.env["PUBLIC_URL"] + path if path.startswith("/") else path)
        return self

    def fill(self, **fields: str) -> "Visitor":
        """Type into fields, by their names in the form."""
        for name, text in fields.items():
            self.page.locator(f"[name={name}]").fill(text)
        return self

    def press(self, button: str | Locator) -> "Visitor":
        """Press a button that leads to another page; it must be visible and enabled, as for a user."""
        found = self.page.get_by_role("button", name=button, exact=True) if isinstance(button, str) else button
        return self._leave(found.click)

    def follow(self, link: str | Locator) -> "Visitor":
        """Follow a link of the page that is open, and wait for the page that it leads to."""
        found = self.page.get_by_role("link", name=link) if isinstance(link, str) else link
        return self._leave(found.click)

    def submit(self, box: Locator) -> "Visitor":
        """Submit a form with the Enter key."""
        return self._leave(lambda: box.press("Enter"))

    def _leave(self, act: Callable[[], None]) -> "Visitor":
        # `act` must not open a page itself: the first page that loads ends the wait.
        with self.page.expect_navigation():
            act()
        return self

    def text(self) -> str:
        """Return the text of the page."""
        return self.page.locator("body").inner_text()

    def faults(self) -> list[str]:
        """Return accessibility problems: axe-core's serious and critical findings."""
        return [
            f"{self.page.url}: {finding['id']}: {[node['html'] for node in finding['nodes']]}"
            for finding in Axe().run(self.page).response["violations"]
            if finding["impact"] in ("serious", "critical")
        ]

    @contextmanager
    def refused(self, status: int) -> Iterator[None]:
        """Within this context, responses of one status are expected."""
        self.expected.add(status)
        yield
        self.page.wait_for_load_state()
        self.expected.discard(status)

    def _look(self, source: dict[str, Any], told: dict[str, Any]) -> None:
        if told["wide"]:
            self.complaints.append(f"wider than the screen: {source['page'].url}")
        for form in told["forms"]:
            for fields in _submissions(form):
                name = name_of(form["method"], form["action"], fields)
                self.offered[name or f"{form['method']} {form['action']}"] = source["page"].url

    def _console(self, message: ConsoleMessage) -> None:
        meant = any(f"status of {status}" in message.text for status in self.expected)
        if message.type in ("error", "warning") and not meant:
            self.complaints.append(f"console on {self.page.url}: {message.text}")

    def _request(self, request: Request) -> None:
        if request.is_navigation_request():
            sent = request.post_data_buffer if request.method == "POST" else urlsplit(request.url).query.encode()
            fields = parse_qs((sent or b"").decode("utf-8", "replace"), keep_blank_values=True)
            name = name_of(request.method, request.url, fields)
            if name and (request.method == "POST" or "search" in name):
                self.submitted.add(name)

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.complaints.append(f"{response.status} on {self.page.url}: {response.request.method} {response.url}")

    def _failed(self, request: Request) -> None:
        # Leaving a page, or a download, aborts its requests.
        if request.failure != "net::ERR_ABORTED":
            self.complaints.append(f"failed on {self.page.url}: {request.url} {request.failure}")


def _submissions(form: dict[str, Any]) -> list[dict[str, list[str]]]:
    """Return the fields that distinguish the actions of one form."""
    if not form["buttons"]:
        return []
    if form["method"] == "GET":
        return [{"q": [""]}]
    if form["acts"]:
        return [{"action": [act]} for act in form["acts"]]
    return [{name: [""]} if name == "show" else {} for name in dict.fromkeys(form["buttons"])]
