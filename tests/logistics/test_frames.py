"""Messages between a worker and its printer: bounded, and never trusted."""

import os
from typing import Any

import pytest

from logistics.confined import frames
from logistics.documents.outcomes import (
    PaperRefused,
    PrinterDied,
)
from logistics.documents.printer import process


class TestFrames:
    """The child is not trusted: for any output, the reader gets a message or an error."""

    @pytest.mark.parametrize(
        "written",
        [
            frames.HEAD.pack(2**31, 0),
            frames.HEAD.pack(2, 2**31) + b"{}",
            frames.HEAD.pack(2, 0) + b"[]",
            frames.HEAD.pack(4, 0) + b"\xff\xff\xff\xff",
            frames.HEAD.pack(9000, 0) + b"[" * 9000,
        ],
    )
    def test_garbage_is_refused(self, written):
        with pytest.raises(frames.Garbled):
            read_from(written)

    @pytest.mark.parametrize("written", [b"", b"\0", frames.HEAD.pack(20, 0) + b"{"])
    def test_a_truncated_message_is_end_of_stream(self, written):
        with pytest.raises(EOFError):
            read_from(written)

    @pytest.mark.parametrize(
        ("answer", "pdf"),
        [
            ({}, b""),
            ({"pages": 1}, b"no PDF"),
            ({"pages": "1"}, b"%PDF-1.7"),
            ({"refused": "SystemExit", "message": "", "details": {}}, b""),
            ({"refused": "missing_glyphs", "message": 1, "details": {}}, b""),
            ({"failed": "a name; with more"}, b""),
        ],
    )
    def test_an_invalid_answer_counts_as_a_dead_printer(self, answer, pdf):
        with pytest.raises(PrinterDied):
            process._outcome(answer, pdf)

    def test_details_cannot_override_the_message(self):
        with pytest.raises(PaperRefused, match="Broken") as refusal:
            process._outcome({"refused": "template_broken", "message": "Broken", "details": {"message": "x"}}, b"")

        assert refusal.value.details == {"message": "x"}


def read_from(written: bytes) -> Any:
    ours, theirs = os.pipe()
    try:
        os.write(theirs, written)
        os.close(theirs)
        return frames.read(ours, message_max=10_000, file_max=10_000)
    finally:
        os.close(ours)
