"""The API: the operation of each path. Parsing, authentication and idempotency keys are in `door`."""

from collections.abc import Callable, Sequence
from typing import Any

from tests.stand_in import checkout, disputes, refunds
from tests.stand_in.description import Operation, may_expand
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.world import World

Handler = Callable[[World, Sequence[str], Json], Json]

# Prefixes of ids by kind of object.
PREFIXES = {
    "pi_": "payment_intent",
    "ch_": "charge",
    "txn_": "balance_transaction",
    "re_": "refund",
    "du_": "dispute",
    "pm_": "payment_method",
    "cus_": "customer",
    "cs_": "checkout.session",
}
# Parameters of lists that are not filters.
PAGING = ("limit", "starting_after", "ending_before", "expand", "created", "types", "delivery_success")


def _retrieve(kind: str, param: str = "id") -> Handler:
    return lambda world, ids, wanted: world.store.get(kind, ids[0], param)


def _list(kind: str) -> Handler:
    def handler(world: World, ids: Sequence[str], wanted: Json) -> Json:
        rows = [row for row in world.store.newest_first(kind) if _matches(row, wanted)]
        return {"object": "list", "url": "", **_page(rows, wanted)}

    return handler


def _matches(row: Json, wanted: Json) -> bool:
    created = wanted.get("created", {})
    if isinstance(created, int):
        created = {"gte": created, "lte": created}
    compare: dict[str, Callable[[int, int], bool]] = {
        "gt": int.__gt__,
        "gte": int.__ge__,
        "lt": int.__lt__,
        "lte": int.__le__,
    }
    if not all(compare[name](row["created"], bound) for name, bound in created.items()):
        return False
    if "types" in wanted and row["type"] not in wanted["types"]:
        return False
    return all(row.get(name) == value for name, value in wanted.items() if name not in PAGING)


def _page(rows: list[Json], wanted: Json) -> Json:
    limit = wanted.get("limit", 10)
    if not 1 <= limit <= 100:
        raise StripeRefusal("Invalid limit: must be between 1 and 100", param="limit")
    place = {row["id"]: index for index, row in enumerate(rows)}
    for name in ("starting_after", "ending_before"):
        if name in wanted and wanted[name] not in place:
            raise StripeRefusal(f"No such object: '{wanted[name]}'", code="resource_missing", param=name)
    if "ending_before" in wanted:
        end = place[wanted["ending_before"]]
        first = max(0, end - limit)
        return {"data": rows[first:end], "has_more": first > 0}
    first = place[wanted["starting_after"]] + 1 if "starting_after" in wanted else 0
    return {"data": rows[first : first + limit], "has_more": len(rows) > first + limit}


def _create_customer(world: World, ids: Sequence[str], wanted: Json) -> Json:
    known = {name: wanted[name] for name in ("email", "name", "description", "phone") if name in wanted}
    customer = world.new("customer", "cus_", metadata=wanted.get("metadata") or {}, balance=0, **known)
    world.store.save(customer)
    world.tell("customer.created", customer)
    return customer


def _update_metadata(kind: str) -> Handler:
    """Change the metadata of an object, the only part of a payment that can be changed here."""

    def handler(world: World, ids: Sequence[str], wanted: Json) -> Json:
        row = world.store.get(kind, ids[0])
        others = set(wanted) - {"metadata", "expand"}
        if others:
            raise StripeRefusal("This stand-in changes metadata only.", param=sorted(others)[0])
        changes = wanted.get("metadata") or {}
        merged = {**row["metadata"], **changes}
        row["metadata"] = {name: value for name, value in merged.items() if value != ""}
        world.store.save(row)
        return row

    return handler


