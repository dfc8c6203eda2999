"""What donors do in a browser, and what their pages say in both languages."""

from typing import Any

from tests.browser.visitor import Visitor
from tests.processes import Instance

WORKS, DECLINED = "4242 4242 4242 4242", "4000 0000 0000 0002"
WORDS = {
    "en": {
        "continue": "Continue to payment",
        "currency": "Another amount in {}",
        "declined": "The card was not accepted.",
        "thanks": "Thank you.",
        "receipt": "Download your receipt",
        "leave": "Back without paying",
        "ask": "Email me a link",
        "asked": "Check your email",
        "step": "One more step",
        "failed": "This browser can’t do the check.",
        "enter": "Show my gifts",
        "nothing": "There is nothing here",
        "gifts": "My gifts",
        "sign_out": "Sign out",
    },
    "fr": {
        "continue": "Continuer vers le paiement",
        "currency": "Un autre montant en {}",
        "declined": "La carte n’a pas été acceptée.",
        "thanks": "Merci.",
        "receipt": "Télécharger votre reçu",
        "leave": "Revenir sans payer",
        "ask": "Recevoir un lien par courriel",
        "asked": "Consultez votre messagerie",
        "step": "Plus qu’une étape",
        "failed": "Ce navigateur ne peut pas faire la vérification.",
        "enter": "Voir mes dons",
        "nothing": "Page introuvable",
        "gifts": "Mes dons",
        "sign_out": "Se déconnecter",
    },
}


def promise(donor: Visitor, email: str, words: dict[str, str], *, to: str = "most-needed", amount: str = "300") -> None:
    """Fill in and submit the form of a gift, which leads to the checkout page."""
    donor.open(f"/give/{to}/").fill(amount=amount, name="Chan Tai Man", email=email)
    donor.page.locator("[name=consent]").check()
    donor.press(words["continue"])


def pay(donor: Visitor, card: str) -> None:
    """Pay on the checkout page."""
    donor.fill(number=card, expiry="12/34", cvc="123", name="Chan Tai Man")
    donor.press(donor.page.locator("form button"))


def gifts_of(product: Instance, email: str) -> list[tuple[Any, ...]]:
    """Return currency, amount in minor units, state and appeal of each gift made with an address."""
    query = """SELECT d.currency, d.amount_minor, d.status, coalesce(a.slug, '') FROM donations_donation d
        JOIN donations_donor o ON o.id = d.donor_id LEFT JOIN donations_appeal a ON a.id = d.appeal_id
        WHERE o.email = %s ORDER BY d.id"""
    return product.rows(query, email)
