"""The product as real processes with Chromium: one product per run, one browser per test file.

A test names the forms that it submits (`@submits("gift-pay")`) and fails unless the browser did submit them; that no
form is forgotten is the business of test_every_form.py.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from config.local import setup
from tests.browser.claims import claimed
from tests.browser.giving import WORDS
from tests.browser.member import PASSWORD, log_in
from tests.browser.visitor import Visitor
from tests.journeys.people import Program
from tests.processes import Instance

# In one process: a command for each would take a second of a core each.
MAKE_ROOT_AND_KEYS = """
import json, os
from datetime import timedelta
from django.utils import timezone
from logistics.people import services
from logistics.people.models import User
User.objects.create_superuser("root@example.org", os.environ["DEMO_PASSWORD"], name="Ruth Root")
valid, at = timedelta(days=1), timezone.now()
users = {role: User.objects.get(email=f"{role}@example.org") for role in ("finance", "warehouse")}
keys = {role: services.make_key(user, name="tests", valid=valid, by=None, at=at) for role, user in users.items()}
print(json.dumps({role: key.text for role, key in keys.items()}))
"""
WIDTHS: dict[str, dict[str, Any]] = {
    "phone": {"viewport": {"width": 390, "height": 844}, "is_mobile": True, "has_touch": True},
    "desktop": {"viewport": {"width": 1366, "height": 900}},
}
# The browser makes no requests outside this machine, whatever a page loads.
QUIET = [
    *("--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
]
LIMITS = {
    "RATE_GIVE": "10000/hour",
    "RATE_ANONYMOUS": "10000/min",
    "GIVE_PER_ADDRESS": "1000",
    "GIVE_PER_EMAIL": "1000",
    "RECENT_SIGN_IN_MINUTES": "600",
    "GIVE_DECLINES": "500",
    "STATIC_MAX_AGE": "3600",  # as in production, where a browser requests each file once
}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "submits(*forms): the forms that a test submits in a browser")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """One browser per file, not per session: while Playwright runs, Django refuses database access in its thread."""
    program = setup.browser()
    if program is None:
        pytest.fail(f"There is no Chromium to submit forms in. Install it:\n{setup.how_to_install(['chromium'])}")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=QUIET)
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """The whole product with the demonstration data, a superuser, and keys of programs (`programs`)."""
    folder = tmp_path_factory.mktemp("product")
    with Instance.started(folder, "web", "worker", "relay", "stripe", settings=LIMITS) as started:
        started.env |= {"DEMO_PASSWORD": PASSWORD}
        started.manage("demonstrate")
        started.env["KEYS"] = started.manage("shell", "-v", "0", "-c", MAKE_ROOT_AND_KEYS)
        yield started


@pytest.fixture(scope="package")
def programs(product: Instance) -> dict[str, Program]:
    """API clients by their role, "finance" and "warehouse", which create a test's initial data."""
    return {role: Program(product.env["PUBLIC_URL"], key) for role, key in json.loads(product.env["KEYS"]).items()}


@pytest.fixture(params=["phone", pytest.param("desktop", marks=pytest.mark.long)])
def width(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def visitors(request: pytest.FixtureRequest) -> Iterator[list[Visitor]]:
    """Collect all visitors of this test, and check each of them afterwards."""
    opened: list[Visitor] = []
    yield opened
    for visitor in opened:
        visitor.page.close()
    hold_to(opened, {form for mark in request.node.iter_markers("submits") for form in mark.args})


@pytest.fixture
def visit(
    chromium: Browser, product: Instance, width: str, visitors: list[Visitor]
) -> Iterator[Callable[..., Visitor]]:
    """Open a fresh browser for a new visitor."""
    with ExitStack() as stack:

        def visit(**options: Any) -> Visitor:
            context = new_context(chromium, width, **options)
            stack.callback(context.close)
            visitors.append(Visitor(context.new_page(), product))
            return visitors[-1]

        yield visit


def new_context(chromium: Browser, width: str, **options: Any) -> BrowserContext:
    context = chromium.new_context(**WIDTHS[width], **{"locale": "en-GB"} | options)
    context.set_default_timeout(15_000)
    return context


def hold_to(visitors: list[Visitor], claims: set[str]) -> None:
    """Fail if a browser reported a problem, a claimed form was not submitted, or no test submits a seen form."""
    complaints = [complaint for visitor in visitors for complaint in visitor.complaints]
    assert not complaints, "\n".join(complaints)
    missed = claims.difference(*(visitor.submitted for visitor in visitors))
    assert not missed, f"the test says that it submits {missed}, and did not"
    offered = {form: page for visitor in visitors for form, page in visitor.offered.items()}
    forgotten = {form: page for form, page in offered.items() if form not in claimed()}
    assert not forgotten, f"no test submits these forms: {forgotten}"


@pytest.fixture
def visitor(visit: Callable[..., Visitor]) -> Visitor:
    """A visitor who is not signed in."""
    return visit()


@pytest.fixture(scope="module")
def _desks(chromium: Browser) -> dict[tuple[str, str], BrowserContext]:
    """The signed-in browsers, by role and width; they keep their caches."""
    return {}


@pytest.fixture
def staff(
    chromium: Browser,
    product: Instance,
    width: str,
    visitors: list[Visitor],
    _desks: dict[tuple[str, str], BrowserContext],
) -> Callable[[str], Visitor]:
    """Return a page of a browser in which a member of staff, or root, is already signed in."""

    def sign_in(role: str) -> Visitor:
        new = (role, width) not in _desks
        if new:
            _desks[role, width] = new_context(chromium, width)
        member = Visitor(_desks[role, width].new_page(), product)
        visitors.append(member)
        if new:
            log_in(member, f"{role}@example.org", PASSWORD)
        return member

    return sign_in


@pytest.fixture
def language(width: str) -> str:
    """Each page is opened at both widths and in both languages; not every combination."""
    return {"phone": "fr", "desktop": "en"}[width]


@pytest.fixture
def donor(visit: Callable[..., Visitor], language: str) -> Visitor:
    """A visitor whose browser requests one language."""
    return visit(locale=language)


@pytest.fixture
def words(language: str) -> dict[str, str]:
    return WORDS[language]


@pytest.fixture
def email() -> str:
    """Return an email address that no other test uses."""
    return f"donor-{uuid4().hex[:8]}@example.org"
