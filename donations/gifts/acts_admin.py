"""What the pages of acts on a gift have in common, in the admin."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.urls import reverse

from donations.admin_parts import ActPage, FactsAdmin, staff
from donations.gifts.actions import ACTIONS
from donations.gifts.models import Donation
from logistics.ids import as_ids


class GiftActsAdmin(FactsAdmin):
    def _may(self, request: HttpRequest, object_id: object, name: str) -> bool:
        act = next(one for one in ACTIONS if one.method == name)
        if not staff(request).has_role(*act.roles):
            return False
        match = request.resolver_match
        if match is not None and match.url_name == f"donations_donation_{name}":
            return True  # its own page says why it is refused
        rows = Donation.objects.filter(pk__in=as_ids(object_id)).select_related("donor", "appeal")
        return object_id is None or any(not act.why_not(row) for row in rows)

    def _found(self, request: HttpRequest, object_id: str, act: str) -> Donation:
        donation: Donation | None = self.get_object(request, object_id)
        if donation is None or not self._may(request, None, act):
            raise PermissionDenied
        return donation

    def _page(self, donation: Donation, verb: str, explanation: str) -> ActPage:
        back = reverse("admin:donations_donation_change", args=[donation.pk])
        return ActPage(f"{donation}: {verb}", verb, explanation, back)
