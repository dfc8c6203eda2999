"""The stand-in's storage: objects by kind and id, in a file that survives restarts."""

import json
import os
import secrets
import string
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.stand_in.errors import Json, missing

ALPHABET = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    """Return an id such as pi_3Mtw..., never used before."""
    return prefix + "".join(secrets.choice(ALPHABET) for _ in range(length))


class Store:
    """Tables of JSON objects, in order of creation, and a clock that can be moved.

    On disk it is one JSON value per line, `[kind, id, value]`, appended by each change, so that a
    payment costs the same whether ten or ten thousand came before; the file is rewritten whole, and swapped
    in atomically, at start. All changes of one `with store.changing():` block reach the file in one write.
    """

    def __init__(self, file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._file = file
        self._tables: dict[str, dict[str, Json]] = {}
        self._unwritten: list[str] = []
        self._clock_moved_s = 0.0
        self._depth = 0
        if file is not None:
            self._load(file)
            self._rewrite(file)

    def _load(self, file: Path) -> None:
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        for number, line in enumerate(lines):
            try:
                kind, key, value = json.loads(line)
            except ValueError:
                if number == len(lines) - 1:
                    break  # we were killed while writing it, so it was never acknowledged
                raise
            self._set(kind, key, value)
        self._clock_moved_s = self._tables.get("_meta", {}).get("clock", {}).get("moved_s", 0.0)

    def _rewrite(self, file: Path) -> None:
        file.parent.mkdir(parents=True, exist_ok=True)
        fresh = file.with_name(file.name + ".new")
        rows = ([kind, key, value] for kind, table in self._tables.items() for key, value in table.items())
        with fresh.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
            out.flush()
            os.fsync(out.fileno())
        fresh.replace(file)

    def _set(self, kind: str, key: str, value: Json | None) -> None:
        table = self._tables.setdefault(kind, {})
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Lock the store; on exit, write the changes."""
        with self.lock:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
                if self._depth == 0:
                    self._write()

    def _write(self) -> None:
        if self._file is not None and self._unwritten:
            with self._file.open("a", encoding="utf-8") as out:
                out.write("".join(self._unwritten))
        self._unwritten.clear()

    def put(self, kind: str, key: str, value: Json) -> None:
        """Store a value. Later reads return this same object, so changes to it need another put."""
        with self.lock:
            self._set(kind, key, value)
            self._unwritten.append(json.dumps([kind, key, value], separators=(",", ":")) + "\n")
            if self._depth == 0:
                self._write()

    def save(self, *objects: Json) -> None:
        """Store Stripe objects under their own kind and id."""
        for one in objects:
            self.put(one["object"], one["id"], one)

    def drop(self, kind: str, key: str) -> None:
        """Delete a value."""
        with self.lock:
            self._set(kind, key, None)
            self._unwritten.append(json.dumps([kind, key, None]) + "\n")
            if self._depth == 0:
                self._write()

    def clear(self) -> None:
        """Delete everything but the clock."""
        with self.lock:
            for kind in [kind for kind in self._tables if kind != "_meta"]:
                for key in list(self._tables[kind]):
                    self.drop(kind, key)

    def get(self, kind: str, key: str, param: str = "id") -> Json:
        """Return an object, or refuse as Stripe does."""
        with self.lock:
            try:
                return self._tables[kind][key]
            except KeyError:
                raise missing(kind, key, param) from None

    def find(self, kind: str, key: str) -> Json | None:
        """Return an object, or None."""
        with self.lock:
            return self._tables.get(kind, {}).get(key)

    def newest_first(self, kind: str) -> list[Json]:
        """Return all objects of a kind."""
        with self.lock:
            return list(reversed(self._tables.get(kind, {}).values()))

    def now(self) -> int:
        """Return the stand-in's time in seconds: the machine's, plus the offset."""
        return int(time.time() + self._clock_moved_s)

    def move_clock(self, seconds: float) -> None:
        """Advance the clock."""
        with self.lock:
            self._clock_moved_s += seconds
            self.put("_meta", "clock", {"moved_s": self._clock_moved_s})
