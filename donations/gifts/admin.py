from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import shown
from donations.gifts.models import Donation


class DonationAdminFacts:
    """How a donation is shown; what may be done to it belongs to the rooms above."""

    list_display = ["reference", "amount", "kept", "status", "donor_shown", "appeal", "received_on", "missing"]
    list_filter = ["status", "currency", "channel", "appeal"]
    search_fields = ["reference", "donor__email", "donor__name"]
    list_select_related = ["donor", "appeal"]

    @admin.display(description=gettext_lazy("amount"), ordering="amount_minor")
    def amount(self, donation: Donation) -> str:
        return shown(donation.amount_minor, donation.currency)

    @admin.display(description=gettext_lazy("kept"))
    def kept(self, donation: Donation) -> str:
        """What of it neither went back nor is still to come."""
        return shown(donation.kept_minor, donation.currency)

    @admin.display(description=gettext_lazy("donor"))
    def donor_shown(self, donation: Donation) -> str:
        return donation.donor.addressee or _("anonymous")

    @admin.display(description=gettext_lazy("missing for the receipt"))
    def missing(self, donation: Donation) -> str:
        return ", ".join(donation.receipt_blocked_by)
