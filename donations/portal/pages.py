"""The donors' pages. Plain HTML: they work without script, on an old phone over a slow connection.

Only the page of a challenge has a script, which computes the proof of work; without it there is the link by mail.
"""

import functools
import json
from datetime import timedelta

from django.core.paginator import Paginator
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from donations import amounts
from donations.appeals import services as appeals
from donations.appeals.models import Appeal
from donations.challenges import services as challenges
from donations.challenges.services import ChallengeRequired, Proof, TooManyGifts
from donations.donors.models import Donor
from donations.gifts import online, repeats, tokens
from donations.gifts import services as gifts
from donations.gifts.api import receipt_response
from donations.gifts.models import Donation
from donations.gifts.status import status_of
from donations.payments import services as payments
from donations.payments.models import PaymentAttempt
from donations.portal import languages, services, tokens_of_forms
from donations.portal.forms import EmailForm, GiftForm, UnpaidGiftForm, as_typed, countries, suggestions
from donations.portal.languages import Page, in_two_languages
from donations.portal.progress import progress_of
from donations.receipts import services as receipts
from donations.stripe import gateway
from donations.switches import services as switches
from logistics.charity import look as looks
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.documents import services as documents
from logistics.errors import DomainError, Invalid
from logistics.permissions import public_page
from logistics.visitors import address_of

# Slug of the form without an appeal.
MOST_NEEDED = "most-needed"
SIGNED_IN = "gifts_of_donor"
SESSION_LASTS = timedelta(hours=1)
GIFTS_A_PAGE = 50
# Fields of the challenge's page. The others on it are those of the form before, which are sent again.
SOLUTION, BY_MAIL = "altcha", "by_mail"
CONFIRM = "confirm"  # in the mailed link, and in the form of the gift's page


def _page(request: HttpRequest, name: str, context: dict[str, object], status: int = 200) -> HttpResponse:
    charity = Charity.objects.select_related("logo").defer("logo__content", "logo__small").first()
    switch = switches.the_switch()
    paused = "" if switch.is_on else switch.message(languages.current())
    look = looks.of(charity) if charity else looks.Look()
    shown = {"charity": charity, "look": look, "language": languages.current(), "paused": paused, **context}
    page = render(request, f"donations/pages/{name}.html", shown, status=status)
    if request.method == "POST" or name == "give_to":
        # Not "no-store": the browser's Back button could not show this page again with what was typed.
        page["Cache-Control"] = "private, no-cache"
    return page


def with_working_link(page: Page[[str]]) -> Page[[str]]:
    """Show a page of a gift only while its secret link works; otherwise tell the donor how to get a new one."""

    @functools.wraps(page)
    def shown(request: HttpRequest, token: str) -> HttpResponse:
        try:
            return page(request, token)
        except tokens.LinkEnded:
            return _page(request, "link_ended", {"days": tokens.LASTS.days}, status=410)

    return shown


@public_page
@require_safe
@in_two_languages
def give(request: HttpRequest) -> HttpResponse:
    """The appeals open today, with their progress."""
    charity = Charity.objects.first()
    if charity is None:
        return _page(request, "not_yet", {})
    today = charities.day_of(timezone.now(), charity)
    found = list(Appeal.objects.open_on(today).with_picture().order_by("-id")[:60])
    received = appeals.received(found)
    return _page(request, "give", {"shown": [progress_of(appeal, received[appeal.pk]) for appeal in found]})


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
@in_two_languages
def give_to(request: HttpRequest, slug: str) -> HttpResponse:
    """The giving form: redirects to Stripe's page if valid, else shows each error beside its field."""
    charity = get_object_or_404(Charity)
    today = charities.day_of(timezone.now(), charity)
    appeal = (
        None
        if slug == MOST_NEEDED
        else get_object_or_404(Appeal.objects.with_picture(), slug=slug, opens_on__lte=today)
    )
    form = GiftForm(request.POST or None)
    currency = str(
        request.POST.get("show") or request.POST.get("currency") or request.GET.get("currency") or ""
    ).upper()
    if currency not in charity.currencies:
        of_appeal = appeal.currency if appeal else ""
        currency = of_appeal if of_appeal in charity.currencies else charity.currencies[0]
    status = 200
    if request.method == "POST" and "show" in request.POST:
        form = GiftForm(initial={**request.POST.dict(), "suggested": ""})
    elif request.method == "POST":
        if form.is_valid():
            answer = _give(request, form, appeal)
            if answer is not None:
                return answer
        status = 422
    token = tokens_of_forms.token_of(request)
    page = _page(request, "give_to", {"token": token} | _form_context(charity, appeal, form, currency), status)
    tokens_of_forms.keep(page, token)
    return page


