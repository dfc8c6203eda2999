"""The secret token in the URL of a gift's page: derived from its id, a number and SECRET_KEY, never stored.

So a stolen database contains no working link. Former keys (SECRET_KEY_FALLBACKS) still open old links. A link works for
90 days; each mail with the link, and each sign-in by mail, renews it. Staff can revoke it: that changes its number.
"""

import base64
import binascii
from datetime import timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db.models import BooleanField, ExpressionWrapper, Q, QuerySet
from django.db.models.functions import Now
from django.http import Http404
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.gifts.models import Donation
from logistics.errors import DomainError

LASTS: Final = timedelta(days=90)
NUMBER_BYTES: Final = 4


class LinkEnded(DomainError):
    """The secret link of this gift was revoked, or is older than 90 days."""

    code = "link_ended"
    status = 410


def _signer() -> signing.Signer:
    return signing.Signer(salt="donations.gift", sep="~")


def token_of(donation: Donation) -> str:
    text = donation.pk.bytes + donation.link_number.to_bytes(NUMBER_BYTES)
    return _signer().sign(base64.urlsafe_b64encode(text).rstrip(b"=").decode())


def path_of(donation: Donation) -> str:
    """Return the path of the gift's page."""
    return reverse("gift", args=[token_of(donation)])


def url_of(donation: Donation) -> str:
    """Return the full URL of the gift's page."""
    return absolute(path_of(donation))


def donation_of(token: str) -> Donation:
    """Return the gift of a token. Raises Http404 for anything we did not sign, LinkEnded."""
    try:
        text = base64.urlsafe_b64decode(_signer().unsign(token) + "==")
        donation_id, number = UUID(bytes=text[:16]), int.from_bytes(text[16:])
    except (signing.BadSignature, ValueError, binascii.Error) as error:
        raise Http404 from error
    # By the database's clock, which also wrote the time of the renewal.
    works = ExpressionWrapper(Q(link_number=number, link_renewed_at__gt=Now() - LASTS), BooleanField())
    rows = Donation.objects.select_related("appeal", "donor").annotate(link_works=works)
    donation = rows.filter(pk=donation_id).first()
    if donation is None:
        raise Http404
    if not donation.link_works:
        raise LinkEnded(_("This link no longer works. Sign in with your email address to get a new one."))
    return donation


def renew(donations: QuerySet[Donation]) -> None:
    """Let the links of these gifts work for another 90 days: they are about to be mailed, or their donor signed in."""
    donations.update(link_renewed_at=Now())


def absolute(path: str) -> str:
    """Return the full public URL of a path."""
    return f"{settings.PUBLIC_URL}{path}"
