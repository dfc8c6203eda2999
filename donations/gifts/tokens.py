"""The secret token in the URL of a gift's page: derived from its id and SECRET_KEY, never stored.

So a stolen database contains no working link. Former keys (SECRET_KEY_FALLBACKS) still open old links.
"""

import base64
import binascii
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import QuerySet
from django.http import Http404
from django.urls import reverse

from donations.gifts.models import Donation


def _signer() -> signing.Signer:
    return signing.Signer(salt="donations.gift", sep="~")


def token_of(donation: Donation) -> str:
    return _signer().sign(base64.urlsafe_b64encode(donation.pk.bytes).rstrip(b"=").decode())


def path_of(donation: Donation) -> str:
    """Return the path of the gift's page."""
    return reverse("gift", args=[token_of(donation)])


def url_of(donation: Donation) -> str:
    """Return the full URL of the gift's page."""
    return absolute(path_of(donation))


def donation_of(token: str, among: QuerySet[Donation] | None = None) -> Donation:
    """Return the gift of a token. Raises Http404 for anything we did not sign."""
    try:
        text = _signer().unsign(token)
        donation_id = UUID(bytes=base64.urlsafe_b64decode(text + "=="))
    except (signing.BadSignature, ValueError, binascii.Error) as error:
        raise Http404 from error
    rows = Donation.objects.select_related("appeal", "donor") if among is None else among
    donation = rows.filter(pk=donation_id).first()
    if donation is None:
        raise Http404
    return donation


def absolute(path: str) -> str:
    """Return the full public URL of a path."""
    return f"{settings.PUBLIC_URL}{path}"