def _form_context(charity: Charity, appeal: Appeal | None, form: GiftForm, currency: str) -> dict[str, object]:
    progress = progress_of(appeal, appeals.received([appeal])[appeal.pk]) if appeal else None
    return {
        "form": form,
        "progress": progress,
        "is_open": appeal is None or appeal.is_open_on(charities.day_of(timezone.now(), charity)),
        "currency": currency,
        "currencies": charity.currencies,
        "suggestions": suggestions(currency),
        "countries": countries(charity.country),
        "consent_text": online.consent_text(languages.current()),
    }


def _give(request: HttpRequest, form: GiftForm, appeal: Appeal | None) -> HttpResponse | None:
    now, address = timezone.now(), address_of(request)
    wanted = form.donation_request(appeal=appeal.slug if appeal else "", language=languages.current())
    try:
        online.let_go_of_former(wanted, at=now)
        if BY_MAIL in request.POST:
            with transaction.atomic():
                online.give_by_mail(wanted, address=address, at=now)
            return _link_sent(request, wanted.email)
        with challenges.issued(now), transaction.atomic():
            attempt = online.give(wanted, address=address, proof=_proof(request), at=now)
    except ChallengeRequired as required:
        return _challenge_page(request, required, email=wanted.email)
    except repeats.AlreadyGiven as given:
        return HttpResponseRedirect(tokens.path_of(given.donation), status=303)
    except DomainError as refusal:
        form.refuse(refusal)
        return None
    return _to_checkout(attempt)


def _proof(request: HttpRequest) -> Proof:
    return Proof(solution=request.POST.get(SOLUTION, ""), link=request.POST.get(CONFIRM, ""))


def _challenge_page(request: HttpRequest, required: ChallengeRequired, *, email: str) -> HttpResponse:
    """The page of a challenge: sends the form again, with its solution or for a link by mail."""
    ours = {SOLUTION, BY_MAIL, CONFIRM, "csrfmiddlewaretoken"}
    context = {
        "fields": [(name, value) for name in request.POST if name not in ours for value in request.POST.getlist(name)],
        "challenge": json.dumps(required.details["challenge"]) if required.details["challenge"] else "",
        "by_mail": challenges.ChallengeMethod.MAIL in required.methods,
        "email": email,
    }
    return _page(request, "challenge", context, required.status)


