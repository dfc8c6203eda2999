"""Messages between a process and its confined child: JSON, followed by the bytes of a file if there is one.

Not pickle: the child is not trusted, and reading its messages must not run code.
"""

import os
import struct
from collections.abc import Mapping

import orjson

HEAD = struct.Struct("!II")  # bytes of the message, bytes of the file
AT_ONCE = 65_536  # what a pipe holds
EXIT_OUT_OF_MEMORY = 77  # of a child without enough memory to answer


class Garbled(Exception):
    """The bytes received are not a valid message."""


def write(pipe: int, message: Mapping[str, object], file: bytes = b"") -> None:
    """Send a message. Raises OSError if the reader is gone."""
    body = orjson.dumps(message)
    for part in (HEAD.pack(len(body), len(file)) + body, file):
        rest = memoryview(part)
        while rest:
            rest = rest[os.write(pipe, rest) :]


def read(pipe: int, *, message_max: int, file_max: int = 0) -> tuple[dict[str, object], bytes]:
    """Wait for a message. Raises EOFError if the writer is gone, Garbled if it is invalid or too long."""
    length, file_length = HEAD.unpack(_exactly(pipe, HEAD.size))
    if length > message_max or file_length > file_max:
        raise Garbled(f"{length} and {file_length} bytes")
    body, file = _exactly(pipe, length), _exactly(pipe, file_length)
    try:
        message = orjson.loads(body)
    except ValueError as error:
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
