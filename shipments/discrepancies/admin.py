from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from logistics.admin_parts import ReadOnlyAdmin, ReadOnlyInline, for_back_button, may_act
from logistics.errors import DomainError
from logistics.forms import TidyForm
from logistics.ids import as_ids
from logistics.people.models import User
from shipments.discrepancies import services
from shipments.discrepancies.models import Discrepancy

STATES = {"open": "danger", "decided": "warning", "closed": "success"}


class DiscrepanciesInline(ReadOnlyInline):
    model = Discrepancy
    fields = ("kind", "package", "quantity", "reason", "state", "decision")
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Discrepancy]":
        rows: QuerySet[Discrepancy] = super().get_queryset(request)
        return rows.select_related("package")


class DecisionForm(TidyForm, forms.Form):
    decision = forms.ChoiceField(
        choices=[choice for choice in Discrepancy.Decision.choices if choice[0] != "none"],
        widget=UnfoldAdminSelectWidget,
        label=gettext_lazy("Decision"),
    )
    note = forms.CharField(
        max_length=500,
        required=False,
        widget=UnfoldAdminTextareaWidget,
        label=gettext_lazy("Reason (recorded in the audit trail)"),
    )


@admin.register(Discrepancy)
class DiscrepancyAdmin(ReadOnlyAdmin):
    """Differences between sent and received; a coordinator decides on each and closes it."""

    list_display = ("shipment", "kind", "package", "item", "quantity", "reason", "state_shown", "decision", "opened_at")
    list_filter = ("state", "kind", "decision")
    search_fields = ("shipment__number", "reason")
    list_select_related = ("shipment", "package", "line__item")
    ordering = ("-id",)
    fields = (
        ("shipment", "delivery", "kind"),
        ("package", "item", "quantity"),
        "reason",
        ("state", "opened_at"),
        ("decision", "decided_at", "decided_by"),
        "decision_note",
        ("closed_at", "closed_by"),
    )
    readonly_fields = ("item",)
    actions_detail = ("decide", "close")

    def title_of(self, request: HttpRequest, row: Model) -> str:
        """Return "SHP-2026-000001: Damage, package 17"."""
        found = cast(Discrepancy, row)
        words = [found.get_kind_display(), *([str(found.package)] if found.package else [])]
        return f"{found.shipment}: {', '.join(words)}"

    @display(description=gettext_lazy("item"))
    def item(self, row: Discrepancy) -> str:
        return str(row.line.item) if row.line else "–"

    @display(description=gettext_lazy("state"), label=STATES, ordering="state")
    def state_shown(self, row: Discrepancy) -> tuple[str, str]:
        return row.state, str(Discrepancy.State(row.state).label)

    def _may(self, request: HttpRequest, object_id: object, *states: str) -> bool:
        allowed = may_act(request, Discrepancy)
        rows = Discrepancy.objects.filter(pk__in=as_ids(object_id), state__in=states)
        return allowed and (object_id is None or rows.exists())

    def has_decide_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "open", "decided")

    def has_close_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "decided")

    @action(description=gettext_lazy("Decide"), url_path="decide", permissions=["decide"], icon="gavel")
    def decide(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(request, object_id, DecisionForm(request.POST or None), gettext_lazy("Decide"))

    @action(
        description=pgettext_lazy("discrepancy, a button", "Close"),
        url_path="close",
        permissions=["close"],
        icon="task_alt",
    )
    def close(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._page(
            request, object_id, forms.Form(request.POST or None), pgettext_lazy("discrepancy, a button", "Close")
        )

    def _page(self, request: HttpRequest, object_id: str, form: forms.Form, verb: object) -> HttpResponse:
        row = self.get_object(request, object_id)
        if row is None:
            raise PermissionDenied
        back = reverse("admin:shipments_discrepancy_change", args=[row.pk])
        if request.method == "POST" and form.is_valid():
            by, at = cast(User, request.user), timezone.now()
            try:
                if isinstance(form, DecisionForm):
                    data = form.cleaned_data
                    services.decide(row, **data, version=row.version, by=by, at=at)
                else:
                    services.close(row, version=row.version, by=by, at=at)
            except DomainError as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": self.title_of(request, row),
            "form": form,
            "verb": verb,
            "back": back,
        }
        return for_back_button(TemplateResponse(request, "shipments/admin/action.html", context))
