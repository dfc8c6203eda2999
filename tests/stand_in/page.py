"""The hosted page on which a person pays: plain HTML, one form, no script."""

import re
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template

from tests.stand_in import money
from tests.stand_in.cards import Card, passes_luhn
from tests.stand_in.checkout import EMAIL
from tests.stand_in.errors import Json

TEMPLATE = Template(Path(__file__).with_name("page.html").read_text(encoding="utf-8"))

TEXTS: dict[str, dict[str, str]] = {
    "en": {
        "back": "Back without paying",
        "test_notice": "no money moves",
        "title": "Pay by card",
        "donate": "Donate {amount}",
        "pay": "Pay {amount}",
        "email": "Email",
        "number": "Card number",
        "expiry": "Expiry (MM/YY)",
        "cvc": "Security code",
        "name": "Name on card",
        "not_paid": "The payment did not go through.",
        "try_other": "Nothing was charged. Try again, or use another card.",
        "look": "Something is missing or wrong; see below.",
        "bad_email": "Write an email address such as name@example.org.",
        "bad_number": "Your card number is invalid. Check the digits.",
        "bad_expiry": "Write month and year, such as 12/34.",
        "past_expiry": "Your card's expiration date is in the past.",
        "bad_cvc": "Write the 3 digits on the back (4 on the front of an American Express card).",
        "bad_name": "Write the name that stands on the card.",
        "paid_title": "Paid. Thank you.",
        "paid": "This payment is complete. You will not be charged again.",
        "go_on": "Continue",
        "expired_title": "This page has expired.",
        "expired": "Nothing was charged. Go back and start again.",
        "missing_title": "There is no such payment.",
        "missing": "Check the address, or go back and start again.",
        "cards": "Test cards",
        "card_ok": "pays",
        "card_declined": "is declined",
        "card_poor": "has insufficient funds",
        "card_dispute": "pays, and is disputed at once",
        "card_rest": "Any date to come, any three digits.",
    },
    "fr": {
        "back": "Revenir sans payer",
        "test_notice": "aucun argent n’est débité",
        "title": "Payer par carte",
        "donate": "Faire un don de {amount}",
        "pay": "Payer {amount}",
        "email": "Adresse électronique",
        "number": "Numéro de carte",
        "expiry": "Expire (MM/AA)",
        "cvc": "Code de sécurité",
        "name": "Nom du titulaire",
        "not_paid": "Le paiement n’a pas abouti.",
        "try_other": "Rien n’a été débité. Réessayez ou utilisez une autre carte.",
        "look": "Une information manque ou est erronée ; voir ci-dessous.",
        "bad_email": "Indiquez une adresse telle que nom@example.org.",
        "bad_number": "Le numéro de carte n’est pas valable. Vérifiez les chiffres.",
        "bad_expiry": "Indiquez le mois et l’année, par exemple 12/34.",
        "past_expiry": "La date d’expiration de la carte est passée.",
        "bad_cvc": "Indiquez les 3 chiffres au dos (4 au recto d’une carte American Express).",
        "bad_name": "Indiquez le nom inscrit sur la carte.",
        "paid_title": "Payé. Merci.",
        "paid": "Ce paiement est terminé. Vous ne serez pas débité une seconde fois.",
        "go_on": "Continuer",
        "expired_title": "Cette page a expiré.",
        "expired": "Rien n’a été débité. Revenez en arrière et recommencez.",
        "missing_title": "Ce paiement n’existe pas.",
        "missing": "Vérifiez l’adresse, ou revenez en arrière et recommencez.",
        "cards": "Cartes de test",
        "card_ok": "paie",
        "card_declined": "est refusée",
        "card_poor": "n’a pas de provision",
        "card_dispute": "paie, puis est aussitôt contestée",
        "card_rest": "N’importe quelle date à venir, n’importe quels trois chiffres.",
    },
}
# Decline messages in French; the English ones come from the bank.
DECLINES_FR = {
    "Your card was declined.": "Votre carte a été refusée.",
    "Your card has insufficient funds.": "Votre carte n’a pas de provision suffisante.",
    "Your card has expired.": "Votre carte a expiré.",
    "Your card's security code is incorrect.": "Le code de sécurité de votre carte est incorrect.",
}
SHOWN_CARDS = (
    ("4242 4242 4242 4242", "card_ok"),
    ("4000 0000 0000 0002", "card_declined"),
    ("4000 0000 0000 9995", "card_poor"),
    ("4000 0000 0000 0259", "card_dispute"),
)


def language_of(session: Json | None, accepted: str) -> str:
    """Return the language of the page: the session's, or else the browser's."""
    wanted = (session or {}).get("locale") or "auto"
    if wanted == "auto":
        wanted = accepted.strip()[:2]
    return "fr" if wanted.lower().startswith("fr") else "en"


