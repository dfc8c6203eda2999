from datetime import timedelta
from typing import ClassVar, cast

from django import forms
from django.conf import settings
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin
from unfold.contrib.forms.widgets import ArrayWidget
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from logistics.admin_parts import BaseAdmin, NamedLookups, ReadOnlyInline, VersionedForm, copy_saved, may_act
from logistics.codes import choices
from logistics.errors import DomainError
from logistics.forms import TidyForm, TidyModelForm
from logistics.partners import services
from logistics.partners.models import Contact, Membership, Partner, Site
from logistics.partners.site_admin import region_of
from logistics.people.models import ApiKey, User
from logistics.people.recent import needs_recent_sign_in

KEY_DAYS = 365


class PartnerForm(VersionedForm):
    check = staticmethod(services.check_partner)

    class Meta:
        model = Partner
        fields = ("code", "name", "status", "languages", "country", "address", "tax_number")
        widgets: ClassVar = {
            "languages": ArrayWidget(choices=[("", "–"), *settings.LANGUAGES]),
            "country": UnfoldAdminSelectWidget(choices=choices.countries),
        }
        help_texts: ClassVar = {"country": "", "languages": gettext_lazy("Languages of its papers, the main one first")}


class ContactsInline(ReadOnlyInline):
    model = Contact
    fields = ("name", "email", "phone", "language", "is_notified", "is_administrator")
    readonly_fields = fields


class SitesInline(ReadOnlyInline):
    model = Site
    fields = ("code", "kind", "public_name", "region_shown", "hand_over_point")
    readonly_fields = fields

    @admin.display(description=gettext_lazy("region"))
    def region_shown(self, site: Site) -> str:
        return region_of(site)


class KeyForm(TidyForm, forms.Form):
    name = forms.CharField(
        max_length=80,
        label=gettext_lazy("Program"),
        help_text=gettext_lazy("Where the key is used, e.g. “coordinator’s phone”. A program may have two valid keys."),
        widget=UnfoldAdminTextInputWidget,
    )
    valid_days = forms.IntegerField(
        min_value=1,
        max_value=KEY_DAYS,
        initial=KEY_DAYS,
        label=gettext_lazy("Valid for (days)"),
        widget=UnfoldAdminIntegerFieldWidget,
    )
    site = forms.ModelChoiceField(
        queryset=Site.objects.none(),
        required=False,
        label=gettext_lazy("Site"),
        empty_label=gettext_lazy("All sites of the partner"),
        help_text=gettext_lazy("A key for one site sees nothing of the partner’s other sites."),
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, partner: Partner, posted: QueryDict | None = None) -> None:
        super().__init__(posted)
        cast("forms.ModelChoiceField[Site]", self.fields["site"]).queryset = partner.sites.order_by("code")


@admin.register(Partner)
class PartnerAdmin(BaseAdmin):
    is_short = True
    form = PartnerForm
    list_display = ("code", "name", "status", "country", "languages")
    list_filter = ("status", "country")
    search_fields = ("code", "name")
    fieldsets = (
        (None, {"fields": ("seen_version", ("code", "status"), "name", "languages")}),
        (gettext_lazy("Office"), {"fields": ("address", ("country", "tax_number"))}),
    )
    inlines = (ContactsInline, SitesInline)
    actions_detail = ("issue_key",)

    def save_model(self, request: HttpRequest, obj: Partner, form: PartnerForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            version, changes = form.cleaned_data["seen_version"], cast(services.PartnerFields, form.changes())
            saved = services.update(obj, changes, version=version, by=by, at=at)
        else:
            saved = services.create(fields=cast(services.PartnerFields, form.values()), by=by, at=at)
        copy_saved(obj, saved)

    def has_issue_key_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return may_act(request, ApiKey)

    @action(description=gettext_lazy("Issue a key"), url_path="issue-key", permissions=["issue_key"], icon="key")
    @needs_recent_sign_in
    def issue_key(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for the program's name, create its key and show it once."""
        partner = self.get_object(request, object_id)
        if partner is None or not self.has_issue_key_permission(request):
            raise PermissionDenied
        form, key = KeyForm(partner, request.POST or None), None
        if request.method == "POST" and form.is_valid():
            name, valid = form.cleaned_data["name"], timedelta(days=form.cleaned_data["valid_days"])
            site, by = form.cleaned_data["site"], cast(User, request.user)
            try:
                key = services.issue_key(partner, name=name, valid=valid, site=site, by=by, at=timezone.now())
            except DomainError as refusal:
                messages.error(request, str(refusal))
        context = {
            **self.admin_site.each_context(request),
            "title": _("A key for %(partner)s") % {"partner": partner.name},
            "form": form,
            "key": key,
            "keys": services.keys_of(partner).select_related("user__membership__site").order_by("-id"),
            "now": timezone.now(),
            "back": reverse("admin:logistics_partner_change", args=[partner.pk]),
        }
        return TemplateResponse(request, "partners/issue_key.html", context)


class ContactForm(VersionedForm):
    class Meta:
        model = Contact
        fields = ("partner", "name", "email", "phone", "language", "is_notified", "is_administrator")


@admin.register(Contact)
class ContactAdmin(BaseAdmin):
    is_short = True
    form = ContactForm
    title_field = "name"
    fields = ("seen_version", "partner", "name", "email", "phone", "language", "is_notified", "is_administrator")
    list_display = ("name", "partner", "email", "language", "is_notified")
    list_filter = ("partner", "is_notified")
    search_fields = ("name", "email")
    list_select_related = ("partner",)
    autocomplete_fields = ("partner",)

    def get_readonly_fields(self, request: HttpRequest, obj: Contact | None = None) -> tuple[str, ...]:
        return ("partner",) if obj else ()

    # People may ask for their data to be erased.
    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return cast(User, request.user).has_perm("logistics.delete_contact")

    def get_actions(self, request: HttpRequest) -> dict[str, object]:
        return {name: act for name, act in super().get_actions(request).items() if name != "delete_selected"}

    def delete_model(self, request: HttpRequest, obj: Contact) -> None:
        services.remove_contact(obj, by=cast(User, request.user), at=timezone.now())

    def save_model(self, request: HttpRequest, obj: Contact, form: ContactForm, change: bool) -> None:
        by, at = cast(User, request.user), timezone.now()
        if change:
            version, changes = form.cleaned_data["seen_version"], cast(services.ContactFields, form.changes())
            saved = services.update_contact(obj, changes, version=version, by=by, at=at)
        else:
            values = form.values()
            partner, fields = values.pop("partner"), cast(services.ContactFields, values)
            saved = services.add_contact(partner, fields=fields, by=by, at=at)
        copy_saved(obj, saved)


@admin.register(Membership)
class MembershipAdmin(NamedLookups, ModelAdmin):
    """Which partner a user with the role "partner" acts for; edited by superusers."""

    form = TidyModelForm
    fields = ("user", "partner", "site")
    list_display = ("user", "partner", "site")
    search_fields = ("user__name", "partner__name")
    autocomplete_fields = ("user", "partner", "site")
    list_select_related = ("user", "partner", "site")

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> tuple[str, ...]:
        return ("site",) if obj else ()

    def save_model(self, request: HttpRequest, obj: Membership, form: object, change: bool) -> None:
        # The database refuses a change of the site.
        obj.save(update_fields=["user", "partner"] if change else None)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def response_add(self, request: HttpRequest, obj: Membership, post_url_continue: object = None) -> HttpResponse:
        return HttpResponseRedirect(reverse("admin:logistics_partner_change", args=[obj.partner_id]))
