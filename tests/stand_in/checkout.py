"""Checkout sessions: opened over the API, paid on the hosted page, closed by payment, by request or by expiry."""

import re
from urllib.parse import urlsplit

from tests.stand_in import money
from tests.stand_in.errors import Json, StripeRefusal
from tests.stand_in.store import new_id
from tests.stand_in.world import World

MINUTE, HOUR = 60, 3600
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def create(world: World, wanted: Json) -> Json:
    """Open a session. Only `mode=payment` on the hosted page, with prices given in place."""
    if wanted.get("mode") != "payment":
        raise StripeRefusal("This stand-in takes mode=payment only.", param="mode")
    if wanted.get("ui_mode", "hosted_page") != "hosted_page":
        raise StripeRefusal("This stand-in takes ui_mode=hosted_page only.", param="ui_mode")
    _check_urls(wanted)
    _check_metadata(wanted.get("metadata"), "metadata")
    intent_data = wanted.get("payment_intent_data") or {}
    _check_metadata(intent_data.get("metadata"), "payment_intent_data[metadata]")
    email = wanted.get("customer_email")
    if email is not None and not EMAIL.fullmatch(email):
        raise StripeRefusal(f"Invalid email address: {email}", code="email_invalid", param="customer_email")
    items = _line_items(world, wanted.get("line_items") or [])
    currency, total = items[0]["currency"], sum(item["amount_total"] for item in items)
    money.check(total, currency, "line_items[0][price_data][unit_amount]")
    session_id = new_id("cs_test_a1", 58)
    session = world.new(
        "checkout.session",
        "",
        id=session_id,
        adaptive_pricing={"enabled": wanted.get("adaptive_pricing", {}).get("enabled", True)},
        amount_subtotal=total,
        amount_total=total,
        cancel_url=wanted.get("cancel_url"),
        client_reference_id=wanted.get("client_reference_id"),
        currency=currency,
        customer=wanted.get("customer"),
        customer_creation="if_required",
        customer_email=email,
        expires_at=_expiry(world, wanted.get("expires_at")),
        locale=wanted.get("locale"),
        metadata=wanted.get("metadata") or {},
        mode="payment",
        payment_method_collection="if_required",
        payment_method_types=wanted.get("payment_method_types") or ["card"],
        payment_status="unpaid",
        status="open",
        submit_type=wanted.get("submit_type"),
        success_url=wanted["success_url"],
        total_details={"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        ui_mode="hosted_page",
        url=f"{world.public_url}/c/pay/{session_id}",
        wallet_options=None,
    )
    world.store.save(session)
    # Internal data of a session that the API does not expose.
    world.store.put("_behind", session_id, {"line_items": items, "payment_intent_data": intent_data})
    return session


def _check_urls(wanted: Json) -> None:
    if not wanted.get("success_url"):
        raise StripeRefusal("Missing required param: success_url.", code="parameter_missing", param="success_url")
    for name in ("success_url", "cancel_url"):
        url = wanted.get(name)
        if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
            raise StripeRefusal("Not a valid URL", code="url_invalid", param=name)


def _check_metadata(metadata: Json | None, param: str) -> None:
    for key, value in (metadata or {}).items():
        if len(key) > 40:
            raise StripeRefusal("Metadata keys must have at most 40 characters.", param=param)
        if len(value) > 500:
            raise StripeRefusal("Metadata values must have at most 500 characters.", param=f"{param}[{key}]")
    if len(metadata or {}) > 50:
        raise StripeRefusal("Metadata may have at most 50 keys.", param=param)


def _expiry(world: World, wanted: int | None) -> int:
    now = world.store.now()
    if wanted is None:
        return now + 24 * HOUR
    if not now + 30 * MINUTE - 5 <= wanted <= now + 24 * HOUR + 5:
        raise StripeRefusal(
            "The `expires_at` timestamp must be between 30 minutes and 24 hours from Checkout Session creation.",
            param="expires_at",
        )
    return wanted


def _line_items(world: World, wanted: list[Json]) -> list[Json]:
    if not wanted:
        raise StripeRefusal("Missing required param: line_items.", code="parameter_missing", param="line_items")
    items: list[Json] = []
    for index, line in enumerate(wanted):
        param, price = f"line_items[{index}]", line.get("price_data")
        if price is None or "product_data" not in price or "unit_amount" not in price:
            raise StripeRefusal(
                "This stand-in takes price_data with unit_amount and product_data only.", param=f"{param}[price_data]"
            )
        currency, quantity = price["currency"].lower(), line.get("quantity", 1)
        if currency not in money.CURRENCIES:
            money.check(price["unit_amount"], currency, f"{param}[price_data][unit_amount]")
        if items and items[0]["currency"] != currency:
            raise StripeRefusal("All line items must have the same currency.", param=f"{param}[price_data][currency]")
        total = price["unit_amount"] * quantity
        kept_price = world.new(
            "price",
            "price_1",
            active=False,
            billing_scheme="per_unit",
            currency=currency,
            product=new_id("prod_", 14),
            tax_behavior=price.get("tax_behavior", "unspecified"),
            type="one_time",
            unit_amount=price["unit_amount"],
            unit_amount_decimal=str(price["unit_amount"]),
        )
        amounts = {"amount_discount": 0, "amount_subtotal": total, "amount_tax": 0, "amount_total": total}
        name = price["product_data"]["name"]
        values = {**amounts, "currency": currency, "description": name, "price": kept_price, "quantity": quantity}
        items.append(world.new("item", "li_1", **values))
    return items


def line_items(world: World, session: Json) -> Json:
    """Return the line items of a session as a list."""
    behind = world.store.get("_behind", session["id"])
    url = f"/v1/checkout/sessions/{session['id']}/line_items"
    return {"object": "list", "data": behind["line_items"], "has_more": False, "url": url}


def expire(world: World, session: Json) -> Json:
    """Expire an open session, so that it can no longer be paid."""
    if session["status"] != "open":
        raise StripeRefusal(
            'Only Checkout Sessions with a status in ["open"] can be expired. This Checkout Session has a status of '
            f"{session['status']}."
        )
    session["status"], session["url"] = "expired", None
    world.store.save(session)
    intent = session["payment_intent"] and world.store.find("payment_intent", session["payment_intent"])
    if intent and intent["status"] == "requires_payment_method":
        intent["status"], intent["cancellation_reason"] = "canceled", "expired"
        intent["canceled_at"] = world.store.now()
        world.store.save(intent)
        world.tell("payment_intent.canceled", intent)
    world.tell("checkout.session.expired", session)
    return session


def expire_due(world: World) -> None:
    """Expire every session that is due."""
    now = world.store.now()
    with world.acting():
        for session in world.store.newest_first("checkout.session"):
            if session["status"] == "open" and session["expires_at"] <= now:
                expire(world, session)
