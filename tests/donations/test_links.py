"""The secret link of a gift ends after 90 days and when staff revoke it; a mail renews it."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from donations.gifts import tokens
from donations.gifts.models import Donation
from logistics.audit.models import AuditEntry
from logistics.roles import Role
from tests.clients import client_of, once, signed_in
from tests.donations.giving import Giving, donation_of, mails
from tests.makers.people import make_user

pytestmark = pytest.mark.django_db


def grow_old(donation: Donation, days: int) -> None:
    Donation.objects.filter(pk=donation.pk).update(link_renewed_at=Now() - timedelta(days=days))


def statuses(donation: Donation) -> list[int]:
    """Open the gift's link at each of its pages, and over the API."""
    token, client = tokens.token_of(donation), Client()
    opened = [client.get(reverse(name, args=[token])) for name in ("gift", "gift-receipt", "api-gift")]
    paid = client.post(reverse("gift-pay", args=[token]))
    checkout = client.post(reverse("api-checkout", args=[token]), headers=once())
    return [answer.status_code for answer in (*opened, paid, checkout)]


def test_a_link_works_for_90_days(giving: Giving) -> None:
    donation = donation_of(giving.give())

    grow_old(donation, 89)
    assert 410 not in statuses(donation)
    grow_old(donation, 91)
    assert statuses(donation) == [410] * 5


def test_an_ended_link_shows_how_to_get_a_new_one_and_nothing_of_the_gift(giving: Giving) -> None:
    donation = donation_of(giving.give())
    grow_old(donation, 91)

    page = Client().get(tokens.path_of(donation))
    answer = Client().get(reverse("api-gift", args=[tokens.token_of(donation)]))

    assert 'href="/my-gifts/"' in page.content.decode()
    assert donation.reference not in page.content.decode()
    assert (answer.status_code, answer.json()["code"]) == (410, "link_ended")


def test_the_mail_with_the_receipt_renews_the_link(giving: Giving) -> None:
    donation = giving.gift_paid()
    grow_old(donation, 91)
    receipt = donation.receipts.get()

    client_of(make_user(Role.FINANCE)).post(f"/api/v1/receipts/{receipt.pk}/resend/", headers=once())
    giving.work()

    assert tokens.url_of(donation) in mails()[-1].body
    assert Client().get(tokens.path_of(donation)).status_code == 200


def sign_in(giving: Giving, email: str) -> Client:
    donor = Client()
    donor.post("/my-gifts/", {"email": email})
    giving.work()
    link = mails()[-1].body.partition("/my-gifts/in/")[2].split("/", 1)[0]
    donor.post(f"/my-gifts/in/{link}/")
    return donor


@pytest.mark.parametrize("door", ["api", "admin"])
def test_a_revoked_link_ends_at_once_and_the_donor_gets_another_by_mail(giving: Giving, door: str) -> None:
    donation = giving.gift_paid()
    old = tokens.path_of(donation)

    revoke(donation, door)

    assert Client().get(old).status_code == 410
    assert AuditEntry.objects.filter(verb="link revoked").count() == 1
    donor = sign_in(giving, donation.donor.email)
    donation.refresh_from_db()
    new = tokens.path_of(donation)
    assert new != old
    assert new in donor.get("/my-gifts/").content.decode()
    assert Client().get(new).status_code == 200


def revoke(donation: Donation, door: str) -> None:
    if door == "api":
        client: Any = client_of(make_user(Role.FINANCE))
        answer = client.post(f"/api/v1/donations/{donation.pk}/revoke-link/", headers=once())
    else:
        form = {"action": "revoke_links", "_selected_action": [str(donation.pk)]}
        answer = signed_in(Role.FINANCE).post("/admin/donations/donation/", form)
    assert answer.status_code in (200, 302)


def test_only_finance_revokes_links(giving: Giving) -> None:
    donation = donation_of(giving.give())

    for role in set(Role) - {Role.FINANCE}:
        answer = client_of(make_user(role)).post(f"/api/v1/donations/{donation.pk}/revoke-link/", headers=once())
        assert answer.status_code in (403, 404)

    assert 410 not in statuses(donation)


def test_a_cheque_of_a_known_donor_is_receipted_with_the_stored_address(giving: Giving) -> None:
    """The receipt was printed without the address when finance typed the gift of a donor who has one."""
    first = giving.gift_paid()
    address = "12 Harbour Road\nWan Chai"
    type(first.donor).objects.filter(pk=first.donor_id).update(address=address)
    body = {
        **{
            "amount": "100.00",
            "currency": "HKD",
            "channel": "cheque",
            "appeal": "",
            "received_on": str(first.received_on),
        },
        "donor": {"name": first.donor.name, "email": first.donor.email},
    }

    answer = client_of(make_user(Role.FINANCE)).post("/api/v1/donations/offline/", body, format="json", headers=once())

    assert answer.status_code == 201, answer.content
    receipt = Donation.objects.get(pk=answer.json()["id"]).receipts.get()
    assert receipt.donation.donor_id == first.donor_id
    assert receipt.document.context["donor"]["address_lines"] == address.split("\n")
