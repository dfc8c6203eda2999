from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from unfold.decorators import display

from donations.admin_parts import FactsAdmin
from donations.disputes.models import DisputeState
from donations.payments.models import AttemptState
from donations.reconciliation.models import StripeDifference
from donations.refunds.models import RefundState
from logistics import wording

STATES = {
    StripeDifference.About.PAYMENT: AttemptState,
    StripeDifference.About.REFUND: RefundState,
    StripeDifference.About.DISPUTE: DisputeState,
}


class SettledFilter(admin.SimpleListFilter):
    title = gettext_lazy("settled")
    parameter_name = "settled"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        return [("no", gettext("No")), ("yes", gettext("Yes"))]

    def queryset(self, request: HttpRequest, rows: QuerySet[StripeDifference]) -> QuerySet[StripeDifference]:
        return rows if self.value() is None else rows.filter(ended_at__isnull=self.value() == "no")


@admin.register(StripeDifference)
class StripeDifferenceAdmin(FactsAdmin):
    list_display = ["about", "kind", "ours_shown", "theirs_shown", "attempt", "happened_at", "found_at", "ended_at"]
    fields = (
        ("about", "kind"),
        ("ours_shown", "theirs_shown"),
        "attempt",
        "stripe_id",
        ("happened_at", "found_at", "ended_at"),
    )
    readonly_fields = ("ours_shown", "theirs_shown")
    list_filter = [SettledFilter, "about", "kind"]
    search_fields = ["stripe_id__exact"]

    @display(description=gettext_lazy("our books"))
    def ours_shown(self, row: StripeDifference) -> str:
        return _in_words(row, row.ours)

    @display(description=pgettext_lazy("difference with Stripe", "Stripe"))
    def theirs_shown(self, row: StripeDifference) -> str:
        return _in_words(row, row.theirs)


def _in_words(row: StripeDifference, said: str) -> str:
    """Return a state by its name, or an amount as the reader writes it; a dash for nothing."""
    if row.kind == StripeDifference.Kind.STATE:
        names = dict(STATES[StripeDifference.About(row.about)].choices)
        return str(names.get(said, said))
    currency, _, amount = said.partition(" ")
    return f"{wording.number(amount, [wording.page_language()])} {currency}" if amount else "–"
