"""The page of one gift for staff: what it is, what may be done now, its money, papers and all that happened."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from donations.admin_parts import shown
from donations.gifts import trail
from donations.gifts.actions import ACTIONS
from donations.gifts.models import Donation
from donations.payments.models import AttemptState, PaymentAttempt
from donations.receipts.models import Receipt
from donations.receipts.paper import MISSING
from donations.refunds import asking
from donations.refunds.models import Refund, RefundState
from logistics.jobs import reasons
from logistics.jobs.models import Job
from logistics.people.models import User


@dataclass(frozen=True)
class Button:
    """An act on the gift: the address of its page, or why it is refused now."""

    label: str
    url: str
    reason: str  # "" if it may be taken


@dataclass(frozen=True)
class Line:
    """A payment, refund, dispute or receipt of the gift."""

    url: str
    what: str
    amount: str
    state: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class GiftMoment:
    """Something that happened to the gift."""

    at: datetime
    what: str
    who: str = ""
    reason: str = ""
    url: str = ""


@dataclass(frozen=True)
class GiftPage:
    """What the page shows; all texts in the reader's language."""

    facts: tuple[tuple[str, str], ...]
    notices: tuple[str, ...]
    buttons: tuple[Button, ...]
    payments: tuple[Line, ...]
    returns: tuple[Line, ...]
    papers: tuple[Line, ...]
    moments: tuple[GiftMoment, ...]


def page_of(donation: Donation, user: User) -> GiftPage:
    """Return the page of a gift for a member of staff. The gift comes with its payments (`loaded`)."""
    attempts = list(donation.attempts.all())
    receipts = list(donation.receipts.all())
    return GiftPage(
        facts=tuple(_facts(donation)),
        notices=tuple(_notices(donation, attempts)),
        buttons=tuple(_buttons(donation, user)),
        payments=tuple(_payments(attempts)),
        returns=tuple(_returns(attempts)),
        papers=tuple(_papers(receipts)),
        moments=tuple(sorted(_moments(donation, attempts, receipts), key=lambda one: one.at, reverse=True)),
    )


def loaded(donation: Donation) -> Donation:
    """Return the gift with all that its page shows: a number of queries that does not grow with what happened."""
    rows = Donation.objects.select_related("donor", "appeal").prefetch_related(
        "attempts__refunds__asked_by",
        "attempts__refunds__decided_by",
        "attempts__refunds__sending",
        "attempts__disputes",
        "attempts__fraud_warnings",
        "attempts__declines",
        "receipts__document",
        "receipts__deliveries__email",
    )
    return rows.get(pk=donation.pk)


def _link(url_name: str, row: object, text: object) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{url_name}_change", args=[row.pk]), text)  # type: ignore[attr-defined]


def _facts(donation: Donation) -> Iterator[tuple[str, str]]:
    donor = donation.donor
    yield _("Donor"), _link("donations_donor", donor, donor.addressee or _("anonymous"))
    yield _("Amount"), shown(donation.amount_minor, donation.currency)
    yield _("Status"), str(Donation.Status(donation.status).label)
    if donation.received_on:
        yield _("Held now"), shown(donation.kept_minor, donation.currency)
        yield _("Received on"), trail.day(donation.received_on)
    yield _("Came by"), str(Donation.Channel(donation.channel).label)
    appeal = donation.appeal
    yield (
        _("For"),
        _link("donations_appeal", appeal, appeal.title(donation.language)) if appeal else _("where it is most needed"),
    )


def _notices(donation: Donation, attempts: list[PaymentAttempt]) -> Iterator[str]:
    """Yield what somebody should look at now."""
    for attempt in attempts:
        for warning in attempt.fraud_warnings.all():
            if warning.actionable:
                yield _(
                    "The bank warns of fraud (%(kind)s) in payment %(number)s. A full refund now avoids most disputes."
                ) % {"kind": warning.fraud_shown, "number": attempt.number}
        for refund in attempt.refunds.all():
            if refund.state == RefundState.AWAITING_APPROVAL:
                yield _("A refund of %(amount)s awaits the approval of a second person.") % {"amount": _amount(refund)}
            elif refund.state == RefundState.REQUESTED and (problem := _sending_problem(refund)):
                yield _("A refund of %(amount)s has not reached Stripe: %(problem)s") % {
                    "amount": _amount(refund),
                    "problem": problem,
                }
    if surplus := sum(asking.surplus(donation).values()):
        yield _("The donor paid more than once: %(amount)s more than the gift.") % {
            "amount": shown(surplus, donation.currency)
        }
    if donation.receipt_blocked_by:
        missing = ", ".join(str(MISSING[code]) for code in donation.receipt_blocked_by)
        yield _("No receipt can be issued. Missing: %(missing)s.") % {"missing": missing}


def _sending_problem(refund: Refund) -> str:
    sending = getattr(refund, "sending", None)
    if sending is None or not sending.last_error_code:
        return ""
    problem = reasons.shown(sending.last_error_code)
    if sending.state == Job.State.DEAD:
        return _("%(problem)s. It is not tried again by itself: open the refund.") % {"problem": problem}
    return _("%(problem)s. It is tried again by itself, and never made twice.") % {"problem": problem}


