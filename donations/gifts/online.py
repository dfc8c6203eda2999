"""Online gifts: a donor gives by card, with as many payment attempts as needed."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from donations import amounts
from donations.appeals.models import Appeal
from donations.challenges import services as challenges
from donations.challenges.services import NO_PROOF, Asked, Proof
from donations.donors import services as donors
from donations.gifts import repeats
from donations.gifts.models import Donation, public_reference
from donations.payments import services as payments
from donations.payments.models import PaymentAttempt
from donations.switches import services as switches
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import DomainError, Invalid
from logistics.rows import Prepared
from logistics.transactions import insert_drawn, lock

CONSENT_VERSION: Final = "2026-01"
_APPEAL = Prepared(lambda slug: Appeal.objects.filter(slug=slug), "a slug")


class AppealClosed(DomainError):
    """The appeal is not open for gifts today."""

    code = "appeal_closed"


class AlreadyPaid(DomainError):
    """The gift has been received; paying again would be a second gift."""

    code = "already_paid"


@dataclass(frozen=True, slots=True)
class DonationRequest:
    """What a donor typed."""

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
    form: str = ""  # the token of the giving page


# No savepoint: called inside the Idempotency-Key transaction, which is rolled back as a whole.
@transaction.atomic(savepoint=False)
def give(request: DonationRequest, *, address: str, proof: Proof = NO_PROOF, at: datetime) -> PaymentAttempt:
    """Record a gift and its first payment attempt; nothing is charged yet.

    A form that is sent again is the same gift, with what is typed now. `address` is the visitor's IP address. Raises
    GivingPaused, Invalid (field amount, currency, appeal, donor.name ...), CharityNotSetUp, AppealClosed, AlreadyGiven,
    ChallengeRequired, TooManyGifts.
    """
    charity, amount_minor, appeal = _checked(request, at)
    donation = _changed(request, amount_minor, appeal, at=at)
    last = payments.latest(donation) if donation else None
    if last is not None and last.is_unfinished:
        return last
    asked = Asked.by(address=address, email=request.email)
    passed = challenges.admit(asked, donation=None, proof=proof, at=at)
    donation = donation or _recorded(request, amount_minor, appeal, at=at)
    number = last.number + 1 if last else 1
    return _start(donation, asked, number=number, passed=passed, charity=charity, at=at)


@transaction.atomic(savepoint=False)
def give_by_mail(request: DonationRequest, *, address: str, at: datetime) -> Donation:
    """Record a gift, and mail the donor a link with which to pay it: the way past a challenge without script.

    Raises what `give` raises, but no ChallengeRequired.
    """
    _charity, amount_minor, appeal = _checked(request, at)
    donation = _changed(request, amount_minor, appeal, at=at) or _recorded(request, amount_minor, appeal, at=at)
    asked = Asked.by(address=address, email=request.email)
    challenges.mail_link(donation, asked, language=request.language, at=at)
    return donation


def let_go_of_former(request: DonationRequest, *, at: datetime) -> None:
    """Close the checkout that this form opened before, if the amount is another one now: call it before `give`.

    Outside any transaction, as it calls Stripe. Raises what `give` raises, and PaymentProviderUnavailable.
    """
    former = repeats.made_with(_form_key(request), at=at)
    if former is not None:
        _charity, amount_minor, _of = _checked(request, at)
        repeats.let_go(former, amount_minor=amount_minor, currency=request.currency)


def refusals(request: DonationRequest) -> list[Invalid]:
    """Return everything that is wrong with what a donor typed, for a page that shows all of it at once."""
    found = []
    for check in _checks(request, charities.the_charity()):
        try:
            check()
        except Invalid as refusal:
            found.append(refusal)
    return found


def _checked(request: DonationRequest, at: datetime) -> tuple[Charity, int, Appeal | None]:
    switches.check_on()
    charity = charities.the_charity()
    for check in _checks(request, charity):
        check()
    appeal = _appeal(request.appeal, charities.day_of(at, charity))
    return charity, amounts.parse(request.amount, request.currency), appeal


def _checks(request: DonationRequest, charity: Charity) -> Iterator[Callable[[], object]]:
    """Yield the checks of what a donor typed, one for each field, in the order of the page."""
    yield lambda: _check_currency(request, charity)
    if request.currency in charity.currencies:
        yield lambda: amounts.parse(request.amount, request.currency)
    yield lambda: _check_donor(request)
    yield lambda: donors.check(country=request.country, path="donor.")


def _check_currency(request: DonationRequest, charity: Charity) -> None:
    if request.currency not in charity.currencies:
        raise Invalid(
            _("We accept gifts in %s.") % ", ".join(charity.currencies), field="currency", code="currency_not_accepted"
        )


def _form_key(request: DonationRequest) -> str:
    return repeats.key_of(request.form, appeal=request.appeal, email=request.email)


def _changed(request: DonationRequest, amount_minor: int, appeal: Appeal | None, *, at: datetime) -> Donation | None:
    """Return the unpaid gift that was made with the same form, as it is wanted now; None if there is none.

    Raises AlreadyGiven if the form made the same gift, which is paid or being paid.
    """
    key = _form_key(request)
    if not key:
        return None
    repeats.wait_for(key)
    former = repeats.made_with(key, at=at)
    if former is None:
        return None
    former, wanted = lock(former), _wanted(request, amount_minor, appeal, at=at)
    if former.status == Donation.Status.PENDING:
        repeats.change(former, wanted)
        return former
    if not repeats.differs(former, wanted):
        raise repeats.AlreadyGiven(former)
    return None


def _recorded(request: DonationRequest, amount_minor: int, appeal: Appeal | None, *, at: datetime) -> Donation:
    donation = _wanted(request, amount_minor, appeal, at=at)
    insert_drawn(donation, field="reference", draw=public_reference)
    return donation


def _wanted(request: DonationRequest, amount_minor: int, appeal: Appeal | None, *, at: datetime) -> Donation:
    consent_text, consent_version = _consent(request)
    donor = donors.get_or_create(
        name=request.name,
        organisation=request.organisation,
        email=request.email,
        country=request.country,
        language=request.language,
    )
    return Donation(
        donor=donor,
        appeal=appeal,
        amount_minor=amount_minor,
        currency=request.currency,
        language=request.language,
        anonymous=request.anonymous,
        message=request.message.strip(),
        consent_text=consent_text,
        consent_version=consent_version,
        created_at=at,
        form_key=_form_key(request),
    )


def _start(
    donation: Donation, asked: Asked, *, number: int, passed: str, charity: Charity, at: datetime
) -> PaymentAttempt:
    return payments.start(
        donation,
        number=number,
        description=_description(donation, charity),
        address_hash=asked.address_hash,
        email_hash=asked.email_hash,
        passed=passed,
        at=at,
    )


def _check_donor(request: DonationRequest) -> None:
    if request.language not in dict(settings.LANGUAGES):
        raise Invalid(_("The language must be English or French."), field="donor.language", code="unknown_language")
    if not request.name.strip() and not request.organisation.strip() and not request.anonymous:
        raise Invalid(_("Tell us your name for the receipt, or give anonymously."), field="donor.name", code="required")


def consent_text(language: str) -> str:
    """Return the consent text of our page. If you change it, change CONSENT_VERSION."""
    with translation.override(language):
        return _("You may write to me about what gifts like mine achieve. I can stop this at any time.")


def _consent(request: DonationRequest) -> tuple[str, str]:
    if not request.consent:
        return "", ""
    if request.consent_text:
        return request.consent_text, request.consent_version
    return consent_text(request.language), CONSENT_VERSION


def _appeal(slug: str, today: date) -> Appeal | None:
    if not slug:
        return None
    appeal = _APPEAL.first(slug)
    if appeal is None:
        raise Invalid(_("There is no such appeal."), field="appeal", code="unknown_appeal")
    if not appeal.is_open_on(today):
        raise AppealClosed(_("This appeal is closed. Please choose another one, or give where most needed."))
    return appeal


@transaction.atomic(savepoint=False)
def pay_again(donation: Donation, *, address: str, proof: Proof = NO_PROOF, at: datetime) -> PaymentAttempt:
    """Return the attempt with which the donor can pay now: the unfinished one, else a new one.

    Raises GivingPaused, AlreadyPaid if the gift was received, ChallengeRequired, TooManyGifts.
    """
    donation = _payable(donation)
    last = payments.latest(donation)
    if last is not None and last.is_unfinished:
        return last
    asked = Asked.by(address=address, email=donation.donor.email, donation=donation)
    passed = challenges.admit(asked, donation=donation, proof=proof, at=at)
    number = last.number + 1 if last else 1
    return _start(donation, asked, number=number, passed=passed, charity=charities.the_charity(), at=at)


@transaction.atomic
def change_amount(donation: Donation, amount_minor: int) -> Donation:
    """Change the amount of an unpaid gift; the next checkout is for that amount.

    Close the checkout of the former amount first (`repeats.let_go`). Raises GivingPaused, AlreadyPaid; AlreadyGiven if
    the former amount is being paid.
    """
    donation = _payable(donation)
    if repeats.is_of(donation, amount_minor, donation.currency):
        return donation
    repeats.check_not_being_paid(donation)
    donation.amount_minor = amount_minor
    donation.save(update_fields=["amount_minor"])
    return donation


@transaction.atomic(savepoint=False)
def pay_by_mail(donation: Donation, *, address: str, at: datetime) -> Donation:
    """Mail the donor a link with which to pay this gift. Raises GivingPaused, AlreadyPaid, TooManyGifts."""
    donation = _payable(donation)
    asked = Asked.by(address=address, email=donation.donor.email, donation=donation)
    challenges.mail_link(donation, asked, language=donation.language, at=at)
    return donation


def _payable(donation: Donation) -> Donation:
    switches.check_on()
    donation = lock(donation)
    if donation.status != Donation.Status.PENDING:
        raise AlreadyPaid(_("We’ve received this gift. Thank you! There is nothing more to pay."))
    return donation


def _description(donation: Donation, charity: Charity) -> str:
    with translation.override(donation.language):
        what = donation.appeal.title(donation.language) if donation.appeal else _("Where most needed")
        return _("Gift to %(charity)s: %(what)s") % {"charity": charity.name, "what": what}
