"""What `make run` tells the product's processes: secrets of this clone, and where each part is, embedded or given."""

import base64
import os
import secrets
from collections.abc import Mapping
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
    """Somebody listens already on the port that was asked for."""


@dataclass(frozen=True)
class Local:
    """One local product: its parts (None where the environment names a real one) and its environment."""

    var: Path
    env: dict[str, str]
    port: int
    postgres: Postgres | None
    valkey: Valkey | None
    stripe_port: int | None

    @property
    def env_file(self) -> Path:
        """Where others find the environment while the product runs (see config.local.manage)."""
        return self.var / "run" / "environment"

    @property
    def address(self) -> str:
        return self.env["PUBLIC_URL"]


def var_folder(given: Mapping[str, str] = os.environ) -> Path:
    return Path(given.get("VAR_DIR") or ROOT / "var").resolve()


def compose(given: Mapping[str, str] = os.environ) -> Local:
    """Decide what runs here. Whatever `given` names is taken as it is, and its embedded part is not started."""
    var = var_folder(given)
    var.mkdir(parents=True, exist_ok=True)
    env = {"DEBUG": "true", "VAR_DIR": str(var), "PYTHONUNBUFFERED": "1", **kept_secrets(var / "secrets.env")}

    postgres = valkey = stripe_port = None
    if not names(given, "DATABASE_URL"):
        postgres = Postgres(var / "postgres", durable=True)
    if not names(given, "REDIS_URL"):
        valkey = Valkey(var / "valkey", durable=True)
        env["REDIS_URL"] = valkey.url
    port = int(given["PORT"]) if given.get("PORT") else first_free_port(FIRST_PORT)
    if processes.port_answers(port):
        raise PortTaken(f"Somebody listens on port {port} already. Choose another one: make run PORT=8123")
    env["PUBLIC_URL"] = f"http://localhost:{port}"
    if names(given, "STRIPE_SECRET_KEY"):
        del env["STRIPE_WEBHOOK_SECRETS"]  # those of the real account, or none
    else:
        stripe_port = first_free_port(FIRST_STRIPE_PORT)
        env["STRIPE_API_BASE"] = f"http://localhost:{stripe_port}"
    return Local(var, {**env, **given}, port, postgres, valkey, stripe_port)


def names(given: Mapping[str, str], variable: str) -> bool:
    """Say whether a variable is given, or the file that holds it (NAME_FILE)."""
    return bool(given.get(variable) or given.get(f"{variable}_FILE"))


def first_free_port(first: int) -> int:
    for port in range(first, first + PORTS_TRIED):
        if not processes.port_answers(port):
            return port
    raise PortTaken(f"The ports {first} to {first + PORTS_TRIED - 1} are all taken. Choose one: make run PORT=9000")


def kept_secrets(path: Path) -> dict[str, str]:
    """The secrets of this clone, made at random once and kept in a file that only its owner can read."""
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
    """Write variables to a file that is never, not even for a moment, readable to others."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.writelines(f"{name}={value}\n" for name, value in values.items() if "\n" not in value)
    unfinished.replace(path)
