"""Demonstration data for donations: the charity, two appeals, and gifts by bank transfer, cash and cheque.

Card gifts come only through Stripe or its stand-in: try them on the giving page.
"""

from datetime import date, datetime, timedelta

from django.db import transaction

from donations.appeals import services as appeals
from donations.appeals.models import Appeal
from donations.gifts import offline
from donations.gifts.models import Donation
from donations.gifts.offline import OfflineGift
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.people.models import User
from logistics.roles import Role

CHARITY: charities.CharityFields = {
    "name": "Harbour Relief Hong Kong (fictional)",
    "name_local": "海港救援會（虛構）",
    "address": "Unit 5, 12/F, Example Centre\nTuen Mun, New Territories\nHong Kong",
    "country": "HK",
    "registration": "91/00000",
    "jurisdiction": "HK",
    "time_zone": "Asia/Hong_Kong",
    "email": "giving@example.org",
    "phone": "+852 2345 6789",
    "website": "https://example.org",
    "signatory": "Chan Tai Man 陳大文",
    "signatory_title": "Honorary Treasurer",
    "currencies": ["HKD", "XOF", "USD", "EUR"],
}
APPEALS: tuple[dict[str, str], ...] = (
    {
        "slug": "school-year",
        "title_en": "A school year: books, uniforms and a warm meal",
        "title_fr": "Une année d’école\N{NO-BREAK SPACE}: livres, uniformes et un repas chaud",
        "story_en": "What a child needs to stay in school for a year, bought where it is used.",
        "story_fr": "Ce qu’il faut à un enfant pour rester un an à l’école, acheté sur place.",
        "target_amount": "25000000",
        "currency": "XOF",
        "country": "ML",
    },
    {
        "slug": "mali",
        "title_en": "Mali: rescue and rehabilitation for survivors of trafficking",
        "title_fr": "Mali\N{NO-BREAK SPACE}: secours et réinsertion pour les survivants de la traite",
        "story_en": (
            "Beds, stoves, sewing machines and school books for five homes and training centres in Mali, run by a"
            " partner who has taken people in for years. A container of 270 packages leaves Hong Kong for Dakar and"
            " goes on by road.\n\nHK$500 furnishes a sleeping place. HK$2,500 equips a place in the sewing workshop."
        ),
        "story_fr": (
            "Des lits, des cuisinières, des machines à coudre et des manuels scolaires pour cinq foyers et centres de"
            " formation au Mali, tenus par un partenaire qui accueille des personnes depuis des années. Un conteneur"
            " de 270 colis part de Hong Kong pour Dakar et continue par la route.\n\n500\N{NO-BREAK SPACE}HKD équipent"
            " un couchage. 2\N{NO-BREAK SPACE}500\N{NO-BREAK SPACE}HKD équipent un poste à l’atelier de couture."
        ),
        "target_amount": "1500000.00",
        "currency": "HKD",
        "country": "ML",
    },
)
# Name, organisation, channel, amount, currency, appeal, days ago.
GIFTS: tuple[tuple[str, str, str, str, str, str, int], ...] = (
    ("", "Tuen Mun Rotary (fictional)", "cheque", "120000.00", "HKD", "mali", 40),
    ("Ho Ka Yan 何嘉欣", "", "bank", "3000.00", "HKD", "mali", 21),
    ("Moussa Keïta", "", "cash", "65500", "XOF", "school-year", 12),
    ("Élodie Garnier", "", "bank", "250.00", "EUR", "", 5),
    ("Lam Wing Sze 林詠詩", "", "cheque", "888.00", "HKD", "mali", 2),
)


@transaction.atomic
def demonstrate(at: datetime) -> list[Appeal]:
    """Create the charity, its appeals and the gifts, each only if missing; return the appeals."""
    finance = User.objects.filter(roles__contains=[Role.FINANCE]).order_by("id").first()
    if not Charity.objects.exists():
        charities.set_up(values=CHARITY, version=None, by=finance, at=at)
    today = charities.day_of(at)
    shown = []
    for values in APPEALS:
        appeal = Appeal.objects.filter(slug=values["slug"]).first()
        if appeal is None:
            fields = appeals.AppealFields(**values, opens_on=today - timedelta(days=60), closes_on=None, picture=None)
            appeal = appeals.publish(fields, by=finance, at=at)
        shown.append(appeal)
    if not Donation.objects.exists():
        for gift in GIFTS:
            offline.record(_offline_gift(gift, today), by=finance, at=at)
    return shown


def _offline_gift(gift: tuple[str, str, str, str, str, str, int], today: date) -> OfflineGift:
    name, organisation, channel, amount, currency, appeal, days_ago = gift
    french = currency in ("XOF", "EUR")
    return OfflineGift(
        amount=amount,
        currency=currency,
        channel=Donation.Channel(channel),
        received_on=today - timedelta(days=days_ago),
        appeal=appeal,
        name=name,
        organisation=organisation,
        email=f"donor{days_ago}@example.org",
        country="HK" if currency == "HKD" else "",
        language="fr" if french else "en",
    )
