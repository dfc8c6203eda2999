"""The HTML API reference contains everything in the schema, once, and has no dead links."""

import json
import re
from html.parser import HTMLParser

import pytest

from config import description
from config.reference import markdown

pytestmark = pytest.mark.openapi

METHODS = ("get", "post", "put", "patch", "delete")


class Page(HTMLParser):
    """Collect the anchors, links and text of a page, and check that tags are closed."""

    EMPTY = ("meta", "link", "br", "hr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        self.ids += [told["id"] or ""] if "id" in told else []
        self.links += [told["href"] or ""] if tag == "a" else []
        self.open += [] if tag in self.EMPTY else [tag]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += "" if "pre" in self.open else data  # examples show what programs read


@pytest.fixture(scope="module")
def schema():
    return json.loads(description.current("json").plain.content)


@pytest.fixture(scope="module")
def page():
    return Page(description.current("html").plain.content.decode())


def test_every_operation_schema_and_error_has_an_anchor(schema, page):
    operations = [methods[name] for methods in schema["paths"].values() for name in METHODS if name in methods]
    expected = {one["operationId"] for one in operations}
    expected |= {f"shape-{name}" for name in schema["components"]["schemas"]}
    expected |= {f"error-{name}" for name in schema["components"]["responses"]}

    assert expected <= set(page.ids)
    assert len(set(page.ids)) == len(page.ids)
    assert [one["summary"] for one in operations if one["summary"] not in page.text] == []


def test_every_internal_link_has_a_target(page):
    inside = [link.removeprefix("#") for link in page.links if link.startswith("#")]

    assert len(inside) > 500
    assert sorted(set(inside) - set(page.ids)) == []


def test_it_is_well_formed_and_shows_no_raw_markdown(page):
    assert page.open == []
    assert re.findall(r"\*\*\w|`\w|\]\(", page.text) == []


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("<b>&", "<p>&lt;b&gt;&amp;</p>"),
        ("# One\n## Two", "<h3>One</h3>\n<h4>Two</h4>"),
        ("```json\n{<}\n```", '<pre tabindex="0">{&lt;}</pre>'),
    ],
)
def test_markdown_is_rendered(text: str, html: str):
    assert markdown.html(text, top=3).strip() == html


def test_table_headers_have_a_scope():
    assert '<th scope="col">a</th>' in markdown.html("| a | b |\n|---|---|\n| c | d |")
