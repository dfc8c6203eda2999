from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from logistics.roles import Role
from shipments import rights  # noqa: F401  # declares who may do what


class ShipmentsConfig(AppConfig):
    name = "shipments"

    def ready(self) -> None:
        from logistics.audit import numbers
        from logistics.mail import readers
        from logistics.partners import texts
        from shipments.shipments import texts as our_texts
        from shipments.shipments.models import Shipment

        sent, differs = _("shipment dispatched"), _("delivery differs")
        readers.register({Role.COORDINATOR}, {"delivery-differs": differs})
        readers.register({Role.COORDINATOR}, {"shipment-dispatched": sent}, optional=["shipment-dispatched"])
        texts.register(our_texts.GUARDED, our_texts.EXEMPT)
        texts.add_source(our_texts.in_use)
        numbers.register(Shipment, "number")
        register_rooms()


def register_rooms() -> None:
    """Register the other rooms' guards, effects and trail sentences with `shipments.shipments`, the bottom room."""
    from shipments.deliveries import services as deliveries
    from shipments.deliveries import trail as trail_of_deliveries
    from shipments.discrepancies import services as discrepancies
    from shipments.discrepancies import trail as trail_of_discrepancies
    from shipments.imports import services as imports
    from shipments.imports import trail as trail_of_imports
    from shipments.packing import completeness, manifest
    from shipments.packing import trail as trail_of_packing
    from shipments.papers import printable
    from shipments.papers import services as papers
    from shipments.papers import trail as trail_of_papers
    from shipments.reveals import services as reveals
    from shipments.shipments import actions, contents, lifecycle, trail

    contents.register(manifest)

    actions.add_guard("check", imports.running, before_state=True)
    actions.add_guard("check", completeness.may_be_checked)
    actions.add_guard("seal", imports.running, before_state=True)
    actions.add_guard("seal", completeness.complete)
    actions.add_guard("seal", printable.manifest)
    actions.add_guard("dispatch", papers.packing_list_printed, overridable=True)
    actions.add_guard("deliver", printable.head)
    actions.add_guard("close", deliveries.settled)

    lifecycle.add_effect("seal", papers.issue_packing_list)
    lifecycle.add_effect("reopen", papers.end_papers)
    lifecycle.add_effect("cancel", papers.end_papers)
    lifecycle.add_effect("lose", discrepancies.open_for_lost)
    for action in ("reopen", "cancel", "lose", "return", "close"):
        lifecycle.add_effect(action, reveals.end_with_shipment)

    for room in (trail_of_packing, trail_of_imports, trail_of_papers, trail_of_discrepancies, trail_of_deliveries):
        trail.add_sentences(room.SENTENCES)
