from collections.abc import Callable
from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget, UnfoldBooleanWidget

from logistics.admin_parts import HouseAdmin, LookOnlyInline, VersionedForm, keep
from logistics.errors import DomainError
from logistics.ids import as_ids
from logistics.people.models import User
from shipments.deliveries.admin import DiscrepanciesInline
from shipments.imports import services as imports
from shipments.manifests import services as manifests
from shipments.manifests import totals
from shipments.manifests.models import Shipment, ShipmentSite
from shipments.moves import rules, services
from shipments.papers.models import Paper

COLOURS = {
    "draft": "info",
    "packing": "info",
    "sealed": "primary",
    "dispatched": "warning",
    "arrived": "warning",
    "partially_received": "warning",
    "received": "success",
    "closed": "success",
    "cancelled": "danger",
    "lost": "danger",
    "returned": "danger",
}
# Verb -> what its button says, its symbol, what becomes true, and whether a reason is asked for.
PAGES: dict[str, tuple[Any, str, Any, bool]] = {
    "check": (
        pgettext_lazy("shipment, a button", "Checked"),
        "checklist",
        gettext_lazy("You confirm that you compared the packages with the manifest. The packer cannot do this."),
        False,
    ),
    "seal": (
        pgettext_lazy("shipment, a button", "Seal"),
        "lock",
        gettext_lazy("The manifest can no longer be changed, and the packing list is issued."),
        False,
    ),
    "reopen": (
        gettext_lazy("Reopen"),
        "lock_open",
        gettext_lazy("The packing list is no longer valid; the next seal issues a new version."),
        True,
    ),
    "dispatch": (
        gettext_lazy("Dispatch"),
        "local_shipping",
        gettext_lazy("The goods leave. From now on the partner sees the shipment, and is notified by email."),
        False,
    ),
    "arrive": (
        pgettext_lazy("shipment, a button", "Arrived"),
        "where_to_vote",
        gettext_lazy("Nothing has been counted yet."),
        False,
    ),
    "lose": (
        pgettext_lazy("shipment, a button", "Lost"),
        "report",
        gettext_lazy("The whole shipment is lost: a discrepancy is opened."),
        True,
    ),
    "find": (
        pgettext_lazy("shipment, a button", "Found"),
        "travel_explore",
        gettext_lazy("The shipment that was lost has arrived."),
        False,
    ),
    "return": (gettext_lazy("Returned to us"), "keyboard_return", gettext_lazy("The goods are back with us."), True),
    "close": (
        pgettext_lazy("shipment, a button", "Close"),
        "task_alt",
        gettext_lazy("Everything is accounted for and settled."),
        False,
    ),
    "cancel": (
        gettext_lazy("Cancel shipment"),
        "cancel",
        gettext_lazy("The shipment will not leave, and its papers are no longer valid."),
        True,
    ),
}
MOVES: dict[str, Callable[..., Shipment]] = {
    name: getattr(services, {"return": "send_back"}.get(name, name)) for name in PAGES
}


class ShipmentForm(VersionedForm):
    class Meta:
        model = Shipment
        exclude = ()


class ReasonForm(forms.Form):
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextareaWidget, label=gettext_lazy("Reason (recorded in the audit trail)")
    )


class UploadForm(forms.Form):
    file = forms.FileField(widget=UnfoldAdminFileFieldWidget, label=gettext_lazy("Spreadsheet (.xlsx)"))
    dry_run = forms.BooleanField(
        required=False,
        initial=True,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Only check, import nothing"),
    )
    replace = forms.BooleanField(
        required=False, widget=UnfoldBooleanWidget, label=gettext_lazy("Replace the packages that are already there")
    )


class StopsInline(LookOnlyInline):
    model = ShipmentSite
    fields = ("mark", "site", "hand_over_point")
    readonly_fields = fields
    show_change_link = False
    verbose_name_plural = gettext_lazy("sites")

    @display(description=gettext_lazy("hand-over point"))
    def hand_over_point(self, stop: ShipmentSite) -> str:
        return stop.site.hand_over_point


