"""`make fuzz`: generated requests, as each role, to every operation of the API's description.

schemathesis makes the requests and checks the answers against the description: right data and wrong data, each
operation, all checks but those that EXCEPTIONS names. Prints figures; exit code 1 if an answer fails a check.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from config.local import programs
from logistics.roles import STAFF_ROLES
from tests import services
from tests.fuzz.exceptions import EXCLUDED
from tests.processes import Instance

PASSWORD = "fuzz-only-Passw0rd"
# People of the demonstration; its administrator has every role.
ROLES = [*sorted(STAFF_ROLES), "partner"]
MAKE_KEYS = """
import json, os
from datetime import timedelta
from django.utils import timezone
from logistics.people import services
from logistics.people.models import User
valid, at = timedelta(days=1), timezone.now()
users = {role: User.objects.get(email=f"{role}@example.org") for role in json.loads(os.environ["ROLES"])}
keys = {role: services.make_key(user, name="fuzz", valid=valid, by=None, at=at) for role, user in users.items()}
print(json.dumps({role: key.text for role, key in keys.items()}))
"""
LIMITS = {
    **dict.fromkeys(("RATE_ANONYMOUS", "RATE_CALLER", "RATE_GIVE"), "1000000/min"),
    "TRUSTED_PROXIES": "1",  # each request says another address (hooks.py): wrong keys are limited by address
    **dict.fromkeys(("GIVE_PER_ADDRESS", "GIVE_PER_EMAIL", "GIVE_PER_HOUR"), "1000000"),
}
SPARED = "/revoke/$"  # it would lock out the other callers
# What a path parameter may be, as SQL on the product's database.
VALUES = {
    "shipment": "SELECT number FROM shipments_shipment",
    "partner_pk": "SELECT id::text FROM logistics_partner",
    "slug": "SELECT slug FROM donations_appeal",
    "number": "SELECT DISTINCT number::text FROM shipments_package LIMIT 50",
    **{
        f"/api/v1/{path} id": f"SELECT id::text FROM {table} LIMIT 50"
        for path, table in {
            "partners/{id}/": "logistics_partner",
            "contacts/{id}/": "logistics_contact",
            "sites/{id}/": "logistics_site",
            "sites/{id}/address/": "logistics_site",
            "sites/{id}/address/reveal/": "logistics_site",
            "categories/{id}/": "logistics_category",
            "items/{id}/": "logistics_item",
            "documents/{id}/": "logistics_document",
            "emails/{id}/": "logistics_email",
            "audit-entries/{id}/": "logistics_auditentry",
            "shipments/{shipment}/lines/{id}/": "shipments_manifestline",
            "shipments/{shipment}/papers/{id}/": "shipments_paper",
            "shipments/{shipment}/papers/{id}/pdf/": "shipments_paper",
            "donations/{id}/": "donations_donation",
            "donors/{id}/": "donations_donor",
            "receipts/{id}/": "donations_receipt",
            "receipts/{id}/pdf/": "donations_receipt",
            "receipts/{id}/resend/": "donations_receipt",
        }.items()
    },
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000, help="how many requests, all roles together")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="repeats a run")
    parser.add_argument("--only", default="", help="a regular expression for paths; the others are left out")
    wanted = parser.parse_args()
    services.start_for_program()
    with tempfile.TemporaryDirectory(prefix=services.PREFIX) as name:
        folder = Path(name)
        with Instance.started(folder, "web", "worker", "relay", "stripe", settings=LIMITS) as product:
            return fuzz(product, folder, cases=wanted.cases, seed=wanted.seed, only=wanted.only)


def fuzz(product: Instance, folder: Path, *, cases: int, seed: int, only: str) -> int:
    """Send about this many requests to a product with the demonstration data, and report."""
    product.env |= {"DEMO_PASSWORD": PASSWORD, "LOG_LEVEL": "WARNING", "ROLES": json.dumps(ROLES)}
    product.manage("demonstrate")
    callers = {"anonymous": "", **json.loads(product.manage("shell", "-v", "0", "-c", MAKE_KEYS))}
    description = product.get("/api/v1/schema/?format=json")
    paths = description.json()["paths"].items()
    operations = sum(len(methods) for path, methods in paths if re.search(only, path))
    each = max(1, round(cases / len(callers) / operations))
    known = {name: [row[0] for row in product.rows(query)] for name, query in VALUES.items()}
    (folder / "values.json").write_text(json.dumps({name: found for name, found in known.items() if found}))
    print(f"seed {seed}: {operations} operations, {len(callers)} callers, {each} examples of each", flush=True)
    sent, failures, errors = 0, Counter[str](), Counter[str]()
    for role, key in callers.items():
        began = time.monotonic()
        done = run_one(product, folder, role, key, each=each, seed=seed, only=only)
        took = time.monotonic() - began
        sent += done["sent"]
        failures.update(done["failures"])
        errors.update(done["errors"])
        failed = sum(done["failures"].values())
        print(f"{role:<13} {done['sent']:>6} requests in {took:.0f} s, {failed} failures", flush=True)
    for failure, times in failures.most_common():
        print(f"FAILED  {failure} ({times} times)")
    for error, times in errors.most_common():
        print(f"ERROR of the fuzzer itself  {error} ({times} times)")
    print(f"{sent} requests, {len(failures)} kinds of failures, {errors.total()} errors of the fuzzer itself")
    return 1 if failures or errors or sent < cases * 0.8 else 0


def run_one(product: Instance, folder: Path, role: str, key: str, *, each: int, seed: int, only: str) -> dict[str, Any]:
    """Run schemathesis as one caller; return how much was sent, and the failures by what they say."""
    report, config = folder / f"{role}.json", folder / "schemathesis.toml"
    config.write_text('hooks = "tests.fuzz.hooks"\n')
    command = [
        *(str(programs.BIN / "schemathesis"), f"--config-file={config}", "--no-color", "run"),
        f"{product.env['PUBLIC_URL']}/api/v1/schema/?format=json",
        *(f"--max-examples={each}", f"--seed={seed}", "--phases=fuzzing", "--continue-on-failure"),
        "--request-timeout=120",  # its own 10 s are too few on a busy machine, and count as errors
        # One thread: in several, CPython 3.11 sometimes fails to parse Hypothesis' lambdas (its issue 106905).
        *("--checks=all", "--workers=1", "--suppress-health-check=all", "--no-shrink", "--warnings=off"),
        *([f"--include-path-regex={only}"] if only else []),
        f"--exclude-path-regex={SPARED}",
        *([f"--exclude-checks={','.join(EXCLUDED)}"] if EXCLUDED else []),
        *([f"--header=Authorization: Bearer {key}"] if key else []),
        f"--report-json-path={report}",
    ]
    with (folder / f"{role}.log").open("wb") as log:
        env = {**os.environ, "FUZZ_VALUES": str(folder / "values.json"), "PYTHONPATH": str(programs.ROOT)}
        subprocess.run(command, env=env, cwd=folder, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not report.exists():
        raise RuntimeError((folder / f"{role}.log").read_text(errors="replace")[-4000:])
    done = summary(json.loads(report.read_text()))
    said = (folder / f"{role}.log").read_text(errors="replace")
    for part in ("ERRORS", "FAILURES"):  # the report has only their titles
        if done[part.lower()]:
            print(f"{part} as {role}: {said.partition(f' {part} ')[2].partition(' SUMMARY ')[0][:6000]}")
    return done


def summary(report: dict[str, Any]) -> dict[str, Any]:
    """Return how many requests a run sent, its failures ("title: operation") and its errors, with how often."""
    failures = Counter(
        f"{failure['title']}: {operation}" for failure in report["failures"] for operation in failure["operations"]
    )
    errors = Counter({error["title"]: error["count"] for error in report["errors"]})
    return {"sent": report["test_cases"]["generated"], "failures": failures, "errors": errors}


if __name__ == "__main__":
    sys.exit(main())
