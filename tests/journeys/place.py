import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.journeys.story import Place
from tests.processes import Instance

PASSWORD = "story-only-Passw0rd"
STAFF = {
    **{"finance": "Fiona Lam", "warehouse": "Wai Ho", "coordinator": "Coralie Petit", "auditor": "Audrey Ng"},
    **{"safety": "Safiatou Keïta", "administrator": "Adam Kwok"},
}
MAKE_STAFF = """
import json, os
from django.utils import timezone
from logistics.people.services import make_user
for role, name in json.loads(os.environ["STAFF"]).items():
    make_user(f"{role}@example.org", os.environ["PASSWORD"], name=name, roles=[role], by=None, at=timezone.now())
"""


def place_of(product: Instance, *, keep: Path, password: str = PASSWORD) -> Place:
    """Create the staff in a running product, and return it as the place of a story."""
    product.env |= {"PASSWORD": password, "STAFF": json.dumps(STAFF)}
    product.manage("shell", "-v", "0", "-c", MAKE_STAFF)  # one process: `create_user` takes one for each
    return Place(
        base_url=product.env["PUBLIC_URL"],
        stand_in_url=product.env["STRIPE_API_BASE"],
        mailbox=Path(product.env["VAR_DIR"]) / "mail",
        keep=keep,
        password=password,
    )


@contextmanager
def running_place(folder: Path, *, keep: Path) -> Iterator[Place]:
    """Start the whole product as real processes with only its staff, and stop it."""
    with Instance.started(folder, "web", "worker", "relay", "stripe", settings={"RATE_GIVE": "1000/hour"}) as product:
        yield place_of(product, keep=keep)
