"""The page of a donor, with the receipts that no longer agree with it: finance chooses which to replace."""

from typing import cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminRadioSelectWidget

from donations.admin_parts import shown, staff
from donations.donors.admin import DonorAdmin
from donations.donors.models import Donor
from donations.receipts import deliveries, reissues
from donations.receipts.models import Receipt
from donations.receipts.reissues import Outdated
from logistics.admin_parts import Cleaned, for_back_button, may_act
from logistics.errors import DomainError
from logistics.forms import TidyForm
from logistics.jobs.lanes import in_lane_of
from logistics.people.recent import needs_recent_sign_in

REPLACE, RESEND = "replace", "resend"


WRAPPED = "donations/admin/option.html"  # the theme cuts long options off


class ReissueForm(TidyForm, forms.Form):
    receipts = forms.MultipleChoiceField(
        label=gettext_lazy("receipts"),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        error_messages={"required": gettext_lazy("Choose at least one receipt.")},
    )
    how = forms.ChoiceField(
        label=gettext_lazy("What to do with them"),
        choices=[
            (REPLACE, gettext_lazy("Replace: new receipts that name the numbers of these, which are no longer valid")),
            (RESEND, gettext_lazy("Send again as they are: nothing on them is wrong, only the email address was")),
        ],
        initial=REPLACE,
        widget=UnfoldAdminRadioSelectWidget,
    )

    def __init__(self, found: list[Outdated], posted: QueryDict | None) -> None:
        super().__init__(posted)
        self.found = {str(one.receipt.pk): one for one in found}
        field = cast(forms.MultipleChoiceField, self.fields["receipts"])
        field.choices = [(pk, in_one_line(one)) for pk, one in self.found.items()]
        field.initial, field.label = [*self.found], capfirst(str(field.label))
        for choice in self.fields.values():
            choice.widget.option_template_name = WRAPPED
        if all(one.differs != ["email"] for one in found):
            del self.fields["how"]

    def clean(self) -> Cleaned:
        data: Cleaned = super().clean() or {}
        wrong = [one.receipt.number for one in self.chosen(data) if one.differs != ["email"]]
        if data.get("how") == RESEND and wrong:
            self.add_error(
                "how", _("Replace %(receipts)s: the paper itself is wrong.") % {"receipts": ", ".join(wrong)}
            )
        return data

    def chosen(self, data: Cleaned) -> list[Outdated]:
        return [self.found[pk] for pk in data.get("receipts", [])]


def in_one_line(one: Outdated) -> SafeString:
    """Return the receipt with a link to its page, and what is wrong with it."""
    said = {
        "name": _("its name is “%(name)s”") % {"name": one.name},
        "address": _("its postal address is the old one"),
        "email": _("it was mailed to %(email)s") % {"email": one.mailed_to},
    }
    url = reverse("admin:donations_receipt_change", args=[one.receipt.pk])
    return format_html(
        '<a class="text-primary-600 dark:text-primary-500 underline" href="{}">{}</a> ({}) – {}',
        url,
        one.receipt.number,
        shown(one.receipt.amount_minor, one.receipt.currency),
        ", ".join(said[name] for name in one.differs),
    )


@admin.register(Donor)
class DonorWithReceiptsAdmin(DonorAdmin):
    actions_detail = ["reissue"]

    def response_change(self, request: HttpRequest, obj: Donor) -> HttpResponse:
        """After a correction, lead to the receipts that it concerns."""
        answer: HttpResponse = super().response_change(request, obj)
        count = len(reissues.outdated(obj))
        if not count or "_save" not in request.POST:
            return answer
        told = ngettext(
            "%(count)d receipt no longer agrees with this donor.",
            "%(count)d receipts no longer agree with this donor.",
            count,
        )
        messages.warning(request, told % {"count": count})
        return HttpResponseRedirect(reverse("admin:donations_donor_reissue", args=[obj.pk]))

    def has_reissue_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return may_act(request, Receipt)

    @action(
        description=gettext_lazy("Replace receipts"), url_path="reissue", permissions=["reissue"], icon="receipt_long"
    )
    @needs_recent_sign_in
    def reissue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Choose receipts that show or went to what was wrong, and replace them or send them again."""
        donor: Donor | None = self.get_object(request, object_id)
        if donor is None or not self.has_reissue_permission(request):
            raise PermissionDenied
        form = ReissueForm(reissues.outdated(donor), request.POST if "confirmed" in request.POST else None)
        back = reverse("admin:donations_donor_change", args=[donor.pk])
        if form.is_bound and form.found and form.is_valid():
            self._reissue(request, form)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Replace receipts of %(donor)s") % {"donor": self.title_of(request, donor)},
            "form": form,
            "verb": _("Continue"),
            "explanation": _("They are mailed to %(email)s.") % {"email": donor.email},
            "refused": "" if form.found else _("All valid receipts of this donor have these details."),
            "back": back,
        }
        return for_back_button(TemplateResponse(request, "shipments/admin/action.html", context))

    def _reissue(self, request: HttpRequest, form: ReissueForm) -> None:
        by, at, chosen = staff(request), timezone.now(), form.chosen(form.cleaned_data)
        for one in chosen:
            try:
                with in_lane_of(len(chosen)):
                    if form.cleaned_data.get("how") == RESEND:
                        deliveries.resend(one.receipt, by=by, at=at)
                        told = _("%(receipt)s is on its way.") % {"receipt": one.receipt}
                    else:
                        new = reissues.replace(one.receipt, by=by, at=at)
                        told = _("%(old)s was replaced by %(new)s.") % {"old": one.receipt, "new": new}
                messages.success(request, told)
            except DomainError as refusal:
                messages.error(request, str(refusal))
