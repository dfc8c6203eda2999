"""A child process for one untrusted request, with its limits."""

import psutil
import pytest

from logistics.confined import once

LIMITS = once.Limits(memory_mb=200, cpu_seconds=1, wall_seconds=60, answer_max_bytes=1_000_000)


def ask(file: bytes, limits: once.Limits = LIMITS) -> dict[str, object]:
    return once.ask("tests.confined_child", {}, file, limits)


def test_it_answers_and_ends() -> None:
    before = set(psutil.Process().children())

    assert ask(b"Bamako") == {"file": "Bamako"}
    assert set(psutil.Process().children()) <= before


@pytest.mark.parametrize(
    ("file", "why"),
    [(b"spin", "takes longer"), (b"hoard", "needs more memory"), (b"talk", "answer is too long")],
)
def test_a_request_over_a_limit_is_refused(file: bytes, why: str) -> None:
    with pytest.raises(once.OverLimit, match=why):
        ask(file)


def test_one_that_waits_is_killed() -> None:
    limits = once.Limits(memory_mb=200, cpu_seconds=1, wall_seconds=0.5, answer_max_bytes=1000)

    with pytest.raises(once.OverLimit, match="takes longer"):
        ask(b"sleep", limits)


def test_a_crash_is_not_taken_for_a_limit() -> None:
    with pytest.raises(once.ChildDied, match="3"):
        ask(b"crash")


def test_it_has_no_network() -> None:
    assert ask(b"call") == {"refused": "Refused to a confined process: socket.__new__."}


def test_it_has_no_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "a secret")

    names = set(map(str, ask(b"secrets")["names"]))  # type: ignore[call-overload]

    assert names <= {*once.INHERITED, "LC_CTYPE", "COVERAGE_PROCESS_CONFIG"}  # the last one is make coverage's
