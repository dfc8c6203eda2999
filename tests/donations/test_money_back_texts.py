"""Every text about returned money says how much went back and how much remains; "whole" only if nothing remains."""

from dataclasses import dataclass
from html import unescape
from typing import Any

import pytest
from django.test import Client

from donations.donors import services as donors
from donations.donors.models import Donor
from donations.gifts import tokens
from donations.gifts.models import Donation
from logistics.roles import Role
from tests.clients import signed_in
from tests.donations.giving import Giving, donation_of, intent_of, mails, receipts_of, received
from tests.donations.pages import link_in_last_mail
from tests.makers.people import make_user

GIVEN = 500_50
WHOLE = {"en": "whole gift", "fr": "en totalité"}


@dataclass(frozen=True)
class Case:
    """The steps that happen to a gift of HK$500.50, and the expected result; minor units."""

    steps: list[tuple[str, int]]
    refunded: int = 0
    charged_back: int = 0
    another: int = 0  # of what went back, the last part
    came_back: int = 0  # a refund that failed

    @property
    def kept(self) -> int:
        return GIVEN - self.refunded - self.charged_back


CASES = {
    "refunded in part": Case([("refund", 100_00)], refunded=100_00),
    "refunded in full": Case([("refund", GIVEN)], refunded=GIVEN),
    "refunded in two parts": Case([("refund", 100_00), ("refund", 50_50)], refunded=150_50, another=50_50),
    "refunded in part, then the rest": Case([("refund", 100_00), ("refund", 400_50)], refunded=GIVEN, another=400_50),
    "a refund fails": Case([("refund", 100_00), ("fail", 100_00)], came_back=100_00),
    "one of two refunds fails": Case(
        [("refund", 50_00), ("refund", 100_00), ("fail", 100_00)], refunded=50_00, came_back=100_00
    ),
    "lost": Case([("lost", GIVEN)], charged_back=GIVEN),
    "lost in part": Case([("lost", 200_50)], charged_back=200_50),
    "won": Case([("won", GIVEN)]),
    "refunded in part, the rest lost": Case(
        [("refund", 100_00), ("lost", 400_50)], refunded=100_00, charged_back=400_50, another=400_50
    ),
    "refunded in part, a part lost": Case(
        [("refund", 100_00), ("lost", 200_50)], refunded=100_00, charged_back=200_50, another=200_50
    ),
}


# The others say in other words what these say.
SHORT = {"refunded in part", "refunded in full", "a refund fails", "lost", "refunded in part, the rest lost"}
CASES_IN_SHORT = [
    pytest.param(case, id=name, marks=[] if name in SHORT else pytest.mark.long) for name, case in CASES.items()
]


def do(giving: Giving, gift: dict[str, Any], case: Case) -> None:
    """Run the steps at Stripe, and deliver and book the events after each one."""
    control, intent, refund = giving.stand_in.control, intent_of(gift), ""
    for step, amount in case.steps:
        if step == "refund":
            refund = control.refund(payment_intent=intent, amount=amount)["id"]
        elif step == "fail":
            control.fail_refund(refund)
        else:
            control.close_dispute(control.dispute(intent, amount=amount)["id"], status=step)
        giving.deliver()
        giving.work()


def printed(amount_minor: int, language: str) -> str:
    """Formatted by hand, because our own formatting is under test."""
    english = f"{amount_minor / 100:,.2f}"
    return f"HK${english}" if language == "en" else f"{english.replace('.', ',')} HKD"


def plain(text: str) -> str:
    return unescape(text).replace("\N{NO-BREAK SPACE}", " ")


def check(text: str, case: Case, language: str, *amounts: int) -> None:
    """Check that the text names these amounts, and mentions the whole gift only if nothing remains."""
    for amount in amounts:
        assert printed(amount, language) in text, (printed(amount, language), text)
    went_back_at_once = case.kept == 0 and not (case.refunded and case.charged_back)
    assert (WHOLE[language] in text) == went_back_at_once, text


def facts(case: Case) -> list[int]:
    """Return the amounts that a text about this case must name, once something went back."""
    went_back = [one for one in (case.refunded, case.charged_back) if one]
    return [GIVEN, *went_back, *([case.kept] if case.kept else [])] if went_back else []


def gift_of(giving: Giving, language: str) -> dict[str, Any]:
    donor = {"name": "Chan Tai Man", "email": "taiman@example.org", "language": language}
    gift = giving.give(donor=donor)
    giving.type_card(gift["checkout_url"])
    giving.deliver()
    giving.work()
    return gift


def take_name_away() -> None:
    finance = make_user(Role.FINANCE)
    donor = Donor.objects.get()
    donors.correct(donor, version=donor.version, changes={"name": ""}, by=finance, at=donor.created_at)


