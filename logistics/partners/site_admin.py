"""The admin of sites: their regions by name, and their addresses, which safety officers read."""

from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from logistics.admin_parts import BaseAdmin, VersionedForm, copy_saved, may_act
from logistics.codes import codes
from logistics.errors import DomainError
from logistics.forms import TidyForm
from logistics.partners import addresses, services
from logistics.partners.models import Site, SiteAddress
from logistics.people.models import User
from logistics.people.recent import needs_recent_sign_in, proved_at
from logistics.wording import page_language


def add_refusal(form: forms.Form, refusal: DomainError) -> None:
    """Show a refusal beside its field, else above the form."""
    field = getattr(refusal, "field", "")
    form.add_error(field if field in form.fields else None, str(refusal))


def sealed_page(
    page: BaseAdmin,
    request: HttpRequest,
    *,
    title: str,
    explanation: str,
    button: str,
    form: forms.Form,
    back: str,
    address: addresses.Address | None = None,
) -> HttpResponse:
    """Return the page of an act about sealed addresses: what it does, its form, and the address once it was read."""
    context = {
        **page.admin_site.each_context(request),
        **{"title": title, "explanation": explanation, "button": button, "form": form, "back": back},
        "address": address,
    }
    return TemplateResponse(request, "partners/sealed.html", context)


class RevealForm(TidyForm, forms.Form):
    reason = forms.CharField(
        min_length=addresses.REASON_MIN,
        max_length=500,
        label=gettext_lazy("Reason (recorded in the audit trail and mailed to the partner)"),
        widget=UnfoldAdminTextareaWidget,
    )


class AddressForm(TidyForm, forms.Form):
    """The address of a site, as the API takes it. It never shows the stored one."""

    seen_version = forms.IntegerField(widget=forms.HiddenInput)
    name = forms.CharField(max_length=200, label=gettext_lazy("Name"), widget=UnfoldAdminTextInputWidget)
    address = forms.CharField(
        max_length=500, required=False, label=gettext_lazy("Address"), widget=UnfoldAdminTextareaWidget
    )
    town = forms.CharField(
        max_length=100, required=False, label=gettext_lazy("Town"), widget=UnfoldAdminTextInputWidget
    )
    phone = forms.CharField(
        max_length=40, required=False, label=gettext_lazy("Phone"), widget=UnfoldAdminTextInputWidget
    )


def region_of(site: Site) -> str:
    """Return the name of a site's region with its code; a code that is unknown by now stays as it is."""
    name = codes.admin1().get(site.region)
    return f"{name} ({site.region})" if name else site.region