class PapersInline(LookOnlyInline):
    model = Paper
    fields = ("kind", "number", "version", "replaces", "state", "valid", "pdf")
    readonly_fields = fields
    show_change_link = False

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Paper]":
        papers: QuerySet[Paper] = super().get_queryset(request)
        return papers.select_related("document__replaces").defer("document__context", "document__replaces__context")

    @display(description=gettext_lazy("in place of"))
    def replaces(self, paper: Paper) -> str:
        return paper.document.replaces.number if paper.document.replaces else "–"

    @display(description=gettext_lazy("state"))
    def state(self, paper: Paper) -> str:
        document = paper.document
        return document.state if document.state in ("done", "dead") else f"{document.progress} %"

    @display(description=gettext_lazy("valid"), boolean=True)
    def valid(self, paper: Paper) -> bool:
        return paper.document.superseded_at is None

    @display(description="PDF")
    def pdf(self, paper: Paper) -> str:
        address = {"shipment": paper.shipment_id, "pk": paper.pk}
        return format_html('<a href="{}">PDF</a>', reverse("paper-download", kwargs=address))


@admin.register(Shipment)
class ShipmentAdmin(HouseAdmin):
    form = ShipmentForm
    list_display = (
        "number",
        "title",
        "consignee",
        "status_shown",
        "package_count",
        "gross_kg",
        "departs_on",
        "arrives_on",
    )
    list_filter = ("status", "mode", "consignee")
    search_fields = ("number", "reference", "title", "container_number", "bill_of_lading")
    list_select_related = ("consignee",)
    ordering = ("-id",)
    autocomplete_fields = ("consignee",)
    inlines = (StopsInline, PapersInline, DiscrepanciesInline)
    fieldsets = (
        (None, {"fields": ("seen_version", ("number", "status"), "figures", "packages_shown")}),
        (
            gettext_lazy("What and to whom"),
            {"fields": ("title", "reference", "purpose", "consignee", "notify_party", "hand_over_point")},
        ),
        (
            gettext_lazy("How"),
            {
                "fields": (
                    ("mode", "incoterm", "incoterm_place"),
                    ("port_of_loading", "port_of_discharge", "place_of_delivery"),
                    ("container_number", "container_type", "seal_number"),
                    ("container_tare_kg", "container_payload_kg"),
                    ("cargo_tracking_note", "bill_of_lading"),
                )
            },
        ),
        (gettext_lazy("When"), {"fields": (("packed_on", "departs_on"), ("reaches_port_on", "arrives_on"))}),
        (gettext_lazy("For the customs"), {"fields": ("customs_currency", ("freight_minor", "freight_currency"))}),
    )
    actions_detail = ("upload", *(f"do_{name}" for name in PAGES))

    def get_readonly_fields(self, request: HttpRequest, obj: Shipment | None = None) -> tuple[str, ...]:
        shown = ("number", "status", "figures", "packages_shown")
        if obj is None or obj.may_be_packed:
            return shown
        still = manifests.TRANSPORT_FIELDS if obj.status in manifests.STILL_MOVING else frozenset()
        editable = {field.name for field in Shipment._meta.fields if field.editable}
        return (*shown, *sorted(editable - still))

    def save_model(self, request: HttpRequest, obj: Shipment, form: ShipmentForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            saved = manifests.edit(obj, form.changes(), version=form.cleaned_data["seen_version"], by=by, at=at)
        else:
            values = form.values()
            # All sites of the partner, by letters, until somebody says otherwise over the API.
            sites = values["consignee"].sites.order_by("code")
            stops = [manifests.Stop(site, chr(ord("A") + place)) for place, site in enumerate(sites[:26])]
            saved = manifests.create(**values, stops=stops, by=by, at=at)
        keep(obj, saved)

    @display(description=gettext_lazy("status"), label=COLOURS, ordering="status")
    def status_shown(self, shipment: Shipment) -> tuple[str, str]:
        return shipment.status, str(shipment.get_status_display())

    @display(description=gettext_lazy("figures"))
    def figures(self, shipment: Shipment) -> str:
        if shipment._state.adding:
            return "–"
        now = totals.of(shipment)
        return (
            f"{now.package_count} packages, {now.line_count} lines, {now.gross_kg} kg gross, {now.net_kg} kg net,"
            f" {now.volume_m3} m³"
        )

    @display(description=gettext_lazy("manifest"))
    def packages_shown(self, shipment: Shipment) -> str:
        if shipment._state.adding:
            return "–"
        url = reverse("admin:shipments_package_changelist")
        return format_html('<a href="{}?shipment__id__exact={}">{}</a>', url, shipment.pk, gettext_lazy("Packages"))

    def has_upload_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        if not cast(User, request.user).has_role(*rules.WAREHOUSE):
            return False
        shipment = Shipment.objects.filter(pk__in=as_ids(object_id)).first()
        return object_id is None or (shipment is not None and shipment.may_be_packed)

    @action(description=gettext_lazy("Spreadsheet"), url_path="upload", permissions=["upload"], icon="upload_file")
    def upload(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a spreadsheet, and go to the page that shows how far it is."""
        shipment = self._shipment(request, object_id)
        form = UploadForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            told = form.cleaned_data
            try:
                row = imports.upload(
                    shipment,
                    told["file"].read(),
                    dry_run=told["dry_run"],
                    replace=told["replace"],
                    by=cast(User, request.user),
                    at=timezone.now(),
                )
                return HttpResponseRedirect(reverse("admin:shipments_upload_change", args=[row.pk]))
            except DomainError as refusal:
                messages.error(request, str(refusal))
        said = gettext_lazy(
            "The file is read in the background. It is imported as a whole, or refused with a list of all errors."
        )
        return self._page(request, shipment, form, gettext_lazy("Send"), said)

    def _shipment(self, request: HttpRequest, object_id: str) -> Shipment:
        shipment: Shipment | None = self.get_object(request, object_id)
        if shipment is None:
            raise PermissionDenied
        return shipment

    def _page(
        self,
        request: HttpRequest,
        shipment: Shipment,
        form: forms.Form,
        verb: Any,
        said: Any,
        *,
        refused: DomainError | None = None,
    ) -> HttpResponse:
        """Ask; or, where the rules refuse what would be asked, say why in place of the button."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{shipment.number}: {verb}",
            "form": form,
            "verb": verb,
            "said": said,
            "refused": refused,
            "back": reverse("admin:shipments_shipment_change", args=[shipment.pk]),
        }
        return TemplateResponse(request, "shipments/admin/move.html", context)

    def _move(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask once more, with the reason where one is needed; then move the shipment by its service."""
        verb, _icon, said, needs_reason = PAGES[name]
        shipment = self._shipment(request, object_id)
        by = cast(User, request.user)
        form = (ReasonForm if needs_reason else forms.Form)(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                MOVES[name](shipment, **form.cleaned_data, by=by, at=timezone.now())
                messages.success(request, f"{shipment.number}: {verb}")
            except DomainError as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:shipments_shipment_change", args=[shipment.pk]))
        return self._page(request, shipment, form, verb, said, refused=rules.refusal(name, shipment, by))


def _add_move(name: str) -> None:
    """Give the page of shipments a button for one move, shown to those who may, in the states that it starts from."""
    verb, icon, _said, _needs_reason = PAGES[name]
    move = rules.MOVES[name]

    def may(self: ShipmentAdmin, request: HttpRequest, object_id: Any = None) -> bool:
        if not cast(User, request.user).has_role(*move.roles):
            return False
        return object_id is None or Shipment.objects.filter(pk__in=as_ids(object_id), status__in=move.sources).exists()

    def page(self: ShipmentAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
        return self._move(request, object_id, name)

    page.__name__ = f"do_{name}"
    decorated = action(description=verb, url_path=name, permissions=[f"do_{name}"], icon=icon)(page)
    setattr(ShipmentAdmin, f"has_do_{name}_permission", may)
    setattr(ShipmentAdmin, f"do_{name}", decorated)


for _name in PAGES:
    _add_move(_name)
