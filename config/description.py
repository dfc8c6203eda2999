"""The API description, generated once per release: `python -m config.description` writes it to described/.

It is the same for every caller, so it is not generated per request. File names hold a fingerprint of the code. If the
code is newer than the files, as on a developer's machine, the first process that needs the description generates it.
"""

import contextlib
import gzip
import hashlib
import json
import os
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from threading import Lock

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "config" / "described"
TEMPLATE = ROOT / "logistics" / "templates" / "pages" / "api_reference.html"
FORMATS = ("json", "yaml", "html")
LIBRARIES = ("django", "djangorestframework", "django-filter", "drf-spectacular")


def _fingerprint() -> str:
    """Return a hash of what the description is generated from: our code, and the libraries that read it."""
    digest = hashlib.sha256("".join(map(version, LIBRARIES)).encode())
    config = ROOT / "config"
    sources = [*config.glob("*.py"), *(config / "reference").glob("*.py"), config / "introduction.md", TEMPLATE]
    for app in ("logistics", "shipments", "donations"):
        sources += (ROOT / app).rglob("*.py")
    for path in sorted(sources):
        digest.update(b"\0" + str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


# Computed at import, with the code: a file changed later must not change the name of what this process generates.
FINGERPRINT = _fingerprint()
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Body:
    """The bytes of one response, plain or gzipped, and their strong ETag."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> "Body":
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@dataclass(frozen=True)
class Description:
    """The description in one format, for clients that accept gzip and for those that do not."""

    gzipped: Body
    plain: Body

    @classmethod
    def of(cls, packed: bytes) -> "Description":
        return cls(Body.of(packed), Body.of(gzip.decompress(packed)))


def path_of(name: str) -> Path:
    """Return the path of this code's description in one of FORMATS; it may not exist yet."""
    return FOLDER / f"openapi-{FINGERPRINT}.{name}.gz"


def is_made() -> bool:
    return all(path_of(name).exists() for name in FORMATS)


def current(name: str) -> Description:
    """Return this code's description in one of FORMATS, generating it if needed; "html" is the body of a page."""
    with _one_at_a_time:
        return _read(name)


@cache
def _read(name: str) -> Description:
    if is_made():
        return Description.of(path_of(name).read_bytes())
    with contextlib.suppress(OSError):  # a container's file system is read-only
        _keep(_made())
    return Description.of(_made()[name])


@cache
def _made() -> dict[str, bytes]:
    return {name: gzip.compress(text, mtime=0) for name, text in generate().items()}


def generate() -> dict[str, bytes]:
    """Generate the description in each format. Takes seconds: requests use `current`."""
    # Imported here, as the settings must be loaded first.
    from django.utils import translation
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiYamlRenderer

    from config.reference import page

    with translation.override("en"):  # the same text, whatever the first caller's language
        schema = SchemaGenerator().get_schema(request=None, public=True)
        return {
            "json": json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode(),
            "yaml": OpenApiYamlRenderer().render(schema, renderer_context={}),
            "html": page.render(schema).encode(),
        }


def _keep(packed: dict[str, bytes]) -> None:
    """Write the files and remove those of older code."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in packed.items():
        unfinished = FOLDER / f"{name}.{os.getpid()}.new"
        unfinished.write_bytes(data)
        unfinished.replace(path_of(name))  # atomic: readers see the old file or the new one
    for path in FOLDER.glob("*.gz"):
        if FINGERPRINT not in path.name:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    _keep(_made())
