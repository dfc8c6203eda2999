from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from donations.admin_parts import FactsAdmin, staff
from donations.stripe_events import services
from donations.stripe_events.models import StripeEvent
from logistics.admin_parts import may_act
from logistics.errors import DomainError
from logistics.jobs.admin import last_error
from logistics.jobs.lanes import in_lane_of


@admin.register(StripeEvent)
class StripeEventAdmin(FactsAdmin):
    list_display = ["kind", "state", "outcome", last_error, "received_at", "source", "stripe_id"]
    list_filter = ["state", "outcome", "source", "kind"]
    search_fields = ["stripe_id__exact", "object_id__exact", "payment_intent_id__exact"]
    actions = ["retry_events"]

    @admin.action(description=gettext_lazy("Retry event"))
    def retry_events(self, request: HttpRequest, events: QuerySet[StripeEvent]) -> None:
        if not may_act(request, StripeEvent):
            self.message_user(request, _("Only finance can retry events."), messages.ERROR)
            return
        for event in events:
            try:
                with in_lane_of(len(events)):
                    services.retry(event, by=staff(request), at=timezone.now())
                self.message_user(
                    request, _("%(event)s will be processed again within seconds.") % {"event": event}, messages.SUCCESS
                )
            except DomainError as refusal:
                self.message_user(request, f"{event}: {refusal}", messages.ERROR)
