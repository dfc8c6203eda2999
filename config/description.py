"""The description of the API, made once for each release: `python -m config.description` leaves it in described/.

It is the same for everybody, so no request makes it. Its file is named by a fingerprint of the code: where the code is
newer than the file, as on a developer's machine, the first process that is asked makes it again.
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
    """Return a name for what the description is made from: our code, and the libraries that read it."""
    digest = hashlib.sha256("".join(map(version, LIBRARIES)).encode())
    config = ROOT / "config"
    sources = [*config.glob("*.py"), *(config / "reference").glob("*.py"), config / "introduction.md", TEMPLATE]
    for app in ("logistics", "shipments", "donations"):
        sources += (ROOT / app).rglob("*.py")
    for path in sorted(sources):
        digest.update(b"\0" + str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


# Taken while this process loads its code: that of a file which is changed later must not name what is made here.
FINGERPRINT = _fingerprint()
_one_at_a_time = Lock()


@dataclass(frozen=True)
class Body:
    """The bytes of one answer, as plain text or gzip, and the strong ETag of just these bytes."""

    content: bytes
    etag: str

    @classmethod
    def of(cls, content: bytes) -> "Body":
        return cls(content, f'"{hashlib.sha256(content).hexdigest()[:32]}"')


@dataclass(frozen=True)
class Description:
    """The description in one format, for clients that take gzip and for those that do not."""

    gzipped: Body
    plain: Body

    @classmethod
    def of(cls, packed: bytes) -> "Description":
        return cls(Body.of(packed), Body.of(gzip.decompress(packed)))


def path_of(name: str) -> Path:
    """Return where the description of this code lies in one of FORMATS, once it is made."""
    return FOLDER / f"openapi-{FINGERPRINT}.{name}.gz"


def is_made() -> bool:
    return all(path_of(name).exists() for name in FORMATS)


def current(name: str) -> Description:
    """Return the description of this code in one of FORMATS, made now if it was not; "html" is the body of a page."""
    with _one_at_a_time:
        return _read(name)


@cache
def _read(name: str) -> Description:
    if is_made():
        return Description.of(path_of(name).read_bytes())
    with contextlib.suppress(OSError):  # a container cannot write
        _keep(_made())
    return Description.of(_made()[name])


@cache
def _made() -> dict[str, bytes]:
    return {name: gzip.compress(text, mtime=0) for name, text in generate().items()}


def generate() -> dict[str, bytes]:
    """Return, by format, what the code says of itself. Takes seconds: requests ask `current`."""
    # Here, as the settings must be loaded first.
    from django.utils import translation
    from drf_spectacular.generators import SchemaGenerator
    from drf_spectacular.renderers import OpenApiYamlRenderer

    from config.reference import page

    with translation.override("en"):  # one text for all, whoever asks first
        schema = SchemaGenerator().get_schema(request=None, public=True)
        return {
            "json": json.dumps(schema, ensure_ascii=False, separators=(",", ":")).encode(),
            "yaml": OpenApiYamlRenderer().render(schema, renderer_context={}),
            "html": page.render(schema).encode(),
        }


def _keep(packed: dict[str, bytes]) -> None:
    """Write the files, and remove those of older code."""
    FOLDER.mkdir(exist_ok=True)
    for name, data in packed.items():
        unfinished = FOLDER / f"{name}.{os.getpid()}.new"
        unfinished.write_bytes(data)
        unfinished.replace(path_of(name))  # whoever reads it meanwhile sees the old one or the new one
    for path in FOLDER.glob("*.gz"):
        if FINGERPRINT not in path.name:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    import django

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    django.setup()
    _keep(_made())
