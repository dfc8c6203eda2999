from django.apps import AppConfig

from logistics.people import rights
from logistics.roles import Role


class LogisticsConfig(AppConfig):
    name = "logistics"

    def ready(self) -> None:
        from logistics import checks  # noqa: F401  registers itself

        rights.let_change(Role.FINANCE, "logistics.charity")
        rights.let_change(Role.WAREHOUSE, "logistics.item", "logistics.category")
        rights.let_change(
            Role.COORDINATOR,
            *("logistics.partner", "logistics.contact", "logistics.site", "logistics.item", "logistics.category"),
        )
        rights.let_only_read("logistics.email", Role.FINANCE, Role.COORDINATOR, Role.AUDITOR)
        rights.let_only_read("logistics.contact", Role.WAREHOUSE, Role.COORDINATOR, Role.AUDITOR)
        rights.let_only_read("logistics.apikey", Role.COORDINATOR, Role.AUDITOR)
        rights.let_only_read("logistics.membership", Role.COORDINATOR, Role.AUDITOR)
        rights.let_only_read("logistics.user", Role.AUDITOR)
        rights.let_only_read("logistics.auditentry", Role.AUDITOR, Role.COORDINATOR)
        rights.let_only_read("logistics.siteaddress")  # sealed: nobody
