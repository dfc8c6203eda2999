"""The environment of the processes of `make run`: this clone's secrets, and the address of each part."""

import base64
import errno
import os
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from config.local import processes
from config.local.postgres import Postgres
from config.local.programs import ROOT
from config.local.valkey import Valkey

DATABASE = "relief"
FIRST_PORT, FIRST_STRIPE_PORT = 8000, 12111
PORTS_TRIED = 50


class PortTaken(RuntimeError):
    """The requested port is not available."""


@dataclass(frozen=True)
class Local:
    """One local product: its parts (None where the environment names an external one) and its environment."""

    var: Path
    env: dict[str, str]
    web: Sequence[socket.socket]  # already listening, so that the announced port is ours
    postgres: Postgres | None
    valkey: Valkey | None
    stripe: Sequence[socket.socket]  # empty if the environment names the real Stripe

    @property
    def port(self) -> int:
        return port_of(self.web)

    @property
    def env_file(self) -> Path:
        """The file that holds the environment while the product runs (see config.local.manage)."""
        return self.var / "run" / "environment"

    @property
    def address(self) -> str:
        return self.env["PUBLIC_URL"]


def var_folder(given: Mapping[str, str] = os.environ) -> Path:
    return Path(given.get("VAR_DIR") or ROOT / "var").resolve()


def compose(given: Mapping[str, str] = os.environ) -> Local:
    """Decide what runs here. Services that `given` names are used as they are; the embedded ones are not started."""
    var = var_folder(given)
    var.mkdir(parents=True, exist_ok=True)
    env = {"DEBUG": "true", "VAR_DIR": str(var), "PYTHONUNBUFFERED": "1", **kept_secrets(var / "secrets.env")}

    postgres = valkey = None
    if not names(given, "DATABASE_URL"):
        postgres = Postgres(var / "postgres", durable=True)
    if not names(given, "REDIS_URL"):
        valkey = Valkey(var / "valkey", durable=True)
        env["REDIS_URL"] = valkey.url
    web = listen_on(given["PORT"]) if given.get("PORT") else listen_from(FIRST_PORT, as_localhost=True)
    env["PUBLIC_URL"] = f"http://localhost:{port_of(web)}"
    stripe: Sequence[socket.socket] = ()
    if names(given, "STRIPE_SECRET_KEY"):
        del env["STRIPE_WEBHOOK_SECRETS"]  # those of the real account, or none
    else:
        stripe = listen_from(FIRST_STRIPE_PORT)
        # By number: the name might resolve to ::1, where another program may listen.
        env["STRIPE_API_BASE"] = f"http://127.0.0.1:{port_of(stripe)}"
    return Local(var, {**env, **given}, web, postgres, valkey, stripe)


def names(given: Mapping[str, str], variable: str) -> bool:
    """Return whether a variable is given, or the file that holds it (NAME_FILE)."""
    return bool(given.get(variable) or given.get(f"{variable}_FILE"))


def port_of(sockets: Sequence[socket.socket]) -> int:
    return int(sockets[0].getsockname()[1])


def listen_on(wanted: str) -> Sequence[socket.socket]:
    """Listen on the requested port. Raises PortTaken."""
    if not wanted.isdecimal() or not 1 <= int(wanted) <= 65535:
        raise PortTaken(f"PORT={wanted} is not a port: choose a number from 1024 to 65535.")
    try:
        return processes.listen(int(wanted), as_localhost=True)
    except OSError as error:
        why = "is taken already" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
        raise PortTaken(f"Port {wanted} {why}. Choose another one: make run PORT=8123") from None


def listen_from(first: int, *, as_localhost: bool = False) -> Sequence[socket.socket]:
    """Listen on the first free port. Raises PortTaken after PORTS_TRIED ports."""
    for port in range(first, first + PORTS_TRIED):
        try:
            return processes.listen(port, as_localhost=as_localhost)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise PortTaken(f"The ports {first} to {first + PORTS_TRIED - 1} are all taken. Choose one: make run PORT=9000")


def kept_secrets(path: Path) -> dict[str, str]:
    """Return this clone's secrets, generated once and kept in a file that only its owner can read."""
    found = read_env(path) if path.exists() else {}
    wanted = {
        "SECRET_KEY": secrets.token_urlsafe(50),
        "FIELD_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        "STRIPE_SECRET_KEY": f"sk_test_{secrets.token_hex(16)}",
        "STRIPE_WEBHOOK_SECRETS": f"whsec_{secrets.token_hex(16)}",
        "DEMO_PASSWORD": "-".join(secrets.token_hex(2) for _ in range(4)),
    }
    merged = {**wanted, **found}
    if merged != found:
        write_env(path, merged)
    return merged


def read_env(path: Path) -> dict[str, str]:
    lines = [line for line in path.read_text().splitlines() if "=" in line and not line.startswith("#")]
    return dict(line.split("=", 1) for line in lines)


def write_env(path: Path, values: Mapping[str, str]) -> None:
    """Write variables to a file that is never readable to others, not even for a moment."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items() if "\n" not in value)
    unfinished.replace(path)
