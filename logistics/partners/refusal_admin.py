"""The admin of refused texts: safety officers read one, and allow it if it is harmless."""

from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from logistics.admin_parts import ReadOnlyAdmin
from logistics.errors import DomainError
from logistics.forms import TidyForm
from logistics.partners import addresses, refusals
from logistics.partners.models import RefusedText
from logistics.partners.site_admin import add_refusal
from logistics.partners.traces import field_name
from logistics.people.models import User
from logistics.people.recent import needs_recent_sign_in, proved_at


class AllowForm(TidyForm, forms.Form):
    reason = forms.CharField(
        min_length=addresses.REASON_MIN,
        max_length=500,
        label=gettext_lazy("Reason (recorded in the audit trail)"),
        widget=UnfoldAdminTextareaWidget,
    )


class AllowedFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[RefusedText]") -> list[tuple[str, str]]:
        return [("refused", _("refused")), ("allowed", _("allowed"))]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[RefusedText]") -> "QuerySet[RefusedText]":
        return queryset.filter(allowed_at__isnull=self.value() == "refused") if self.value() else queryset


@admin.register(RefusedText)
class RefusedTextAdmin(ReadOnlyAdmin):
    """Who entered a refused text, where and when. The text is shown by `review` only."""

    is_short = True
    list_display = ("refused_at", "partner", "field_shown", "refused_by", "state")
    list_filter = (AllowedFilter, "partner")
    list_select_related = ("partner", "refused_by")
    ordering = ("-refused_at", "-id")
    fields = (("partner", "field_shown"), ("refused_at", "refused_by"), ("allowed_at", "allowed_by"))
    readonly_fields = ("field_shown",)
    actions_detail = ("review",)

    @display(description=gettext_lazy("field"), ordering="field")
    def field_shown(self, row: RefusedText) -> str:
        return field_name(row.field) if row.field else "–"

    @display(description=gettext_lazy("state"), label={"refused": "warning", "allowed": "success"})
    def state(self, row: RefusedText) -> tuple[str, str]:
        return ("allowed", _("allowed")) if row.allowed_at else ("refused", _("refused"))

    def has_review_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return addresses.is_officer(cast(User, request.user))

    @action(description=gettext_lazy("Read the text"), url_path="review", permissions=["review"], icon="visibility")
    @needs_recent_sign_in
    def review(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the text, once the reading is recorded; then allow it, with a reason."""
        row = self.get_object(request, object_id)
        if row is None or not self.has_review_permission(request):
            raise PermissionDenied
        by, at, text = cast(User, request.user), timezone.now(), None
        form = AllowForm(request.POST if "reason" in request.POST else None)
        if form.is_bound and form.is_valid():
            try:
                refusals.allow(row, reason=form.cleaned_data["reason"], by=by, at=at)
            except DomainError as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, _("This text can now be entered for the partner."))
                return HttpResponseRedirect(reverse("admin:logistics_refusedtext_changelist"))
        if request.method == "POST":
            try:
                text = refusals.read(row, proved_at=proved_at(request), by=by, at=at)
            except DomainError as refusal:
                messages.error(request, str(refusal))
        context = {
            **self.admin_site.each_context(request),
            **{"title": _("A refused text for %(partner)s") % {"partner": row.partner.name}, "text": text},
            **{"field": self.field_shown(row), "row": row, "form": form},
            "back": reverse("admin:logistics_refusedtext_change", args=[row.pk]),
        }
        return TemplateResponse(request, "partners/refused_text.html", context)
