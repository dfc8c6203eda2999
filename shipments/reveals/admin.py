from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Prefetch, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action, display
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from logistics.admin_parts import BaseAdmin, copy_saved
from logistics.barcodes import qr_path
from logistics.forms import TidyModelForm
from logistics.ids import as_ids
from logistics.partners import addresses
from logistics.partners.models import Site
from logistics.people.models import User
from logistics.people.recent import needs_recent_sign_in, proved_at
from shipments.papers.models import Paper
from shipments.reveals import services
from shipments.reveals.models import HOURS_MAX, Reveal
from shipments.shipments.models import ShipmentSite

COLOURS = {"works": "success", "seen": "info", "ended": "default"}


class DriversLinkForm(TidyModelForm):
    leg = forms.ChoiceField(
        label=gettext_lazy("Waybill and site"),
        help_text=gettext_lazy(
            "Valid waybills of shipments that are on their way, and their confidential sites. If yours is missing: the"
            " warehouse issues the waybill, and a coordinator enters the address of the site."
        ),
        widget=UnfoldAdminSelectWidget,
    )
    hours = forms.IntegerField(
        min_value=1,
        max_value=HOURS_MAX,
        initial=services.HOURS_DEFAULT,
        label=gettext_lazy("Works for (hours)"),
        widget=UnfoldAdminIntegerFieldWidget,
    )

    class Meta:
        model = Reveal
        fields = ("driver", "reason")
        widgets = {"driver": UnfoldAdminTextInputWidget, "reason": UnfoldAdminTextareaWidget}
        help_texts = {
            "driver": gettext_lazy("The name of the person to whom you give the link."),
            "reason": gettext_lazy("Recorded in the audit trail and mailed to the partner when the link is used."),
        }

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        confidential = ShipmentSite.objects.filter(site__kind=Site.Kind.CONFIDENTIAL, site__secret__isnull=False)
        sealed = confidential.select_related("site").order_by("site__code")
        with_address = Prefetch("shipment__sites", queryset=sealed)
        self.legs = {
            f"{paper.pk}:{each.site_id}": (paper, each.site)
            for paper in services.legs().select_related("shipment").prefetch_related(with_address)
            for each in paper.shipment.sites.all()
        }
        if isinstance(leg := self.fields.get("leg"), forms.ChoiceField):
            leg.choices = [("", "–"), *((key, _leg(paper, site)) for key, (paper, site) in self.legs.items())]


def _leg(paper: Paper, site: Site) -> str:
    """Return what tells one choice from another: the codes alone are easily confused."""
    return _("%(waybill)s, site %(site)s: %(place)s") % {
        "waybill": paper.number,
        "site": site.code,
        "place": site.hand_over_point,
    }


@admin.register(Reveal)
class RevealAdmin(BaseAdmin):
    """Links for drivers to the address of a site, made by safety officers; with who got each, and when it was seen."""

    form = DriversLinkForm
    title_field = "driver"
    list_display = ("driver", "waybill", "site", "made_by", "made_at", "expires_at", "seen_at", "state")
    list_filter = ("ended_because",)
    search_fields = ("driver", "paper__number")
    list_select_related = ("paper__document", "paper__shipment", "site", "made_by")
    ordering = ("-id",)
    fields = (
        ("driver", "waybill", "site"),
        "reason",
        ("made_by", "made_at"),
        ("expires_at", "seen_at", "state_text"),
        ("ended_at", "ended_because", "ended_by"),
    )
    readonly_fields = ("waybill", "state_text")
    add_fields = ("leg", "driver", "hours", "reason")
    actions_detail = ("revoke",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reveal]:
        rows: QuerySet[Reveal] = super().get_queryset(request)
        return rows.defer("paper__document__context")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return addresses.is_officer(cast(User, request.user))

    def has_change_permission(self, request: HttpRequest, obj: Reveal | None = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Reveal | None = None) -> Any:
        return self.add_fields if obj is None else super().get_fields(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Reveal | None = None) -> tuple[str, ...]:
        return () if obj is None else tuple(super().get_readonly_fields(request, obj))

    @display(description=gettext_lazy("waybill"), ordering="paper__number")
    def waybill(self, reveal: Reveal) -> str:
        return reveal.paper.number

    @display(description=gettext_lazy("state"), label=COLOURS)
    def state(self, reveal: Reveal) -> tuple[str, str]:
        if reveal.seen_at:
            return "seen", _("seen")
        if services.works(reveal, at=timezone.now()):
            return "works", _("works")
        return "ended", str(reveal.get_ended_because_display()) if reveal.ended_because else _("no longer works")

    @admin.display(description=gettext_lazy("state"))
    def state_text(self, reveal: Reveal) -> str:
        return str(self.state(reveal)[1])

    @needs_recent_sign_in
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, object] | None = None,
    ) -> HttpResponse:
        # The page after saving shows the link once, so there is nothing to go on to.
        only_save = {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **only_save})

    def save_model(self, request: HttpRequest, obj: Reveal, form: DriversLinkForm, change: bool) -> None:
        said = form.cleaned_data
        paper, site = form.legs[said["leg"]]
        by, at = cast(User, request.user), timezone.now()
        made = services.make(
            paper,
            site,
            driver=said["driver"],
            reason=said["reason"],
            hours=said["hours"],
            proved_at=proved_at(request),
            by=by,
            at=at,
        )
        copy_saved(obj, made.row)
        request.made = made  # type: ignore[attr-defined]  # for response_add, which shows it once

    def response_add(self, request: HttpRequest, obj: Reveal, post_url_continue: object = None) -> HttpResponse:
        made: services.NewReveal = request.made  # type: ignore[attr-defined]
        side, path = qr_path(made.url)
        context = {
            **self.admin_site.each_context(request),
            "title": _("A link for %(driver)s") % {"driver": obj.driver},
            "made": made,
            "hours": int((obj.expires_at - obj.made_at).total_seconds() // 3600),
            "side": side + 8,
            "path": path,
            "back": reverse("admin:shipments_reveal_changelist"),
        }
        return TemplateResponse(request, "shipments/reveals/made.html", context)

    def has_revoke_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        unused = Reveal.objects.filter(pk__in=as_ids(object_id), seen_at=None, ended_at=None)
        return self.has_add_permission(request) and (object_id is None or unused.exists())

    @action(description=gettext_lazy("Revoke"), url_path="revoke", permissions=["revoke"], icon="link_off")
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for confirmation, then end the link."""
        reveal = self.get_object(request, object_id)
        if reveal is None or not self.has_revoke_permission(request):
            raise PermissionDenied
        back = reverse("admin:shipments_reveal_change", args=[reveal.pk])
        if request.method == "POST":
            services.revoke(reveal, by=cast(User, request.user), at=timezone.now())
            messages.success(request, _("This link no longer works."))
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": _("A link for %(driver)s") % {"driver": reveal.driver},
            "form": forms.Form(),
            "verb": _("Revoke"),
            "explanation": _("The link stops working at once. You can make a new one."),
            "back": back,
        }
        return TemplateResponse(request, "shipments/admin/action.html", context)