HANDLERS: dict[tuple[str, str], Handler] = {
    ("post", "/v1/checkout/sessions"): lambda world, ids, wanted: checkout.create(world, wanted),
    ("get", "/v1/checkout/sessions"): _list("checkout.session"),
    ("get", "/v1/checkout/sessions/{session}"): _retrieve("checkout.session", "session"),
    ("post", "/v1/checkout/sessions/{session}/expire"): lambda world, ids, wanted: checkout.expire(
        world, world.store.get("checkout.session", ids[0], "session")
    ),
    ("get", "/v1/checkout/sessions/{session}/line_items"): lambda world, ids, wanted: checkout.line_items(
        world, world.store.get("checkout.session", ids[0], "session")
    ),
    ("get", "/v1/payment_intents"): _list("payment_intent"),
    ("get", "/v1/payment_intents/{intent}"): _retrieve("payment_intent", "intent"),
    ("post", "/v1/payment_intents/{intent}"): _update_metadata("payment_intent"),
    ("get", "/v1/charges"): _list("charge"),
    ("get", "/v1/charges/{charge}"): _retrieve("charge"),
    ("post", "/v1/charges/{charge}"): _update_metadata("charge"),
    ("get", "/v1/balance_transactions"): _list("balance_transaction"),
    ("get", "/v1/balance_transactions/{id}"): _retrieve("balance_transaction"),
    ("post", "/v1/refunds"): lambda world, ids, wanted: refunds.create(world, wanted),
    ("get", "/v1/refunds"): _list("refund"),
    ("get", "/v1/refunds/{refund}"): _retrieve("refund"),
    ("post", "/v1/refunds/{refund}"): _update_metadata("refund"),
    ("get", "/v1/disputes"): _list("dispute"),
    ("get", "/v1/disputes/{dispute}"): _retrieve("dispute"),
    ("post", "/v1/disputes/{dispute}/close"): lambda world, ids, wanted: disputes.close(
        world, world.store.get("dispute", ids[0])
    ),
    ("get", "/v1/radar/early_fraud_warnings"): _list("radar.early_fraud_warning"),
    ("get", "/v1/radar/early_fraud_warnings/{early_fraud_warning}"): _retrieve("radar.early_fraud_warning"),
    ("get", "/v1/events"): _list("event"),
    ("get", "/v1/events/{id}"): _retrieve("event"),
    ("post", "/v1/customers"): _create_customer,
    ("get", "/v1/customers"): _list("customer"),
    ("get", "/v1/customers/{customer}"): _retrieve("customer"),
    ("post", "/v1/customers/{customer}"): _update_metadata("customer"),
    ("get", "/v1/payment_methods/{payment_method}"): _retrieve("payment_method"),
}


def answer(world: World, operation: Operation, wanted: Json) -> Json:
    """Run an operation and return its response, expanded as requested."""
    handler = HANDLERS.get((operation.method, operation.path))
    if handler is None:
        raise StripeRefusal(
            f"This stand-in does not do {operation.method.upper()} {operation.path} yet.",
            status=501,
            kind="api_error",
            saved=False,
        )
    result = dict(handler(world, operation.arguments, wanted))
    if result["object"] == "list" and not result["url"]:
        result["url"] = operation.path
    for path in wanted.get("expand") or []:
        steps = path.split(".")
        if len(steps) > 5:
            raise StripeRefusal("You cannot expand more than 4 levels of a property", param="expand")
        result = _expanded(world, result, steps, path)
    return result


def _expanded(world: World, row: Json, steps: list[str], path: str) -> Json:
    """Return a copy of an object with the field at a path expanded from an id to an object."""
    field, rest = steps[0], steps[1:]
    if row.get("object") == "list":
        if field != "data":
            raise _cannot_expand(path)
        return {**row, "data": [_expanded(world, one, rest, path) for one in row["data"]] if rest else row["data"]}
    if not may_expand(row["object"], field):
        raise _cannot_expand(path)
    value = _object_of(world, row, field)
    if rest and isinstance(value, dict) and "object" in value:
        value = _expanded(world, value, rest, path)
    return {**row, field: value}


def _object_of(world: World, row: Json, field: str) -> Any:
    if (row["object"], field) == ("checkout.session", "line_items"):
        return checkout.line_items(world, row)
    if (row["object"], field) == ("charge", "refunds"):
        made = [one for one in world.store.newest_first("refund") if one["charge"] == row["id"]]
        url = f"/v1/charges/{row['id']}/refunds"
        return {"object": "list", "data": made[:10], "has_more": len(made) > 10, "url": url}
    value = row.get(field)
    if isinstance(value, str):
        kind = next((kind for prefix, kind in PREFIXES.items() if value.startswith(prefix)), None)
        return world.store.find(kind, value) or value if kind else value
    return value


def _cannot_expand(path: str) -> StripeRefusal:
    return StripeRefusal(
        f"This property cannot be expanded ({path}). You may want to try expanding 'data.{path}'.", param="expand"
    )
