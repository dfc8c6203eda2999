"""Gifts by card for browser tests, made over the API."""

from typing import Any

from tests.journeys.people import Donor, Person
from tests.processes import Instance


def pay(
    product: Instance, email: str, *, name: str = "Lam Wing Sze", anonymous: bool = False, amount: str = "250"
) -> None:
    """Give by card, as far as the checkout page's last button."""
    donor = {"name": name, "email": email, "language": "en"}
    gift: Any = Person(product.env["PUBLIC_URL"]).post(
        "/api/v1/donations/",
        {"amount": amount, "currency": "HKD", "donor": donor, "anonymous": anonymous, "consent": True},
    )
    Donor(product.env["PUBLIC_URL"]).pay(gift["checkout_url"], "4242424242424242")