@pytest.mark.parametrize("language", ["en", pytest.param("fr", marks=pytest.mark.long)])
@pytest.mark.parametrize("case", CASES_IN_SHORT)
def test_texts_for_a_donor_with_a_name(giving: Giving, case: Case, language: str) -> None:
    gift = gift_of(giving, language)

    do(giving, gift, case)

    check_mail_with_receipt(gift, case, language)
    check_what_staff_and_programs_read(giving, gift, case)
    check_pages(giving, gift, case, language)


@pytest.mark.parametrize("language", [pytest.param("en", marks=pytest.mark.long), "fr"])
@pytest.mark.parametrize("case", CASES_IN_SHORT)
def test_texts_for_a_donor_without_a_name(giving: Giving, case: Case, language: str) -> None:
    gift = gift_of(giving, language)
    take_name_away()

    do(giving, gift, case)

    check_mail_without_receipt(case, language)
    check_pages(giving, gift, case, language)


def check_mail_with_receipt(gift: dict[str, Any], case: Case, language: str) -> None:
    text = plain(mails()[-1].body)
    check(text, case, language, *facts(case))
    if case.another:
        more = {"en": "another {} was returned to you", "fr": "{} de plus vous ont été reversés"}[language]
        assert more.format(printed(case.another, language)) in text
    if case.came_back:
        failed = {"en": "a refund of {} did not go through", "fr": "un remboursement de {} n’a pas abouti"}[language]
        assert failed.format(printed(case.came_back, language)) in text
    if case.kept:
        receipt = receipts_of(donation_of(gift))[-1]
        attached = {"en": "Your receipt {} for {} is", "fr": "Votre reçu {} de {} est"}[language]
        assert attached.format(receipt.number, printed(case.kept, language)) in text
    else:
        assert mails()[-1].attachments == []


def check_mail_without_receipt(case: Case, language: str) -> None:
    """The first returned money cancels the receipt, and none can follow; a won dispute cancels nothing."""
    step, amount = case.steps[0]
    sent = [one for one in mails()[1:] if one.to == ["taiman@example.org"]]  # not to finance
    if step == "won":
        assert sent == []
        return
    [mail] = sent
    text, kept = plain(mail.body), GIVEN - amount
    assert "Chan" not in text
    assert (WHOLE[language] in text) == (kept == 0)
    for one in (amount, GIVEN, kept):
        assert one == 0 or printed(one, language) in text, text
    new_receipt = {"en": "a new receipt for {}", "fr": "un nouveau reçu de {}"}[language]
    assert (new_receipt.format(printed(kept, language)) in text) == (kept > 0)


def check_pages(giving: Giving, gift: dict[str, Any], case: Case, language: str) -> None:
    visitor = Client(headers={"Accept-Language": language})
    visitor.post("/my-gifts/", {"email": "taiman@example.org"})
    giving.work()
    visitor.post(link_in_last_mail())

    page = plain(visitor.get(tokens.path_of(donation_of(gift))).content.decode())
    listed = plain(visitor.get("/my-gifts/").content.decode())

    for html in (page, listed):
        check(html, case, language, *facts(case))
    ended = {"en": "no longer valid", "fr": "plus valable"}[language]
    assert (ended in page) == (case.kept == 0)


def check_what_staff_and_programs_read(giving: Giving, gift: dict[str, Any], case: Case) -> None:
    donation, finance = donation_of(gift), signed_in(Role.FINANCE)

    answer = giving.client.get(f"/api/v1/gifts/{gift['token']}/").json()
    for_finance = finance.get(f"/api/v1/donations/{donation.pk}/").json()
    page = plain(finance.get(f"/admin/donations/donation/{donation.pk}/change/").content.decode())
    listed = plain(finance.get("/admin/donations/donation/").content.decode())

    written = [f"{one / 100:.2f}" for one in (GIVEN, case.refunded, case.charged_back, case.kept)]
    assert [answer[name] for name in ("amount", "refunded", "charged_back", "kept")] == written
    assert [for_finance[name] for name in ("amount", "refunded", "charged_back")] == written[:3]
    nothing_left = {f"No receipt can be issued for a gift that is {how}." for how in ("refunded", "charged back")}
    [issue] = [one for one in for_finance["allowed_actions"] if one["action"] == "issue-receipt"]
    assert (issue["reason"] in nothing_left) == (case.kept == 0)
    for amount in written[:3]:
        assert f"{amount} HKD" in page
    assert f"{written[0]} HKD" in listed and f"{written[3]} HKD" in listed
    assert "minor units" not in page and str(GIVEN) not in page


def test_a_resent_receipt_has_the_same_text(giving: Giving) -> None:
    gift = received(giving)
    do(giving, gift, CASES["refunded in two parts"])
    before = mails()[-1].body

    receipt = receipts_of(donation_of(gift))[-1]
    form = {"action": "send_again", "_selected_action": [str(receipt.pk)]}
    signed_in(Role.FINANCE).post("/admin/donations/receipt/", form)
    giving.work()

    assert mails()[-1].body == before
    assert Donation.objects.get().kept_minor == 350_00
