"""The OpenAPI description is a file of the release: requests read it, compressed, and never generate it."""

import gzip
import json
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from config import description, docs
from tests.local.images import built_from
from tests.sources import ROOT

pytestmark = [pytest.mark.django_db, pytest.mark.openapi]
JSON = "/api/v1/schema/?format=json"
GZIP = {"Accept-Encoding": "gzip, deflate"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Use the test's own folder for the files, and reset the process's cache."""
    monkeypatch.setattr(description, "FOLDER", tmp_path / "described")
    forget()
    yield tmp_path / "described"
    forget()


def forget() -> None:
    """Reset the cache to that of a process that has just started."""
    description._read.cache_clear()
    description._made.cache_clear()
    docs._page.cache_clear()


@pytest.fixture
def released(folder: Path):
    """A release whose files differ from what the code would generate."""
    folder.mkdir()
    for name in description.FORMATS:
        description.path_of(name).write_bytes(gzip.compress(f'{{"made": "before, as {name}"}}'.encode()))
    return folder


def test_requests_serve_the_file_and_generate_nothing(released: Path):
    first, second = (Client().get(JSON, headers=GZIP) for _ in range(2))

    assert first.status_code == second.status_code == 200
    assert json.loads(gzip.decompress(first.content)) == {"made": "before, as json"}
    assert second.content == first.content == description.path_of("json").read_bytes()


def test_it_is_yaml_unless_json_is_requested(released: Path):
    as_yaml = Client().get("/api/v1/schema/")
    as_json = Client().get("/api/v1/schema/", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert (as_yaml.content, as_json.content) == (b'{"made": "before, as yaml"}', b'{"made": "before, as json"}')
    assert as_yaml["Content-Type"] == "application/vnd.oai.openapi; charset=utf-8"
    assert as_json["Content-Type"] == "application/vnd.oai.openapi+json; charset=utf-8"


def test_it_is_cacheable_and_revalidated(released: Path):
    packed, plain = Client().get(JSON, headers=GZIP), Client().get(JSON)
    again = Client().get(JSON, headers=GZIP | {"If-None-Match": packed["ETag"]})
    other = Client().get(JSON, headers={"If-None-Match": packed["ETag"]})

    assert (packed["Content-Encoding"], "Content-Encoding" in plain) == ("gzip", False)
    assert gzip.decompress(packed.content) == plain.content
    assert packed["ETag"] != plain["ETag"]
    assert {"Accept", "Accept-Encoding"} <= {name.strip() for name in packed["Vary"].split(",")}
    assert packed["Cache-Control"] == "public, no-cache"
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", packed["ETag"])
    assert "Accept-Encoding" in again["Vary"]
    assert other.status_code == 200


def test_if_the_code_is_newer_it_is_generated_once_for_all_processes(folder: Path):
    folder.mkdir()
    older = folder / "openapi-0123456789abcdef.json.gz"
    older.write_bytes(b"")

    answer = Client().get(JSON, headers=GZIP)

    assert json.loads(gzip.decompress(answer.content))["info"]["title"] == "Relief API"
    assert description.is_made()
    assert answer.content == description.path_of("json").read_bytes()
    assert not older.exists()


def test_it_is_served_from_a_read_only_file_system(folder: Path):
    folder.write_text("a file, so no folder can be made here")

    assert Client().get(JSON).json()["openapi"].startswith("3.1")


def test_the_served_description_matches_the_code_for_every_user():
    served = {name: description.current(name).plain.content for name in description.FORMATS}

    with translation.override("fr"):
        assert served == description.generate()
    assert Client().get(JSON, headers={"Accept-Language": "fr"})["Content-Language"] == "en"


def test_an_image_contains_it_and_its_sources():
    commands = (ROOT / "Dockerfile").read_text()

    assert commands.index("python -m config.description") < commands.index("rm -rf config/local")
    assert built_from("config/introduction.md")
    assert not built_from("config/described/openapi-0123456789abcdef.json.gz")
    assert not built_from("README.md")


def test_the_page_is_a_file_too_and_needs_no_script(released: Path):
    page = Client().get("/api/v1/docs/", headers=GZIP)
    again = Client().get("/api/v1/docs/", headers=GZIP | {"If-None-Match": page["ETag"]})

    text = gzip.decompress(page.content).decode()
    assert '{"made": "before, as html"}' in text
    assert "<script" not in text
    assert "'unsafe-inline'" not in page["Content-Security-Policy"]
    assert (page["Content-Encoding"], page["Content-Type"]) == ("gzip", "text/html; charset=utf-8")
    assert (again.status_code, again.content) == (304, b"")