def _regions() -> list[tuple[str, object]]:
    """Return all regions as choices, grouped by country, each named."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for code, name in sorted(codes.admin1().items(), key=lambda region: region[1]):
        country = codes.countries()[code[:2]]
        country_name = country.name_fr if page_language() == "fr" else country.name_en
        groups.setdefault(country_name, []).append((code, f"{name} ({code})"))
    return [("", "–"), *sorted(groups.items())]


class RegionFilter(admin.SimpleListFilter):
    """Sites by the name of their region, not by its code."""

    title = gettext_lazy("region")
    parameter_name = "region"

    def lookups(self, request: HttpRequest, model_admin: "admin.ModelAdmin[Site]") -> list[tuple[str, str]]:
        used = Site.objects.exclude(region="").values_list("region", flat=True).distinct().order_by("region")
        return [(code, codes.admin1().get(code, code)) for code in used]

    def queryset(self, request: HttpRequest, queryset: "QuerySet[Site]") -> "QuerySet[Site]":
        return queryset.filter(region=self.value()) if self.value() else queryset


class SiteForm(VersionedForm):
    class Meta:
        model = Site
        fields = ("partner", "kind", "public_name", "region", "hand_over_point")
        widgets = {"region": UnfoldAdminSelectWidget(choices=_regions)}


@admin.register(Site)
class SiteAdmin(BaseAdmin):
    is_short = True
    form = SiteForm
    fields = ("seen_version", "partner", "kind", "public_name", "region", "hand_over_point")
    list_display = ("code", "partner", "kind", "public_name", "region_shown", "hand_over_point", "address_state")
    list_filter = ("partner", "kind", RegionFilter)
    search_fields = ("code", "public_name", "hand_over_point")
    list_select_related = ("partner",)
    autocomplete_fields = ("partner",)

    actions_detail = ("enter_address", "reveal")

    def get_queryset(self, request: HttpRequest) -> "QuerySet[Site]":
        sites: QuerySet[Site] = super().get_queryset(request)
        return sites.annotate(has_address=Exists(SiteAddress.objects.filter(site=OuterRef("pk"))))

    def get_fields(self, request: HttpRequest, obj: Site | None = None) -> list[str]:
        return [*super().get_fields(request, obj), *(["address_shown"] if obj else [])]

    def get_readonly_fields(self, request: HttpRequest, obj: Site | None = None) -> tuple[str, ...]:
        return ("partner", "address_shown") if obj else ()

    @display(description=gettext_lazy("address"), label={"entered": "success", "missing": "warning"})
    def address_state(self, site: Site) -> tuple[str, str]:
        return ("entered", _("entered")) if getattr(site, "has_address", False) else ("missing", _("not yet"))

    @display(description=gettext_lazy("address"))
    def address_shown(self, site: Site) -> str:
        """Say whether there is an address, never which."""
        if not getattr(site, "has_address", False) and site.kind == Site.Kind.CONFIDENTIAL:
            return _("No address yet: texts are not checked for it.")
        return str(self.address_state(site)[1])

    @display(description=gettext_lazy("region"), ordering="region")
    def region_shown(self, site: Site) -> str:
        return region_of(site)

    def has_enter_address_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return may_act(request, SiteAddress)

    @action(
        description=gettext_lazy("Enter the address"),
        url_path="enter-address",
        permissions=["enter_address"],
        icon="edit_location",
    )
    def enter_address(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the site's address, and seal it."""
        site = self.get_object(request, object_id)
        if site is None or not self.has_enter_address_permission(request):
            raise PermissionDenied
        form = AddressForm(request.POST or None, initial={"seen_version": site.version})
        back = reverse("admin:logistics_site_change", args=[site.pk])
        if request.method == "POST" and form.is_valid():
            version, by = form.cleaned_data["seen_version"], cast(User, request.user)
            address = addresses.Address(
                name=form.cleaned_data["name"],
                address=form.cleaned_data["address"],
                town=form.cleaned_data["town"],
                phone=form.cleaned_data["phone"],
            )
            try:
                addresses.seal(site, address, version=version, by=by, at=timezone.now())
            except DomainError as refusal:
                add_refusal(form, refusal)
            else:
                messages.success(request, _("The address was stored, encrypted."))
                return HttpResponseRedirect(back)
        return sealed_page(
            self,
            request,
            title=_("The address of site %(code)s") % {"code": site.code},
            explanation=_(
                "The address is stored encrypted, and only safety officers can read it. A new address replaces the"
                " old one, which is not shown here."
            ),
            button=_("Enter the address"),
            form=form,
            back=back,
        )

    def has_reveal_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return addresses.is_officer(cast(User, request.user))

    @action(description=gettext_lazy("Read the address"), url_path="reveal", permissions=["reveal"], icon="visibility")
    @needs_recent_sign_in
    def reveal(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for a reason, and show the site's address once."""
        site = self.get_object(request, object_id)
        if site is None or not self.has_reveal_permission(request):
            raise PermissionDenied
        form, address = RevealForm(request.POST or None), None
        if request.method == "POST" and form.is_valid():
            by, at = cast(User, request.user), timezone.now()
            try:
                address = addresses.reveal(
                    site, reason=form.cleaned_data["reason"], proved_at=proved_at(request), by=by, at=at
                )
            except DomainError as refusal:
                add_refusal(form, refusal)
        return sealed_page(
            self,
            request,
            title=_("The address of site %(code)s") % {"code": site.code},
            explanation=_(
                "Your name, the time and the reason are recorded, and the partner is notified, before the address is"
                " shown."
            ),
            button=_("Read the address"),
            form=form,
            address=address,
            back=reverse("admin:logistics_site_change", args=[site.pk]),
        )

    def save_model(self, request: HttpRequest, obj: Site, form: SiteForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            version, changes = form.cleaned_data["seen_version"], cast(services.SiteFields, form.changes())
            saved = services.update_site(obj, changes, version=version, by=by, at=at)
        else:
            values = form.values()
            partner, fields = values.pop("partner"), cast(services.SiteFields, values)
            saved = services.add_site(partner, fields=fields, by=by, at=at)
        copy_saved(obj, saved)
