"""Challenges: what a donor passes before another checkout is opened, once a limit is passed.

There are two methods, so that nobody is shut out: a proof of work, which a browser computes in seconds, and a link by
mail, which needs no script but a mailbox. Once an address has had its cards (`Made.is_suspect`), only the link is
offered: programs that try cards compute proofs as well.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import ClassVar, Final
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from donations.challenges import altcha_proofs
from donations.challenges.models import Challenge
from donations.gifts import tokens
from donations.gifts.models import Donation
from donations.payments import limits
from logistics.charity import services as charities
from logistics.errors import DomainError
from logistics.jobs.lanes import Lane
from logistics.mail import services as mail
from logistics.transactions import lock

ChallengeMethod = Challenge.Method
PROOF_LASTS: Final = timedelta(minutes=20)
LINK_LASTS: Final = timedelta(hours=24)
LINKS_AN_HOUR: Final = 5  # per email
LINKS_FROM_HERE: Final = 40  # per IP address, of those that are not used yet: an evening has many donors
KEPT: Final = timedelta(days=29)  # alarms compare with four weeks


@dataclass(frozen=True, slots=True)
class Proof:
    """What a donor sends to pass a challenge: a solution of ALTCHA's, or the code of a mailed link."""

    solution: str = ""
    link: str = ""


NO_PROOF: Final = Proof()


@dataclass(frozen=True, slots=True)
class Asked:
    """Who wants to open a checkout, and for what: a proof for one purpose is none for another."""

    address_hash: str
    email_hash: str
    purpose: str

    @classmethod
    def by(cls, *, address: str, email: str, donation: Donation | None = None) -> "Asked":
        """Return it from an IP address and an email; `donation`: the gift that is paid again."""
        purpose = f"pay {donation.pk}" if donation else f"give {limits.keyed_hash('email', email)}"
        return cls(
            limits.keyed_hash("address", address),
            limits.keyed_hash("email", email),
            limits.keyed_hash("purpose", purpose),
        )


class ChallengeRequired(DomainError):
    """A limit is passed: solve `challenge`, or have a link mailed, then send the same request again."""

    code = "challenge_required"
    status = 403
    example: ClassVar = {
        "methods": ["proof", "mail"],
        "challenge": {
            "parameters": {
                "algorithm": "PBKDF2/SHA-256",
                "cost": 1000,
                "data": {"id": "019f0c1e7d2a7c3b8f2e5a6b7c8d9e0f"},
                "expiresAt": 1772352000,
                "keyLength": 32,
                "keyPrefix": "d1a7f3c09b5e48263f7a1c5e90b2d486",
                "keySignature": "0c8e1fb2a39d47565b6a7988c7d6e5f4a3b2c1d0e9f8a7b6c5d4e3f2a1b0c9d8",
                "nonce": "5f1d6a3c8b2e4f709a1c3e5d7b9f0a2c",
                "salt": "8c7b6a5d4e3f2a1b0c9d8e7f6a5b4c3d",
            },
            "signature": "b1946ac92492d2347c6235b4d2611184b1946ac92492d2347c6235b4d2611184",
        },
    }

    def __init__(self, asked: Asked, methods: list[ChallengeMethod], level: int) -> None:
        super().__init__(
            _(
                "To stop card fraud, we check that you are not a program before we open another payment page. Nothing"
                " was charged."
            ),
            methods=[str(method) for method in methods],
            challenge=None,
        )
        self.asked, self.methods, self.level = asked, methods, level


class TooManyGifts(DomainError):
    """Too many links were mailed within an hour, to this email or for this address."""

    code = "too_many_gifts"
    status = 429
    headers = {"Retry-After": "3600"}

    def __init__(self) -> None:
        super().__init__(
            _(
                "To stop card fraud, we accept only a few gifts an hour from one place, and that limit has been"
                " reached. Nothing was charged. Try again later, or write to us."
            ),
            retry_after_s=int(limits.WINDOW.total_seconds()),
        )


