"""The admin's first page and its sidebar: jobs, shipments and gifts by state, the latest audit entries."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.db.models import Count, Min, Model, Sum
from django.db.models.functions import Now
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from config.health import WATCHED
from donations.alarms import desk
from donations.gifts.models import Donation
from logistics import lists
from logistics.audit import services as audit
from logistics.audit.models import AuditEntry
from logistics.charity import services as charities
from logistics.documents.models import Document
from logistics.health import services as health
from logistics.jobs.models import Job
from logistics.jobs.services import job_models
from logistics.mail.models import Email
from logistics.money import amounts as money
from logistics.people.models import User
from shipments.shipments.models import Shipment
from shipments.shipments.states import Status

TRAIL = 12
# Group -> (model, Material Symbols icon).
ROOMS: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
    (
        gettext_noop("Giving"),
        (
            ("donations.donation", "volunteer_activism"),
            ("donations.receipt", "receipt_long"),
            ("donations.donor", "person_heart"),
            ("donations.appeal", "campaign"),
            ("donations.refund", "undo"),
            ("donations.dispute", "gavel"),
            ("donations.fraudwarning", "gpp_maybe"),
            ("donations.paymentattempt", "credit_card"),
            ("donations.stripeevent", "webhook"),
            ("donations.stripedifference", "difference"),
            ("donations.givingswitch", "toggle_on"),
        ),
    ),
    (
        gettext_noop("Goods"),
        (
            ("shipments.shipment", "local_shipping"),
            ("shipments.package", "package_2"),
            ("shipments.delivery", "inventory"),
            ("shipments.discrepancy", "difference"),
            ("shipments.upload", "upload_file"),
            ("logistics.item", "category"),
            ("logistics.category", "sell"),
        ),
    ),
    (
        gettext_noop("Partners"),
        (
            ("logistics.partner", "handshake"),
            ("logistics.contact", "contacts"),
            ("logistics.site", "location_on"),
            ("shipments.reveal", "link"),
            ("logistics.refusedtext", "block"),
            ("logistics.apikey", "key"),
        ),
    ),
    (
        gettext_noop("System"),
        (
            ("logistics.document", "description"),
            ("logistics.email", "mail"),
            ("logistics.unsubscription", "unsubscribe"),
            ("logistics.auditentry", "history"),
            ("logistics.charity", "domain"),
            ("logistics.user", "group"),
            ("logistics.membership", "badge"),
            ("logistics.healthcheck", "vital_signs"),
        ),
    ),
)


def navigation(request: HttpRequest) -> list[dict[str, object]]:
    """Return the sidebar, grouped by room: the registered pages that this user may see."""
    groups: list[dict[str, object]] = [
        {"items": [{"title": _("Overview"), "icon": "dashboard", "link": reverse("admin:index")}]}
    ]
    for title, entries in ROOMS:
        items = [item for label, icon in entries if (item := _item(request, label, icon))]
        if items:
            groups.append({"title": _(title), "separator": True, "items": items})
    return groups


def _item(request: HttpRequest, label: str, icon: str) -> dict[str, object] | None:
    app, name = label.split(".")
    try:
        model = apps.get_model(app, name)
    except LookupError:
        return None
    page = admin.site._registry.get(model)
    if page is None or not page.has_view_permission(request):
        return None
    title = str(model._meta.verbose_name_plural)
    return {"title": _(_sentence(title)), "icon": icon, "link": reverse(f"admin:{app}_{name}_changelist")}


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def environment(request: HttpRequest) -> list[object] | None:
    """Return the badge that marks a demonstration."""
    return [gettext_lazy("Demonstration"), "warning"] if settings.DEVELOPMENT else None


@dataclass(frozen=True)
class Card:
    """One figure; `tone` colours it: good, warn, bad or none."""

    title: str
    figure: str
    note: str
    link: str = ""
    tone: str = ""


@dataclass(frozen=True)
class Bar:
    """The number of rows in one state; `share` is relative to the largest, in per cent."""

    title: str
    count: int
    share: int
    link: str
    note: str = ""


@dataclass(frozen=True)
class Panel:
    """The rows of one kind by state; `note` stands below them."""

    title: str
    bars: list[Bar]
    empty: str
    note_title: str = ""
    note: str = ""


def dashboard(request: HttpRequest, context: dict[str, object]) -> dict[str, object]:
    """Add the data of the admin's first page that this user may see."""
    user = cast(User, request.user)
    panels = [Panel(_("Shipments by state"), _shipments(), _("No shipment yet."))]
    if user.has_perm("donations.view_donation"):
        received = "; ".join(_this_month())
        panels.append(
            Panel(_("Donations by state"), _donations(), _("No donation yet."), _("Received this month:"), received)
        )
    context |= {
        "cards": [*_cards(request), *_finance_cards(request)],
        "panels": panels,
        "hello": _("Hello, %s") % user.name.split(" ")[0],
    }
    if user.has_perm("logistics.view_auditentry"):
        latest = AuditEntry.objects.select_related("by").order_by("-id")[:TRAIL]
        context["trail"] = [(entry, _(entry.verb), audit.kind_name(entry.subject_kind)) for entry in latest]
    return context


