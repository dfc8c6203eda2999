"""A donor gives: our rows first, then a page at Stripe on which to pay."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal
from donations.checkout import limits
from donations.donors import services as donors
from donations.gifts import tokens
from donations.gifts.models import Donation, public_reference
from donations.payments import services as payments
from donations.payments.models import LIVING, AttemptState, PaymentAttempt
from donations.stripe import gateway
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import DomainError, Invalid
from logistics.transactions import insert_drawn, lock

# Stripe allows 30 minutes to 24 hours from its own now.
CHECKOUT_LASTS: Final = timedelta(hours=23)
# Below this a checkout that Stripe has not seen yet cannot be opened any more.
CHECKOUT_MIN: Final = timedelta(minutes=31)
LANGUAGES: Final = ("en", "fr")
# Stripe sends a donor who paid back with this, often before its event: the page then says "being confirmed".
BACK_FROM_CHECKOUT: Final = "paid=1"
CONSENT_VERSION: Final = "2026-01"


class AppealClosed(DomainError):
    """One cannot give to this appeal today."""

    code = "appeal_closed"


class AlreadyPaid(DomainError):
    """The gift has been received; paying again would be a second gift."""

    code = "already_paid"


@dataclass(frozen=True, slots=True)
class Wish:
    """What a donor asks for, as typed."""

    amount: str  # "500.50"
    currency: str
    appeal: str  # slug; "" = where most needed
    name: str
    email: str
    organisation: str = ""
    country: str = ""
    language: str = "en"
    anonymous: bool = False
    message: str = ""
    consent: bool = False
    consent_text: str = ""
    consent_version: str = ""


# Without a savepoint: called inside the transaction of the Idempotency-Key, which goes back whole.
@transaction.atomic(savepoint=False)
def give(wish: Wish, *, address: str, at: datetime) -> PaymentAttempt:
    """Write down a gift and its first payment attempt; nothing is charged yet.

    `address` is the network address of whoever asks. Raises Invalid (field amount, currency, appeal,
    donor.name ...), CharityNotSetUp, AppealClosed, TooManyGifts.
    """
    charity = charities.the_charity()
    if wish.currency not in charity.currencies:
        raise Invalid(
            _("We accept gifts in %s.") % ", ".join(charity.currencies), field="currency", code="currency_not_accepted"
        )
    amount_minor = amounts.parse(wish.amount, wish.currency)
    _check_donor(wish)
    appeal = _appeal(wish.appeal, charities.day_of(at, charity))
    address_hash, email_hash = limits.keyed_hash("address", address), limits.keyed_hash("email", wish.email)
    limits.check(address_hash=address_hash, email_hash=email_hash, at=at)
    consent_text, consent_version = _consent(wish)
    donor = donors.get_or_create(
        name=wish.name,
        organisation=wish.organisation,
        email=wish.email,
        country=wish.country,
        language=wish.language,
    )
    donation = Donation(
        donor=donor,
        appeal=appeal,
        amount_minor=amount_minor,
        currency=wish.currency,
        language=wish.language,
        anonymous=wish.anonymous,
        message=wish.message.strip(),
        consent_text=consent_text,
        consent_version=consent_version,
        created_at=at,
    )
    insert_drawn(donation, field="reference", draw=public_reference)
    return _new_attempt(donation, charity, number=1, address_hash=address_hash, email_hash=email_hash, at=at)


def _check_donor(wish: Wish) -> None:
    if wish.language not in LANGUAGES:
        raise Invalid(_("We write in English or French."), field="donor.language", code="unknown_language")
    if not wish.name.strip() and not wish.organisation.strip() and not wish.anonymous:
        raise Invalid(_("Tell us your name for the receipt, or give anonymously."), field="donor.name", code="required")
    for field, text in (("donor.name", wish.name), ("donor.organisation", wish.organisation)):
        if any(not character.isprintable() for character in text):
            raise Invalid(_("Use letters only."), field=field, code="not_printable")
    donors.check(name=wish.name, organisation=wish.organisation, country=wish.country, path="donor.")


def consent_text(language: str) -> str:
    """Return what our page asks donors to agree to. With another text comes another CONSENT_VERSION."""
    with translation.override(language):
        return _("You may write to me about what gifts like mine achieve. I can stop this at any time.")


def _consent(wish: Wish) -> tuple[str, str]:
    if not wish.consent:
        return "", ""
    if wish.consent_text:
        return wish.consent_text, wish.consent_version
    return consent_text(wish.language), CONSENT_VERSION


def _appeal(slug: str, today: date) -> Appeal | None:
    if not slug:
        return None
    appeal = Appeal.objects.filter(slug=slug).first()
    if appeal is None:
        raise Invalid(_("There is no such appeal."), field="appeal", code="unknown_appeal")
    if not appeal.is_open_on(today):
        raise AppealClosed(_("This appeal is closed. Please choose another one, or give where most needed."))
    return appeal


def _new_attempt(
    donation: Donation, charity: Charity, *, number: int, address_hash: str, email_hash: str, at: datetime
) -> PaymentAttempt:
    return PaymentAttempt.objects.create(
        donation=donation,
        number=number,
        amount_minor=donation.amount_minor,
        currency=donation.currency,
        created_at=at,
        expires_at=at + CHECKOUT_LASTS,
        description=_description(donation, charity)[:250],
        address_hash=address_hash,
        email_hash=email_hash,
    )


@transaction.atomic(savepoint=False)
def attempt_again(donation: Donation, *, address: str, at: datetime) -> PaymentAttempt:
    """Return the attempt in which the donor can pay now: the living one, or a new one after the last has ended.

    Raises AlreadyPaid for a gift that was received, TooManyGifts.
    """
    donation = lock(donation)
    if donation.status != Donation.Status.PENDING:
        raise AlreadyPaid(_("We’ve received this gift. Thank you! There is nothing more to pay."))
    last = donation.attempts.order_by("-number").first()
    if last is not None and last.state in LIVING:
        last.donation = donation
        return last
    address_hash, email_hash = limits.keyed_hash("address", address), limits.keyed_hash("email", donation.donor.email)
    limits.check(address_hash=address_hash, email_hash=email_hash, at=at)
    number = last.number + 1 if last else 1
    charity = charities.the_charity()
    return _new_attempt(donation, charity, number=number, address_hash=address_hash, email_hash=email_hash, at=at)


def open_session(attempt: PaymentAttempt, *, at: datetime) -> PaymentAttempt:
    """Open the page at Stripe on which the donor pays, and return the attempt with its `checkout_url`.

    Naturally idempotent: asked again, Stripe returns the same page, for the key and all arguments come from
    our committed row. Call it outside any transaction. Raises PaymentProviderUnavailable; the gift then waits,
    and the same call later continues it.
    """
    if attempt.state != AttemptState.CREATED:
        return attempt
    if attempt.expires_at - at < CHECKOUT_MIN:
        return payments.expire(attempt)
    donation = attempt.donation
    follow_url = tokens.follow_url(donation)
    session = gateway.create_checkout_session(
        amount_minor=attempt.amount_minor,
        currency=attempt.currency,
        reference=donation.reference,
        description=attempt.description,
        email=donation.donor.email,
        locale=donation.language,
        success_url=f"{follow_url}?{BACK_FROM_CHECKOUT}",
        cancel_url=follow_url,
        expires_at=attempt.expires_at,
        metadata={"attempt": str(attempt.pk), "donation": donation.reference},
        idempotency_key=f"donation:{attempt.pk}:session",
    )
    return payments.opened(attempt, session)


def _description(donation: Donation, charity: Charity) -> str:
    with translation.override(donation.language):
        what = donation.appeal.title(donation.language) if donation.appeal else _("Where most needed")
        return _("Gift to %(charity)s: %(what)s") % {"charity": charity.name, "what": what}