def admit(asked: Asked, *, donation: Donation | None, proof: Proof, at: datetime) -> str:
    """Let a checkout be opened, and return the challenge that was passed for it: "", "proof" or "mail".

    Call it in the transaction that starts the payment attempt, which the next request then counts. Raises
    ChallengeRequired, TooManyGifts.
    """
    made = limits.count(address_hash=asked.address_hash, email_hash=asked.email_hash, at=at)
    if not made.is_over:
        return ""
    methods = _methods(made)
    if donation and ChallengeMethod.MAIL in methods and _use(_link(proof.link).filter(donation=donation), at):
        return ChallengeMethod.MAIL
    if ChallengeMethod.PROOF in methods and _use(_proof(proof.solution, asked), at):
        return ChallengeMethod.PROOF
    if not methods:
        raise TooManyGifts
    raise ChallengeRequired(asked, methods, level=made.address // max(1, settings.GIVE_LIMITS["address"]) - 1)


def _methods(made: limits.Made) -> list[ChallengeMethod]:
    methods = []
    if not made.is_suspect:
        methods.append(ChallengeMethod.PROOF)
    if made.mailed < max(LINKS_AN_HOUR, settings.GIVE_LIMITS["email"]):
        methods.append(ChallengeMethod.MAIL)
    return methods


def _proof(solution: str, asked: Asked) -> QuerySet[Challenge]:
    challenge_id = altcha_proofs.solved(solution)
    if challenge_id is None:
        return Challenge.objects.none()
    return Challenge.objects.filter(
        pk=challenge_id, method=ChallengeMethod.PROOF, purpose=asked.purpose, address_hash=asked.address_hash
    )


def _link(code: str) -> QuerySet[Challenge]:
    try:
        challenge_id = UUID(_signer().unsign(code))
    except (signing.BadSignature, ValueError):
        return Challenge.objects.none()
    return Challenge.objects.filter(pk=challenge_id, method=ChallengeMethod.MAIL)


def _use(challenges: QuerySet[Challenge], at: datetime) -> bool:
    """Use a challenge up; of two that try at once, one gets True."""
    return challenges.filter(used_at=None, expires_at__gt=at).update(used_at=at) == 1


def _signer() -> signing.Signer:
    return signing.Signer(salt="donations.challenge", sep="~")


@contextmanager
def issued(at: datetime) -> Iterator[None]:
    """Add a new challenge to a ChallengeRequired that is raised within. Use it outside the transaction that fails."""
    try:
        yield
    except ChallengeRequired as required:
        challenge = Challenge(
            method=ChallengeMethod.PROOF,
            purpose=required.asked.purpose,
            address_hash=required.asked.address_hash,
            email_hash=required.asked.email_hash,
            issued_at=at,
            expires_at=at + PROOF_LASTS,
        )
        challenge.save(force_insert=True)  # also if it is not offered: alarms count them
        if ChallengeMethod.PROOF in required.methods:
            required.details["challenge"] = altcha_proofs.create(
                challenge.pk, level=max(0, required.level), expires_at=challenge.expires_at
            )
        raise


@transaction.atomic(savepoint=False)
def mail_link(donation: Donation, asked: Asked, *, language: str, at: datetime) -> Challenge:
    """Queue a mail to the donor with a link that opens the checkout of this gift. Raises TooManyGifts."""
    lock(donation)
    made = limits.count(address_hash=asked.address_hash, email_hash=asked.email_hash, at=at)
    links = Challenge.objects.filter(method=ChallengeMethod.MAIL, issued_at__gt=at - limits.WINDOW)
    from_here = links.filter(address_hash=asked.address_hash, used_at=None).exclude(address_hash="").count()
    to_them = links.filter(email_hash=asked.email_hash).count()
    # In total, because a mail server that sends thousands of mails nobody asked for is soon blocked for receipts, too.
    is_flood = links.count() >= settings.GIVE_LIMITS["world"]
    if (
        is_flood
        or to_them >= LINKS_AN_HOUR
        or from_here >= LINKS_FROM_HERE
        or ChallengeMethod.MAIL not in _methods(made)
    ):
        raise TooManyGifts
    challenge = Challenge.objects.create(
        method=ChallengeMethod.MAIL,
        purpose=asked.purpose,
        address_hash=asked.address_hash,
        email_hash=asked.email_hash,
        donation=donation,
        issued_at=at,
        expires_at=at + LINK_LASTS,
    )
    mail.request(
        "gift-confirmation",
        to=donation.donor.email,
        template="donations/mail/confirm_gift.txt",
        context={
            "charity": charities.the_charity(),
            "donation": donation,
            "link": f"{tokens.url_of(donation)}?confirm={_signer().sign(challenge.pk.hex)}",
            "hours": int(LINK_LASTS.total_seconds() // 3600),
        },
        language=language,
        lane=Lane.NOW,  # the donor waits for it before paying
    )
    return challenge


def forget_old(at: datetime) -> int:
    """Delete challenges that no alarm compares with any more, and return how many."""
    return Challenge.objects.filter(issued_at__lt=at - KEPT).delete()[0]
