from django.apps import AppConfig

from logistics.people import rights
from logistics.roles import Role


class ShipmentsConfig(AppConfig):
    name = "shipments"

    def ready(self) -> None:
        from logistics.mail import readers

        rights.let_change(Role.WAREHOUSE, "shipments.*")
        rights.let_change(Role.COORDINATOR, "shipments.*")
        readers.register({Role.COORDINATOR}, "shipment-dispatched", "delivery-differs")