def _jobs() -> tuple[int, int, float]:
    """Return the number of waiting jobs, the number of dead ones, and the delay of the oldest due one in seconds."""
    waiting, dead, late_s = 0, 0, 0.0
    for model in job_models():
        undone = model.objects.filter(state__in=[Job.State.PENDING, Job.State.LEASED, Job.State.DEAD])
        counts = dict(undone.values_list("state").annotate(Count("pk")).order_by())
        dead += counts.get(Job.State.DEAD, 0)
        waiting += counts.get(Job.State.PENDING, 0) + counts.get(Job.State.LEASED, 0)
        oldest = model.objects.due().aggregate(late=Now() - Min("run_after"))["late"]
        late_s = max(late_s, oldest.total_seconds() if oldest else 0.0)
    return waiting, dead, late_s


def _cards(request: HttpRequest) -> list[Card]:
    waiting, dead, late_s = _jobs()
    ages = health.ages_s()
    silent = [
        name for name in WATCHED
        if ages.get(name, float("inf")) > health.SILENT_AFTER.total_seconds()
    ]  # fmt: skip
    broken = health.last_findings()
    late = _("the oldest is %d s overdue") % late_s if late_s > 5 else _("nothing is overdue")
    return [
        Card(_("Waiting"), str(waiting), late, tone="warn" if late_s > 60 else ""),
        Card(_("Dead"), str(dead), _dead_note(dead), _dead_link(request), tone="bad" if dead else "good"),
        Card(
            _("Workers"),
            _("alive") if not silent else _("silent"),
            ", ".join(silent) or _("all reported within the last minute"),
            tone="bad" if silent else "good",
        ),
        Card(
            _("Invariants"),
            "–" if broken is None else _("%d broken") % len(broken) if broken else _("hold"),
            "; ".join(_(statement) for statement in broken or ())
            or (_("not checked yet") if broken is None else _("checked every hour")),
            tone="bad" if broken else "good" if broken is not None else "",
        ),
    ]


def _finance_cards(request: HttpRequest) -> list[Card]:
    """Return what waits for finance, for those who see gifts."""
    if not request.user.has_perm("donations.view_donation"):
        return []
    return [
        Card(
            _sentence(str(one.title)),
            str(one.count),
            _("A deadline is within three days.") if one.is_urgent else "",
            one.path,
            tone="bad" if one.is_urgent else "warn",
        )
        for one in desk.waiting(at=timezone.now())
    ]


def _dead_note(dead: int) -> str:
    return _("Fix the cause, then retry them.") if dead else _("All work is done or under way.")


def _dead_link(request: HttpRequest) -> str:
    """Return the URL of the dead documents or mails, whichever are more; empty if this user may not see them."""
    counted = [(model.objects.filter(state=Job.State.DEAD).count(), model) for model in (Document, Email)]
    count, model = max(counted, key=lambda pair: pair[0])
    page = admin.site._registry.get(model)
    if not count or page is None or not page.has_view_permission(request):
        return ""
    return reverse(f"admin:logistics_{model._meta.model_name}_changelist") + "?state__exact=dead"


def _bars(rows: dict[str, tuple[int, str]], labels: Mapping[str, object], where: str) -> list[Bar]:
    most = max((count for count, _note in rows.values()), default=0)
    return [
        Bar(
            str(label),
            rows[state][0],
            round(100 * rows[state][0] / most),
            f"{where}?status__exact={state}",
            rows[state][1],
        )
        for state, label in labels.items()
        if state in rows
    ]


def _shipments() -> list[Bar]:
    return _bars(_by_status(Shipment, Status.values), dict(Status.choices), _list_of("shipment"))


def _donations() -> list[Bar]:
    statuses = Donation.Status
    return _bars(_by_status(Donation, statuses.values), dict(statuses.choices), _list_of("donation"))


def _by_status(model: type[Model], statuses: list[str]) -> dict[str, tuple[int, str]]:
    """Return how many rows there are in each state that has any, and a note where the number is an estimate."""
    counts = {status: lists.about(model._default_manager.filter(status=status)) for status in statuses}
    return {status: (count, "" if is_exact else _("about")) for status, (count, is_exact) in counts.items() if count}


def _list_of(name: str) -> str:
    app = {"shipment": "shipments", "donation": "donations"}[name]
    return reverse(f"admin:{app}_{name}_changelist") if admin.site.is_registered(apps.get_model(app, name)) else ""


def _this_month() -> list[str]:
    """Return what was received this month (in the charity's time zone), by currency: "HKD 1 500.50 from 3 gifts"."""
    first = charities.day_of(timezone.now()).replace(day=1)
    received = (
        Donation.objects.filter(received_on__gte=first)
        .exclude(status=Donation.Status.VOIDED)
        .values_list("currency")
        .annotate(total=Sum("amount_minor"), gifts=Count("pk"))
        .order_by("currency")
    )
    return [
        ngettext("%(currency)s %(amount)s from %(gifts)d gift", "%(currency)s %(amount)s from %(gifts)d gifts", gifts)
        % {"currency": currency, "amount": money.decimal_string(total, currency), "gifts": gifts}
        for currency, total, gifts in received
    ]
