"""The link in mails that nobody has to get, in a browser."""

import re
from collections.abc import Callable
from uuid import uuid4

from tests.browser.claims import submits
from tests.browser.visitor import Visitor, text_mailed_to
from tests.processes import Instance

SEND = """
from logistics.jobs import services as jobs
from logistics.mail.models import Email
jobs.enqueue(Email(kind="shipment-dispatched", to="{to}", language="{language}", subject="News", body="It has left."))
"""
WORDS = {
    "en": ("Stop these emails", "You will get no more of these emails", "Send me these emails again"),
    "fr": (
        "Ne plus recevoir ces e-mails",
        "Vous ne recevrez plus ces e-mails",
        "Recevoir de nouveau ces e-mails",
    ),
}


@submits("unsubscribe")
def test_a_partner_stops_mails_of_a_kind_and_gets_them_again(
    visit: Callable[..., Visitor], product: Instance, width: str
) -> None:
    language = {"phone": "fr", "desktop": "en"}[width]
    stop, stopped, again = WORDS[language]
    to = f"partner-{uuid4().hex[:8]}@example.org"
    product.manage("shell", "-v", "0", "-c", SEND.format(to=to, language=language))
    link = re.search(r"http\S+/unsubscribe/\S+", text_mailed_to(product, to))
    assert link
    partner = visit()
    partner.open(link[0]).press(stop)
    said, faults = partner.text(), partner.faults()
    unwanted = product.rows('SELECT kind FROM logistics_unsubscription WHERE "to" = %s', to)
    partner.press(again)

    assert stopped in said
    assert unwanted == [("shipment-dispatched",)]
    assert product.rows('SELECT kind FROM logistics_unsubscription WHERE "to" = %s', to) == []
    assert not faults, "\n".join(faults)