def read_form(form: Mapping[str, str], session: Json, now_month: tuple[int, int]) -> tuple[Card | None, dict[str, str]]:
    """Return the typed card, or the message keys of its errors by field.

    `now_month` is (year, month).
    """
    wrong: dict[str, str] = {}
    number, cvc = re.sub(r"[\s-]", "", form.get("number", "")), form.get("cvc", "").strip()
    name = form.get("name", "").strip()
    if not re.fullmatch(r"[0-9]{12,19}", number) or not passes_luhn(number):
        wrong["number"] = "bad_number"
    expiry = re.fullmatch(r"(0?[1-9]|1[0-2])\s*/\s*(?:20)?([0-9]{2})", form.get("expiry", "").strip())
    month, year = (int(expiry[1]), 2000 + int(expiry[2])) if expiry else (0, 0)
    if not expiry:
        wrong["expiry"] = "bad_expiry"
    elif (year, month) < now_month:
        wrong["expiry"] = "past_expiry"
    if not re.fullmatch(r"[0-9]{3,4}", cvc):
        wrong["cvc"] = "bad_cvc"
    if not name:
        wrong["name"] = "bad_name"
    if not session["customer_email"] and not EMAIL.fullmatch(form.get("email", "").strip()):
        wrong["email"] = "bad_email"
    return (None if wrong else Card(number, month, year, name)), wrong


def form_page(
    session: Json,
    what: str,
    language: str,
    *,
    typed: Mapping[str, str] | None = None,
    wrong: Mapping[str, str] | None = None,
    declined: str = "",
) -> str:
    """Return the page with its form, its errors, or the reason for a decline."""
    texts, typed, wrong = TEXTS[language], typed or {}, wrong or {}
    amount = money.shown(session["amount_total"], session["currency"], language)
    button = texts["donate" if session["submit_type"] == "donate" else "pay"].format(amount=amount)
    parts = [f"<h1>{escape(texts['title'])}</h1>"]
    if declined:
        said = DECLINES_FR.get(declined, declined) if language == "fr" else declined
        parts.append(_alert(f"{texts['not_paid']} {said}", texts["try_other"]))
    elif wrong:
        parts.append(_alert(texts["look"], ""))
    parts.append('<form method="post" novalidate>')
    if session["customer_email"]:
        parts.append(
            f'<div class="field"><p class="label">{escape(texts["email"])}</p>'
            f'<p class="fixed">{escape(session["customer_email"])}</p></div>'
        )
    fields = {
        "email": 'type="email" autocomplete="email"',
        "number": 'inputmode="numeric" autocomplete="cc-number" maxlength="23" placeholder="4242 4242 4242 4242"',
        "expiry": 'inputmode="numeric" autocomplete="cc-exp" maxlength="7" placeholder="12/34"',
        "cvc": 'inputmode="numeric" autocomplete="cc-csc" maxlength="4" placeholder="123"',
        "name": 'autocomplete="cc-name"',
    }
    if session["customer_email"]:
        del fields["email"]
    for name, attributes in fields.items():
        if name == "expiry":
            parts.append('<div class="pair">')
        # The card's number and code are never shown again in the form.
        value = "" if name in ("number", "cvc") else typed.get(name, "")
        parts.append(_field(name, texts, attributes, value, wrong.get(name, "")))
        if name == "cvc":
            parts.append("</div>")
    parts.append(f'<button type="submit">{escape(button)}</button></form>')
    rows = "".join(f"<tr><td>{number}</td><td>{escape(texts[key])}</td></tr>" for number, key in SHOWN_CARDS)
    parts.append(
        f"<details open><summary>{escape(texts['cards'])}</summary><table>{rows}</table>"
        f"<p>{escape(texts['card_rest'])}</p></details>"
    )
    return _page(language, texts["title"], "\n".join(parts), what=what, amount=amount, back=session["cancel_url"])


def closed_page(session: Json, what: str, language: str) -> str:
    """Return the page of a session that can no longer be paid."""
    texts = TEXTS[language]
    amount = money.shown(session["amount_total"], session["currency"], language)
    state = "paid" if session["status"] == "complete" else "expired"
    content = f"<h1>{escape(texts[state + '_title'])}</h1><p>{escape(texts[state])}</p>"
    if state == "paid":
        content += f'<a class="button" href="{escape(success_url(session))}">{escape(texts["go_on"])}</a>'
    back = session["cancel_url"] if state == "expired" else None
    return _page(language, texts[state + "_title"], content, what=what, amount=amount, back=back)


def missing_page(language: str) -> str:
    """Return the page of an unknown session."""
    texts = TEXTS[language]
    content = f"<h1>{escape(texts['missing_title'])}</h1><p>{escape(texts['missing'])}</p>"
    return _page(language, texts["missing_title"], content)


def success_url(session: Json) -> str:
    """Return where a donor goes after paying."""
    url: str = session["success_url"]
    return url.replace("{CHECKOUT_SESSION_ID}", session["id"])


def _alert(strong: str, more: str) -> str:
    return f'<div class="bad" role="alert"><b>{escape(strong)}</b><span>{escape(more)}</span></div>'


def _field(name: str, texts: Mapping[str, str], attributes: str, value: str, wrong: str) -> str:
    state = f' aria-invalid="true" aria-describedby="{name}-wrong"' if wrong else ""
    hint = f'<p class="hint" id="{name}-wrong">{escape(texts[wrong])}</p>' if wrong else ""
    return (
        f'<div class="field"><label for="{name}">{escape(texts[name])}</label>'
        f'<input id="{name}" name="{name}" {attributes} value="{escape(value)}" required{state}>{hint}</div>'
    )


def _page(language: str, title: str, content: str, *, what: str = "", amount: str = "", back: str | None = None) -> str:
    texts = TEXTS[language]
    link = f'<a class="back" href="{escape(back)}">← {escape(texts["back"])}</a>' if back else ""
    return TEMPLATE.substitute(
        language=language,
        title=escape(title),
        test_notice=escape(texts["test_notice"]),
        back=link,
        what=escape(what),
        amount=escape(amount),
        content=content,
    )
