from django.apps import AppConfig
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from logistics import rights  # noqa: F401  # declares who may do what
from logistics.roles import Role


class LogisticsConfig(AppConfig):
    name = "logistics"

    def ready(self) -> None:
        from logistics import checks  # noqa: F401  registers itself
        from logistics.audit import numbers
        from logistics.catalogue.models import Item
        from logistics.charity import services as charities
        from logistics.documents.models import Document
        from logistics.mail import messages, readers
        from logistics.notices import services as notices
        from logistics.partners.models import Partner, Site
        from logistics.people import services as people

        # A suspended partner's keys work again once it is approved.
        approved = Q(user__membership__partner__status=Partner.Status.APPROVED)
        numbers.register(Document, "number")
        for model in (Item, Partner, Site):
            numbers.register(model, "code")
        people.keys_work_only_if(Q(user__membership=None) | approved)
        messages.use_letterhead(charities.letterhead)
        notices.watch_jobs()
        readers.register({Role.ADMINISTRATOR}, {"invitation": _("invitation")})
        refused, found = _("text refused"), _("revealing texts found")
        readers.register({Role.SAFETY}, {"sealed-text-refused": refused, "sealed-text-found": found})
        readers.register({Role.COORDINATOR, Role.SAFETY}, {"address-read": _("address read")})
