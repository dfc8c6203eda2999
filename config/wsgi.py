"""The WSGI application. A chunked body (`Transfer-Encoding: chunked`) is read whole before Django sees it."""

import os
from collections.abc import Iterable
from tempfile import SpooledTemporaryFile
from wsgiref.types import StartResponse, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

django = get_wsgi_application()
IN_MEMORY_BYTES, READ_BYTES = 1_000_000, 65_536


def application(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    """Answer one request."""
    is_chunked = "chunked" in environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    if is_chunked and environ.get("wsgi.input_terminated") and not environ.get("CONTENT_LENGTH"):
        _read_whole(environ)
    return django(environ, start_response)


def _read_whole(environ: WSGIEnvironment) -> None:
    """Read a chunked body and set its length: Django takes a body without a length as empty.

    Reading stops just above the largest body that any endpoint accepts: the request is then refused as too large.
    """
    from config.middleware import BODY_MAX_BYTES

    body = SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  closed with the request
    length = 0
    while length <= BODY_MAX_BYTES and (chunk := environ["wsgi.input"].read(READ_BYTES)):
        body.write(chunk)
        length += len(chunk)
    body.seek(0)
    environ["wsgi.input"], environ["CONTENT_LENGTH"] = body, str(length)
