"""Offline gifts in the admin, a part of the pages of gifts: record, correct, void."""

from collections.abc import Callable, Collection

from django import forms
from django.contrib import messages
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import action

from donations.admin_parts import ActPage, AdminColumn, add_refusal, staff
from donations.gifts import corrections, offline
from donations.gifts.acts_admin import GiftActsAdmin
from donations.gifts.duplicates import PossibleDuplicate
from donations.gifts.models import Donation
from donations.gifts.offline_forms import CorrectionForm, OfflineGiftForm, VoidForm
from logistics.admin_parts import Cleaned, FormClass, ReadOnlyInline, copy_saved, may_act
from logistics.charity import services as charities
from logistics.charity.models import Charity
from logistics.errors import DomainError
from logistics.people.recent import RecentSignInAdmin, needs_recent_sign_in

GIFT = [("amount", "currency"), ("channel", "payment_reference"), "received_on", "appeal"]
DONOR = [("name", "organisation"), ("email", "country"), "donor_language"]


class OfflineGiftAdmin(RecentSignInAdmin, GiftActsAdmin):
    autocomplete_fields = ["donor"]

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return may_act(request, Donation)

    def get_form(
        self, request: HttpRequest, obj: Model | None = None, change: bool = False, **options: object
    ) -> FormClass:
        if obj is not None:
            return super().get_form(request, obj, change, **options)
        refusal = getattr(request, "refusal", None)
        found: Collection[Donation] = ()
        if isinstance(refusal, PossibleDuplicate):
            found, refusal.field = refusal.gifts, "another"  # where the form shows it
        # Only these are the model's to fill in; the fieldsets name the form's own fields too.
        own = {"form": OfflineGiftForm, "fields": OfflineGiftForm.Meta.fields}
        form = super().get_form(request, obj, change, **{**options, **own})
        return type(form.__name__, (form,), {"duplicates": found})

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[tuple[str | None, Cleaned]]:
        sets: list[tuple[str | None, Cleaned]]
        if obj is not None:
            sets = super().get_fieldsets(request, obj)
            return sets
        asked = isinstance(getattr(request, "refusal", None), PossibleDuplicate) or request.POST.get("another_than")
        sets = [
            (_("Gift"), {"fields": GIFT}),
            (_("Donor"), {"fields": ["donor"], "description": _("Search by name or email address.")}),
            (_("Or a new donor"), {"fields": DONOR}),
        ]
        if asked:
            sets.insert(0, (_("Recorded already?"), {"fields": ["another", "another_than"]}))
        return sets

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return super().get_fields(request, obj) if obj is not None else [*OfflineGiftForm.Meta.fields]

    def get_readonly_fields(self, request: HttpRequest, obj: Model | None = None) -> list[AdminColumn]:
        return super().get_readonly_fields(request, obj) if obj is not None else []

    def get_inlines(self, request: HttpRequest, obj: Model | None) -> list[type[ReadOnlyInline]]:
        shown: list[type[ReadOnlyInline]] = super().get_inlines(request, obj) if obj is not None else []
        return shown

    def get_changeform_initial_data(self, request: HttpRequest) -> Cleaned:
        initial: Cleaned = {"channel": Donation.Channel.CHEQUE}
        if charity := Charity.objects.first():
            today = charities.day_of(timezone.now(), charity)
            initial |= {"currency": charity.currencies[0], "received_on": today}
        initial |= super().get_changeform_initial_data(request)
        return initial

    def save_model(self, request: HttpRequest, obj: Donation, form: OfflineGiftForm, change: bool) -> None:
        copy_saved(obj, offline.record(form.offline_gift(), by=staff(request), at=timezone.now()))

    def has_correct_gift_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "correct_gift")

    def has_void_gift_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return self._may(request, object_id, "void_gift")

    @action(description=gettext_lazy("Correct"), url_path="correct", permissions=["correct_gift"], icon="edit")
    @needs_recent_sign_in
    def correct_gift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Correct what was typed of an offline gift, with a reason."""
        donation = self._found(request, object_id, "correct_gift")
        explanation = _("A receipt that shows what was wrong is replaced by one that names its number, and mailed.")
        page = self._page(donation, _("Correct"), explanation)
        form = CorrectionForm(donation, request.POST if "reason" in request.POST else None)

        def act() -> str:
            reason, by = form.cleaned_data["reason"], staff(request)
            corrections.correct(donation, changes=form.changes(), reason=reason, by=by, at=timezone.now())
            return _("%(gift)s was corrected.") % {"gift": donation}

        return _answer(request, donation, page, form, act)

    @action(description=gettext_lazy("Void"), url_path="void", permissions=["void_gift"], icon="block")
    @needs_recent_sign_in
    def void_gift(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Void an offline gift that was recorded by mistake, with a reason."""
        donation = self._found(request, object_id, "void_gift")
        explanation = _(
            "The gift no longer counts, and its receipt is cancelled; the receipt’s number stays in use. If the receipt"
            " was mailed, the donor is told. This cannot be undone."
        )
        page = self._page(donation, _("Void"), explanation)
        form = VoidForm(request.POST if "reason" in request.POST else None)

        def act() -> str:
            corrections.void(donation, reason=form.cleaned_data["reason"], by=staff(request), at=timezone.now())
            return _("%(gift)s is void.") % {"gift": donation}

        return _answer(request, donation, page, form, act)


def _answer(
    request: HttpRequest, donation: Donation, page: ActPage, form: forms.Form, act: Callable[[], str]
) -> HttpResponse:
    """Act if the form is valid; otherwise show it, or why nothing can be done."""
    if form.is_bound and form.is_valid():
        try:
            messages.success(request, act())
            return HttpResponseRedirect(page.back)
        except DomainError as refusal:
            add_refusal(form, refusal)
    return page.answer(request, form, corrections.refusal_to_correct(donation))
