"""Messages between a process and its printer: JSON, and after it the bytes of a file if there is one.

Never pickle: what a printer sends is not trusted, and reading it must do no more than reading.
"""

import json
import os
import struct
from collections.abc import Mapping
from typing import TypedDict

HEAD = struct.Struct("!II")  # bytes of the message, bytes of the file
AT_ONCE = 65_536  # what a pipe holds
EXIT_OUT_OF_MEMORY = 77  # of a printer that had no memory left to say so


class Request(TypedDict):
    """What a printer is asked for: a paper, and what its log lines say beside (`about`)."""

    template: str
    context: Mapping[str, object]
    languages: list[str]
    about: dict[str, str]


class Garbled(Exception):
    """What came is not a message."""


def write(pipe: int, message: Mapping[str, object], file: bytes = b"") -> None:
    """Send a message. Raises OSError when nobody reads any more."""
    said = json.dumps(message).encode()
    for part in (HEAD.pack(len(said), len(file)) + said, file):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def read(pipe: int, *, message_max: int, file_max: int = 0) -> tuple[dict[str, object], bytes]:
    """Wait for a message. Raises EOFError when nobody writes any more, Garbled for what is none or is too long."""
    length, file_length = HEAD.unpack(_exactly(pipe, HEAD.size))
    if length > message_max or file_length > file_max:
        raise Garbled(f"{length} and {file_length} bytes")
    said, file = _exactly(pipe, length), _exactly(pipe, file_length)
    try:
        message = json.loads(said)
    except (ValueError, RecursionError) as error:
        raise Garbled(type(error).__name__) from None
    if not isinstance(message, dict):
        raise Garbled(type(message).__name__)
    return message, file


def _exactly(pipe: int, length: int) -> bytes:
    read = bytearray()
    while len(read) < length:
        part = os.read(pipe, min(length - len(read), AT_ONCE))
        if not part:
            raise EOFError
        read += part
    return bytes(read)
