"""Requests as a web server makes them: the test client itself costs as much as an empty request."""

import json
from collections.abc import Callable, Iterator, Mapping
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.core.serializers.json import DjangoJSONEncoder
from django.core.signals import request_finished, request_started
from django.db import close_old_connections
from django.test import RequestFactory


@pytest.fixture
def signals_of_requests() -> Iterator[None]:
    """Give requests their signals back, of which `bare` takes one away."""
    yield
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


def bare(url: str, *, body: Mapping[str, object] | None = None, **meta: str) -> Callable[[], bytes]:
    """Return a request, through the WSGI application; with a body, a new write. `meta`: HTTP_AUTHORIZATION and such."""
    application = WSGIHandler()
    written = json.dumps(body, cls=DjangoJSONEncoder).encode()

    def begin(*_: object) -> Any:
        """Take the status and the headers."""

    def ask() -> bytes:
        for signal in (request_started, request_finished):  # they would close the connection of this transaction
            signal.disconnect(close_old_connections)
        environ: dict[str, Any] = dict(RequestFactory().get(url, **meta).META)  # type: ignore[arg-type]
        if body is not None:
            environ |= {
                "REQUEST_METHOD": "POST",
                "CONTENT_TYPE": "application/json",
                "CONTENT_LENGTH": str(len(written)),
                "HTTP_IDEMPOTENCY_KEY": str(uuid4()),
                "wsgi.input": BytesIO(written),
            }
        answer: Any = application(environ, begin)
        content = b"".join(answer)
        answer.close()
        assert answer.status_code == (200 if body is None else 201), content
        return content

    return ask
