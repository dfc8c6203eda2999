"""Sign-in for donors by a mailed link: no password; the link works once, for ten minutes."""

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from donations.donors.models import Donor
from donations.gifts import services as gifts
from donations.gifts import tokens
from donations.payments import limits
from donations.portal.models import SignInRequest
from logistics.charity import services as charities
from logistics.errors import DomainError
from logistics.jobs import services as jobs
from logistics.mail import services as mail

LINK_LASTS: Final = timedelta(minutes=10)
KEPT: Final = timedelta(days=1)  # how long requests are kept
LINKS_AN_HOUR: Final = 5  # per email; ten times as many per IP address


class SignInLinkInvalid(DomainError):
    """The link was used, is older than ten minutes, or is not one of ours."""

    code = "sign_in_link_invalid"
    status = 410


def _signer() -> signing.TimestampSigner:
    return signing.TimestampSigner(salt="donations.sign-in", sep="~")


@transaction.atomic
def ask_for_link(email: str, *, language: str, address: str, at: datetime) -> None:
    """Queue a mail with a link to the gifts made with this email.

    Does the same for known and unknown addresses. Requests beyond the hourly limit are silently ignored.
    """
    email_hash, address_hash = limits.keyed_hash("email", email), limits.keyed_hash("address", address)
    SignInRequest.objects.filter(created_at__lt=at - KEPT).delete()
    recent = SignInRequest.objects.filter(created_at__gt=at - timedelta(hours=1))
    hashes = list(
        recent.filter(Q(email_hash=email_hash) | Q(address_hash=address_hash)).values_list("email_hash", flat=True)[
            : LINKS_AN_HOUR * 10
        ]
    )
    if hashes.count(email_hash) >= LINKS_AN_HOUR or len(hashes) >= LINKS_AN_HOUR * 10:
        return
    jobs.enqueue(
        SignInRequest(email=email.strip().lower(), language=language, email_hash=email_hash, address_hash=address_hash)
    )


def send_link(request_id: str) -> bool:
    """Queue the mail with the link if there is such a donor, and wipe the address that was typed."""
    return jobs.run(SignInRequest, request_id, _donor_of, _queue_mail)


def _donor_of(request: SignInRequest) -> Donor | None:
    return Donor.objects.filter(email=request.email).order_by("id").first()


def _queue_mail(request: SignInRequest, donor: Donor | None) -> dict[str, object]:
    if donor is not None:
        mail.request(
            "sign-in-link",
            to=donor.email,
            template="donations/mail/sign_in.txt",
            context={
                "charity": charities.the_charity(),
                "link": settings.PUBLIC_URL + reverse("my-gifts-enter", args=[_signer().sign(request.pk.hex)]),
                "minutes": int(LINK_LASTS.total_seconds() // 60),
            },
            language=request.language,
        )
    return {"email": "", "donor": donor}


def still_works(token: str) -> bool:
    """Return whether a link can be used, without using it up: mail scanners open links."""
    request_id = _request_id(token)
    return request_id is not None and _unused(request_id).exists()


def _request_id(token: str) -> UUID | None:
    try:
        return UUID(_signer().unsign(token, max_age=LINK_LASTS))
    except (signing.BadSignature, ValueError):
        return None


def _unused(request_id: UUID) -> QuerySet[SignInRequest]:
    return SignInRequest.objects.filter(pk=request_id, used_at=None, donor__isnull=False)


@transaction.atomic
def enter(token: str, *, at: datetime) -> Donor:
    """Use up a link, renew the links of its donor's gifts, and return the donor.

    Raises SignInLinkInvalid the second time and after ten minutes.
    """
    request_id = _request_id(token)
    if request_id is None or _unused(request_id).update(used_at=at) == 0:
        raise SignInLinkInvalid(
            _("This link has already been used, or is more than ten minutes old. Ask for a new one.")
        )
    donor = SignInRequest.objects.select_related("donor").get(pk=request_id).donor
    assert donor is not None
    tokens.renew(gifts.gifts_under(donor.email))
    return donor
