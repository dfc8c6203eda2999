from django.apps import AppConfig
from django.db.models import Q

from logistics.people import rights
from logistics.roles import Role


class LogisticsConfig(AppConfig):
    name = "logistics"

    def ready(self) -> None:
        from logistics import checks  # noqa: F401  registers itself
        from logistics.mail import readers
        from logistics.partners.models import Partner
        from logistics.people import services as people

        # A suspended partner's keys work again once it is approved.
        approved = Q(user__membership__partner__status=Partner.Status.APPROVED)
        people.keys_work_only_if(Q(user__membership=None) | approved)
        rights.allow_change(Role.FINANCE, "logistics.charity")
        rights.allow_change(Role.WAREHOUSE, "logistics.item", "logistics.category")
        rights.allow_change(
            Role.COORDINATOR,
            *("logistics.partner", "logistics.contact", "logistics.site", "logistics.item", "logistics.category"),
        )
        rights.restrict_reading("logistics.email", Role.FINANCE, Role.COORDINATOR, Role.SAFETY, Role.AUDITOR)
        rights.restrict_reading("logistics.contact", Role.WAREHOUSE, Role.COORDINATOR, Role.SAFETY, Role.AUDITOR)
        rights.restrict_reading("logistics.apikey", Role.COORDINATOR, Role.AUDITOR)
        rights.restrict_reading("logistics.membership", Role.COORDINATOR, Role.AUDITOR)
        rights.restrict_reading("logistics.user", Role.AUDITOR)
        rights.restrict_reading("logistics.auditentry", Role.AUDITOR, Role.COORDINATOR, Role.SAFETY)
        rights.restrict_reading("logistics.siteaddress")  # sealed: nobody
        rights.restrict_reading("logistics.allowedtext")
        readers.register({Role.SAFETY}, "sealed-text-refused", "sealed-text-found")
        readers.register({Role.COORDINATOR, Role.SAFETY}, "address-read")
