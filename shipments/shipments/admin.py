import re
from collections.abc import Callable
from typing import ClassVar, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.translation import gettext, gettext_lazy, pgettext_lazy
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from logistics import wording
from logistics.admin_parts import BaseAdmin, Cleaned, ReadOnlyInline, VersionedForm, copy_saved, for_back_button
from logistics.codes import choices, codes
from logistics.errors import DomainError, Invalid
from logistics.forms import TidyForm
from logistics.ids import as_ids
from logistics.money import amounts as money
from logistics.money import typed
from logistics.people.models import User
from shipments.shipments import actions, contents, lifecycle, services
from shipments.shipments.models import Shipment, ShipmentSite

ZERO = re.compile(r"0+([.,]0+)?")
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
# Action -> label of its button, icon, explanation of the effect, and whether a reason is required.
PAGES: dict[str, tuple[object, str, object, bool]] = {
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
TAKE: dict[str, Callable[..., Shipment]] = {
    name: getattr(lifecycle, {"return": "send_back"}.get(name, name)) for name in PAGES
}


class ShipmentForm(VersionedForm):
    freight = forms.CharField(
        required=False, max_length=typed.LONGEST, widget=UnfoldAdminTextInputWidget, label=gettext_lazy("freight")
    )

    class Meta:
        model = Shipment
        exclude = ("freight_minor",)
        widgets: ClassVar = dict.fromkeys(
            ("customs_currency", "freight_currency"), UnfoldAdminSelectWidget(choices=choices.currencies)
        )
        help_texts: ClassVar = {"customs_currency": gettext_lazy("Of all customs values on the manifest")}

    def get_initial_for_field(self, field: forms.Field, field_name: str) -> object:
        if field_name == "freight":
            return freight_of(self.instance)
        return super().get_initial_for_field(field, field_name)

    def clean(self) -> Cleaned:
        data = super().clean()
        text, currency = data.get("freight", ""), data.get("freight_currency", "")
        try:
            data["freight_minor"] = read_freight(text, currency) if text else None
        except Invalid as refusal:
            raise ValidationError({refusal.field: str(refusal)}) from refusal
        return data

    def changes(self) -> Cleaned:
        return self._in_minor_units(super().changes())

    def values(self) -> Cleaned:
        return self._in_minor_units(super().values())

    def _in_minor_units(self, values: Cleaned) -> Cleaned:
        # The amount always goes with its currency: 100 minor units are HKD 1.00, but XOF 100.
        if {"freight", "freight_currency"} & values.keys():
            values["freight_minor"] = self.cleaned_data["freight_minor"]
        values.pop("freight", None)
        return values


def read_freight(text: str, currency: str) -> int:
    """Parse an amount as typed and return minor units. Raises Invalid."""
    if currency not in codes.currencies():
        raise Invalid(gettext("Freight needs an ISO 4217 currency."), field="freight_currency", code="unknown_code")
    if ZERO.fullmatch(text.strip()):
        return 0  # carried free of charge
    minor = typed.read(text, currency, wording.page_language(), field="freight")
    return money.parse(money.decimal_string(minor, currency), currency, field="freight", most=services.FREIGHT_MAX)


def freight_of(shipment: Shipment) -> str:
    """Return the freight formatted for the page's language: "38,500.00" or "38 500,00"; "" if unknown."""
    if shipment.freight_minor is None:
        return ""
    amount = money.decimal_string(shipment.freight_minor, shipment.freight_currency)
    return wording.number(amount, [wording.page_language()])


class ReasonForm(TidyForm, forms.Form):
    reason = forms.CharField(
        max_length=500, widget=UnfoldAdminTextareaWidget, label=gettext_lazy("Reason (recorded in the audit trail)")
    )


class ShipmentSitesInline(ReadOnlyInline):
    model = ShipmentSite
    fields = ("label", "site", "hand_over_point")
    readonly_fields = fields
    show_change_link = False
    verbose_name_plural = gettext_lazy("sites")

    @display(description=gettext_lazy("hand-over point"))
    def hand_over_point(self, row: ShipmentSite) -> str:
        return row.site.hand_over_point


@admin.register(Shipment)
class ShipmentAdmin(BaseAdmin):
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
    inlines: tuple[type[ReadOnlyInline], ...] = (ShipmentSitesInline,)
    fieldsets = (
        (None, {"fields": ("seen_version", ("number", "status"), "figures", "packages_shown")}),
        (
            gettext_lazy("Goods and consignee"),
            {"fields": ("title", "reference", "purpose", "consignee", "notify_party", "hand_over_point")},
        ),
        (
            gettext_lazy("Transport"),
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
        (gettext_lazy("Dates"), {"fields": (("packed_on", "departs_on"), ("reaches_port_on", "arrives_on"))}),
        (
            gettext_lazy("Customs"),
            {"fields": (("customs_currency", "partner_sees_values"), ("freight", "freight_currency"))},
        ),
    )
    actions_detail: tuple[str, ...] = ()

    def get_readonly_fields(self, request: HttpRequest, obj: Shipment | None = None) -> tuple[str, ...]:
        shown = ("number", "status", "figures", "packages_shown")
        if obj is None or obj.may_be_packed:
            return shown
        still = services.TRANSPORT_FIELDS if obj.status in services.STILL_MOVING else frozenset()
        editable = {field.name for field in Shipment._meta.fields if field.editable}
        # The form has the amount under another name, in major units.
        return (*shown, *sorted("freight" if name == "freight_minor" else name for name in editable - still))

    def save_model(self, request: HttpRequest, obj: Shipment, form: ShipmentForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            changes = cast(services.ShipmentFields, form.changes())
            saved = services.edit(obj, changes, version=form.cleaned_data["seen_version"], by=by, at=at)
        else:
            values = cast(services.ShipmentFields, form.values())
            # All sites of the partner, labelled by letters; change them over the API.
            partners_sites = values["consignee"].sites.order_by("code")[:26]
            sites = [services.LabelledSite(site, chr(ord("A") + place)) for place, site in enumerate(partners_sites)]
            saved = services.create(**values, sites=sites, by=by, at=at)
        copy_saved(obj, saved)

    @display(description=gettext_lazy("status"), label=COLOURS, ordering="status")
    def status_shown(self, shipment: Shipment) -> tuple[str, str]:
        return shipment.status, str(shipment.get_status_display())

    @display(description=gettext_lazy("freight"))
    def freight(self, shipment: Shipment) -> str:
        return freight_of(shipment) or "–"

    @display(description=gettext_lazy("figures"))
    def figures(self, shipment: Shipment) -> str:
        if shipment._state.adding:
            return "–"
        now = contents.totals(shipment)
        return gettext(
            "%(packages)s packages, %(lines)s lines, %(gross_kg)s kg gross, %(net_kg)s kg net, %(volume_m3)s m³"
        ) % {
            "packages": now.package_count,
            "lines": now.line_count,
            "gross_kg": formats.number_format(now.gross_kg),
            "net_kg": formats.number_format(now.net_kg),
            "volume_m3": formats.number_format(now.volume_m3),
        }

    @display(description=gettext_lazy("manifest"))
    def packages_shown(self, shipment: Shipment) -> str:
        if shipment._state.adding:
            return "–"
        url = reverse("admin:shipments_package_changelist")
        return format_html('<a href="{}?shipment__id__exact={}">{}</a>', url, shipment.pk, gettext_lazy("Packages"))

    def found(self, request: HttpRequest, object_id: str) -> Shipment:
        shipment: Shipment | None = self.get_object(request, object_id)
        if shipment is None:
            raise PermissionDenied
        return shipment

    def page(
        self,
        request: HttpRequest,
        shipment: Shipment,
        form: forms.Form,
        verb: object,
        explanation: object,
        *,
        refused: DomainError | None = None,
    ) -> HttpResponse:
        """Show the confirmation page of an action; if the action is refused, the reason instead of the button."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"{shipment.number}: {verb}",
            "form": form,
            "verb": verb,
            "explanation": explanation,
            "refused": refused,
            "back": reverse("admin:shipments_shipment_change", args=[shipment.pk]),
        }
        return for_back_button(TemplateResponse(request, "shipments/admin/action.html", context))

    def act(self, request: HttpRequest, object_id: str, name: str) -> HttpResponse:
        """Ask for confirmation, and for a reason if one is required; then take the action."""
        verb, _icon, explanation, needs_reason = PAGES[name]
        shipment = self.found(request, object_id)
        by = cast(User, request.user)
        overridable = actions.needs_reason(name, shipment, by)
        form = (ReasonForm if needs_reason or overridable else forms.Form)(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                TAKE[name](shipment, **form.cleaned_data, by=by, at=timezone.now())
                messages.success(request, f"{shipment.number}: {verb}")
            except DomainError as refusal:
                messages.error(request, str(refusal))
            return HttpResponseRedirect(reverse("admin:shipments_shipment_change", args=[shipment.pk]))
        if overridable:
            return self.page(request, shipment, form, verb, f"{overridable} {explanation}")
        return self.page(request, shipment, form, verb, explanation, refused=actions.refusal(name, shipment, by))


ActionView = Callable[[ShipmentAdmin, HttpRequest, str], HttpResponse]
May = Callable[[ShipmentAdmin, HttpRequest, object], bool]


def add_button(name: str, view: ActionView, *, may: May, label: object, icon: str, first: bool = False) -> None:
    """Add a button to the page of a shipment; `may` decides for which users and shipments it is shown."""
    view.__name__ = name
    setattr(ShipmentAdmin, f"has_{name}_permission", may)
    button = action(description=label, url_path=name.removeprefix("do_"), permissions=[name], icon=icon)(view)
    setattr(ShipmentAdmin, name, button)
    others = ShipmentAdmin.actions_detail
    ShipmentAdmin.actions_detail = (name, *others) if first else (*others, name)


def _add_action(name: str) -> None:
    """Add the button of an action, shown to its roles in the states that it starts from."""
    label, icon, _explanation, _needs_reason = PAGES[name]
    known = actions.ACTIONS[name]

    def may(self: ShipmentAdmin, request: HttpRequest, object_id: object = None) -> bool:
        if not cast(User, request.user).has_role(*known.roles):
            return False
        return object_id is None or Shipment.objects.filter(pk__in=as_ids(object_id), status__in=known.sources).exists()

    def view(self: ShipmentAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.act(request, object_id, name)

    add_button(f"do_{name}", view, may=may, label=label, icon=icon)


for _name in PAGES:
    _add_action(_name)