def _buttons(donation: Donation, user: User) -> Iterator[Button]:
    for act in ACTIONS:
        if not user.has_role(*act.roles):
            continue
        url = reverse(f"admin:donations_donation_{act.method}", args=[donation.pk])
        yield Button(str(act.label), url, act.why_not(donation))


def _amount(row: Refund | Receipt) -> str:
    return shown(row.amount_minor, row.currency)


def _payments(attempts: list[PaymentAttempt]) -> Iterator[Line]:
    for attempt in attempts:
        card = f"{attempt.card_brand.capitalize()} •••• {attempt.card_last4}" if attempt.card_last4 else ""
        notes = [card] if card else []
        if attempt.state == AttemptState.SUCCEEDED and not attempt.counts:
            notes.append(_("does not count for the gift"))
        if attempt.fee_minor is not None:
            notes.append(_("fee: %(fee)s") % {"fee": shown(attempt.fee_minor, attempt.fee_currency)})
        if attempt.decline_code:
            notes.append(_("declined: %(code)s") % {"code": attempt.decline_code.replace("_", " ")})
        yield Line(
            url=reverse("admin:donations_paymentattempt_change", args=[attempt.pk]),
            what=_("Payment %(number)s") % {"number": attempt.number},
            amount=shown(attempt.amount_minor, attempt.currency),
            state=str(AttemptState(attempt.state).label),
            notes=tuple(notes),
        )


def _returns(attempts: list[PaymentAttempt]) -> Iterator[Line]:
    """Yield refunds and disputes."""
    for attempt in attempts:
        of_payment = _("payment %(number)s") % {"number": attempt.number}
        for refund in attempt.refunds.all():
            notes = [of_payment, trail.refund_reason(refund)]
            if refund.asked_by:
                notes.append(_("requested by %(name)s") % {"name": refund.asked_by.name})
            if refund.failure_reason:
                notes.append(refund.failure_reason.replace("_", " "))
            yield Line(
                url=reverse("admin:donations_refund_change", args=[refund.pk]),
                what=str(refund._meta.verbose_name).capitalize(),
                amount=_amount(refund),
                state=str(RefundState(refund.state).label),
                notes=tuple(note for note in notes if note),
            )
        for dispute in attempt.disputes.all():
            notes = [of_payment, dispute.reason.replace("_", " ")]
            if dispute.evidence_due_at:
                notes.append(_("evidence is due on %(when)s") % {"when": trail.moment(dispute.evidence_due_at)})
            yield Line(
                url=reverse("admin:donations_dispute_change", args=[dispute.pk]),
                what=str(dispute._meta.verbose_name).capitalize(),
                amount=shown(dispute.amount_minor, dispute.currency),
                state=str(dispute.get_state_display()),
                notes=tuple(note for note in notes if note),
            )


def _papers(receipts: list[Receipt]) -> Iterator[Line]:
    numbers = {receipt.pk: receipt.number for receipt in receipts}
    for receipt in receipts:
        notes = []
        if receipt.replaces_id:
            notes.append(_("replaces %(number)s") % {"number": numbers[receipt.replaces_id]})
        if receipt.not_printed:
            notes.append(_("□ for %(characters)s") % {"characters": " ".join(receipt.not_printed)})
        if receipt.document.state == Job.State.DONE:
            url = reverse("admin:donations_receipt_pdf", args=[receipt.pk])
            notes.append(format_html('<a class="underline" href="{}">PDF</a>', url))
        yield Line(
            url=reverse("admin:donations_receipt_change", args=[receipt.pk]),
            what=receipt.number,
            amount=_amount(receipt),
            state=str(receipt.get_state_display()),
            notes=tuple(notes),
        )


def _moments(donation: Donation, attempts: list[PaymentAttempt], receipts: list[Receipt]) -> Iterator[GiftMoment]:
    yield GiftMoment(donation.created_at, _("The gift was entered"))
    for at, what, who, reason in trail.entries(donation):
        yield GiftMoment(at, what, who, reason)
    for attempt in attempts:
        number = {"number": attempt.number}
        yield GiftMoment(attempt.created_at, _("Payment %(number)s was begun") % number)
        if attempt.succeeded_at:
            yield GiftMoment(attempt.succeeded_at, _("Payment %(number)s succeeded") % number)
        for decline in attempt.declines.all():
            yield GiftMoment(decline.declined_at, _("A card was declined in payment %(number)s") % number)
        for warning in attempt.fraud_warnings.all():
            said = _("The bank warned of fraud: %(kind)s") % {"kind": warning.fraud_shown}
            yield GiftMoment(warning.created_at, said)
        for dispute in attempt.disputes.all():
            yield GiftMoment(dispute.created_at, _("The donor’s bank opened a dispute or inquiry"))
        for refund in attempt.refunds.all():
            if refund.stripe_id:
                said = _("Stripe took the refund of %(amount)s") % {"amount": _amount(refund)}
                yield GiftMoment(refund.created_at, said)
    for receipt in receipts:
        for delivery in receipt.deliveries.all():
            if delivery.email is not None:
                said = _("Receipt %(number)s was mailed: %(state)s")
                state = trail.SENDING[delivery.shown_state]
                url = reverse("admin:logistics_email_change", args=[delivery.email.pk])
                yield GiftMoment(
                    delivery.email.ended_at or delivery.email.created_at,
                    said % {"number": receipt.number, "state": state},
                    url=url,
                )