def _link_sent(request: HttpRequest, email: str) -> HttpResponse:
    hours = int(challenges.LINK_LASTS.total_seconds() // 3600)
    return _page(request, "confirm_sent", {"email": email, "hours": hours})


def _to_checkout(attempt: PaymentAttempt) -> HttpResponse:
    """Redirect the donor to Stripe's page or, if it cannot be opened, to the gift's page to try again."""
    try:
        attempt = payments.open_checkout(attempt, at=timezone.now())
    except (gateway.PaymentProviderUnavailable, gateway.PaymentProviderMisconfigured):
        return HttpResponseRedirect(tokens.path_of(attempt.donation) + "?problem=provider", status=303)
    except gateway.PaymentRefused:
        return HttpResponseRedirect(tokens.path_of(attempt.donation) + "?problem=refused", status=303)
    return HttpResponseRedirect(attempt.checkout_url or tokens.path_of(attempt.donation), status=303)


@public_page
@require_safe
@in_two_languages
@with_working_link
def gift(request: HttpRequest, token: str) -> HttpResponse:
    """The status of a gift, for the donor who has its secret URL."""
    return _gift_page(request, tokens.donation_of(token), token)


def _gift_page(
    request: HttpRequest, donation: Donation, token: str, form: UnpaidGiftForm | None = None
) -> HttpResponse:
    shown = status_of(donation, at=timezone.now())
    problem = request.GET.get("problem") if shown.may_pay else None
    is_back = request.GET.urlencode() == payments.BACK_FROM_CHECKOUT
    context = {
        "form": form or UnpaidGiftForm(currency=donation.currency, initial={"amount": as_typed(donation)}),
        "gift": shown,
        "donation": shown.donation,
        "token": token,
        "problem": problem,
        "confirm": request.POST.get(CONFIRM) or request.GET.get(CONFIRM, ""),
        # Stripe sends donors back only once they have paid, which it tells us a moment later. A session that has ended
        # was not paid: this is an old address, from a bookmark or the history.
        "is_confirming": shown.may_pay and is_back and shown.session_is_open,
    }
    page = _page(request, "gift", context, 422 if form else 200)
    if is_back or not shown.may_pay:
        tokens_of_forms.forget(page)
    return page


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
@in_two_languages
@with_working_link
def pay(request: HttpRequest, token: str) -> HttpResponse:
    """Continue to Stripe's page for a gift that is not paid yet, with the amount that the donor wants now."""
    donation = tokens.donation_of(token)
    if request.method != "POST":  # the page of a challenge has this address, and links to itself in another language
        return HttpResponseRedirect(tokens.path_of(donation))
    form = UnpaidGiftForm(request.POST, currency=donation.currency) if "amount" in request.POST else None
    if form and not form.is_valid():
        return _gift_page(request, donation, token, form)
    problem = ""
    try:
        if form:
            _change_amount(donation, form.cleaned_data["amount"])
        return _pay(request, donation)
    except Invalid as refusal:
        assert form
        form.refuse(refusal)
        return _gift_page(request, donation, token, form)
    except ChallengeRequired as required:
        return _challenge_page(request, required, email=donation.donor.email)
    except gateway.PaymentProviderUnavailable:
        problem = "?problem=provider"
    except TooManyGifts:
        problem = "?problem=limit"
    except (online.AlreadyPaid, switches.GivingPaused, repeats.AlreadyGiven):
        pass  # its page says so
    return HttpResponseRedirect(tokens.path_of(donation) + problem, status=303)


def _change_amount(donation: Donation, amount: str) -> None:
    amount_minor = amounts.parse(amount, donation.currency)
    repeats.let_go(donation, amount_minor=amount_minor, currency=donation.currency)
    online.change_amount(donation, amount_minor)


def _pay(request: HttpRequest, donation: Donation) -> HttpResponse:
    now, address = timezone.now(), address_of(request)
    if BY_MAIL in request.POST:
        with transaction.atomic():
            online.pay_by_mail(donation, address=address, at=now)
        return _link_sent(request, donation.donor.email)
    with challenges.issued(now), transaction.atomic():
        attempt = online.pay_again(donation, address=address, proof=_proof(request), at=now)
    return _to_checkout(attempt)


@public_page
@require_safe
@with_working_link
def gift_receipt(request: HttpRequest, token: str) -> HttpResponse:
    """The valid receipt of a gift, as a PDF; redirects to the gift's page while there is none."""
    donation = tokens.donation_of(token)
    try:
        return receipt_response(donation)
    except (documents.DocumentNotReady, receipts.NoReceipt):
        return HttpResponseRedirect(tokens.path_of(donation))


# --- My gifts ---------------------------------------------------------------------------------


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
@in_two_languages
def my_gifts(request: HttpRequest) -> HttpResponse:
    """A signed-in donor's gifts, or the form to ask for a link."""
    if request.method == "POST":
        return _ask_for_link(request)
    donor = _donor_signed_in(request)
    if donor is None:
        return _page(request, "sign_in", {"form": EmailForm()})
    found = gifts.gifts_under(donor.email).order_by("-id").prefetch_related(receipts.valid_receipts())
    pages = Paginator(found, GIFTS_A_PAGE)
    return _page(request, "my_gifts", {"donor": donor, "gifts": pages.get_page(request.GET.get("page"))})


def _ask_for_link(request: HttpRequest) -> HttpResponse:
    form = EmailForm(request.POST)
    if not form.is_valid():
        return _page(request, "sign_in", {"form": form}, status=422)
    services.ask_for_link(
        form.cleaned_data["email"], language=languages.current(), address=address_of(request), at=timezone.now()
    )
    return _page(request, "sign_in_sent", {"minutes": int(services.LINK_LASTS.total_seconds() // 60)})


@public_page
@require_http_methods(["GET", "HEAD", "POST"])
@in_two_languages
def enter(request: HttpRequest, token: str) -> HttpResponse:
    """The page opened by the mailed link: a button that uses up the link.

    Donors who open a used link while signed in are sent to their gifts.
    """
    if request.method != "POST":
        works = services.still_works(token)
        if not works and _donor_signed_in(request):
            return redirect("my-gifts")
        return _page(request, "enter", {"works": works})
    try:
        donor = services.enter(token, at=timezone.now())
    except services.SignInLinkInvalid:
        return _page(request, "enter", {"works": False}, status=410)
    request.session.flush()
    request.session[SIGNED_IN] = {"donor": str(donor.pk), "until": (timezone.now() + SESSION_LASTS).isoformat()}
    return redirect("my-gifts")


@public_page
@require_POST
def leave(request: HttpRequest) -> HttpResponse:
    request.session.flush()
    return redirect("my-gifts")


def _donor_signed_in(request: HttpRequest) -> Donor | None:
    signed_in = request.session.get(SIGNED_IN)
    if not isinstance(signed_in, dict):
        return None
    until = parse_datetime(signed_in["until"])
    if until is None or until < timezone.now():
        return None
    return Donor.objects.filter(pk=signed_in["donor"]).first()
