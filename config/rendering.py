"""Answers as JSON."""

from collections.abc import Iterator, Mapping

import orjson
from rest_framework.renderers import JSONRenderer as DRFJSONRenderer
from rest_framework.utils.encoders import JSONEncoder

OPTIONS = orjson.OPT_UTC_Z | orjson.OPT_PASSTHROUGH_DATACLASS
_encode = JSONEncoder().default  # ids, decimals, times and lazy texts, as DRF writes them


class JSONRenderer(DRFJSONRenderer):
    """The same bytes as DRF's renderer, written by orjson where it can."""

    def render(
        self, data: object, accepted_media_type: str | None = None, renderer_context: Mapping[str, object] | None = None
    ) -> bytes:
        if data is not None and not self.get_indent(accepted_media_type or "", renderer_context or {}):
            try:
                return _escaped(orjson.dumps(data, default=_default, option=OPTIONS))
            except TypeError:  # what orjson refuses: numbers above 64 bits, names that are no texts, ...
                pass
        return bytes(super().render(data, accepted_media_type, renderer_context))


def _default(value: object) -> object:
    """Return a value that orjson knows. An iterator is refused, because a second attempt would find it empty."""
    if isinstance(value, Iterator):
        raise TypeError
    return _encode(value)


def _escaped(written: bytes) -> bytes:
    """Escape the two line separators that JavaScript once did not allow in texts, as DRF does."""
    return written.replace("\u2028".encode(), rb"\u2028").replace("\u2029".encode(), rb"\u2029")
