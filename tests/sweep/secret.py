"""Texts that must not leave the place where they belong, and the forms in which bytes may hold them."""

import base64
import hashlib
import html
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TypeAlias
from urllib.parse import quote

from tests.sweep.unpacking import views

Unpack: TypeAlias = Callable[[bytes], Iterable[bytes]]


@dataclass(frozen=True)
class Secret:
    """A text, and the places that may show it: patterns of their names."""

    name: str
    text: str
    may_be_in: tuple[str, ...] = ()
    is_control: bool = False  # planted on purpose: the sweep must find it in a place of each pattern

    def __post_init__(self) -> None:
        if len(self.text) < 8:
            raise ValueError(f"{self.name}: {len(self.text)} characters are found everywhere.")

    @cached_property
    def forms(self) -> frozenset[bytes]:
        return frozenset(form.lower() for form in forms_of(self.text))

    def belongs_in(self, place: str) -> bool:
        return any(re.search(pattern, place) for pattern in self.may_be_in)


def forms_of(text: str) -> Iterator[bytes]:
    """Yield the text as bytes: plain, escaped, in hexadecimal, in base64 at each offset, and URL-encoded."""
    for escaped in {text, html.escape(text), json.dumps(text)[1:-1], quote(text, safe=""), re.sub(r"\s", "", text)}:
        yield escaped.encode()
    for encoding in ("utf-8", "utf-16-le", "utf-16-be"):
        raw = text.encode(encoding)
        yield from (raw, raw.hex().encode())
    raw = text.encode()
    yield "".join(f"%{byte:02x}" for byte in raw).encode()
    for offset in range(3):
        yield from base64_within(raw, offset)


def base64_within(raw: bytes, offset: int) -> Iterator[bytes]:
    """Yield the base64 characters that depend on `raw` alone, when `offset` (0 to 2) other bytes come before it."""
    whole = base64.b64encode(b"\0" * offset + raw)
    inner = whole[-(-offset * 8 // 6) : (offset + len(raw)) * 8 // 6]
    yield from {inner, inner.translate(bytes.maketrans(b"+/", b"-_"))}


@dataclass
class Finder:
    """Looks for secrets in bytes, and remembers what it saw where."""

    secrets: list[Secret]
    hits: dict[str, set[str]] = field(default_factory=dict)  # by the secret's name: places
    seen: Counter[str] = field(default_factory=Counter)  # things by kind of place
    size: int = 0  # bytes, packed and unpacked
    known: dict[bytes, set[str]] = field(default_factory=dict)  # what was found in these bytes before, by their hash

    def look(self, place: str, data: bytes, *, carried: str = "", unpack: Unpack = views) -> None:
        """Search one thing. A secret that the request itself `carried` is no news to its sender."""
        self.seen[place.partition(" ")[0]] += 1
        digest = hashlib.sha256(data).digest()
        if digest not in self.known:
            self.known[digest] = {name for view in unpack(data) for name in self._found(view)}
        for secret in self.secrets:
            if secret.name in self.known[digest] and not (carried and secret.text in carried):
                self.hits.setdefault(secret.name, set()).add(place)

    def _found(self, view: bytes) -> Iterator[str]:
        self.size += len(view)
        low = view.lower()
        # Line breaks wrap base64 and printed text, but not pages.
        flat = b"" if b"<html" in low else re.sub(rb"\s+", b"", low)
        for secret in self.secrets:
            if any(form in low or form in flat for form in secret.forms):
                yield secret.name

    def leaks(self) -> list[str]:
        """Return "secret: place" for each place that must not show it."""
        return sorted(
            f"{secret.name}: {place}"
            for secret in self.secrets
            if not secret.is_control
            for place in self.hits.get(secret.name, ())
            if not secret.belongs_in(place)
        )

    def missed(self) -> list[str]:
        """Return the controls that were not found where they were planted; with one of them, the sweep is blind."""
        return [
            f"{secret.name}: not found in {pattern}"
            for secret in self.secrets
            if secret.is_control
            for pattern in secret.may_be_in
            if not any(re.search(pattern, place) for place in self.hits.get(secret.name, ()))
        ]
