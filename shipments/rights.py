"""Who may do what with the nouns of this app."""

from logistics.matrix import declare
from logistics.roles import Role

PACKERS = (Role.WAREHOUSE, Role.COORDINATOR)
READERS = (*PACKERS, Role.FINANCE, Role.AUDITOR, Role.PARTNER)

SHIPMENT = declare("shipments.shipment", view=READERS, change=PACKERS, arrive=[*PACKERS, Role.PARTNER])
SITES = declare("shipments.shipmentsite", view=READERS, change=PACKERS)
PACKAGE = declare("shipments.package", view=READERS, change=PACKERS)
LINE = declare("shipments.manifestline", view=READERS, change=PACKERS)
PAPER = declare("shipments.paper", view=READERS, change=PACKERS)
# Whoever makes one reads an address by somebody else's eyes: the same role as for `logistics.siteaddress`.
REVEAL = declare("shipments.reveal", view=[Role.SAFETY, Role.COORDINATOR, Role.AUDITOR], change=[Role.SAFETY])
UPLOAD = declare("shipments.upload", view=[*PACKERS, Role.AUDITOR], change=PACKERS)
# Finance sees the state of a shipment and its discrepancies; who received what is not its business.
DELIVERY = declare("shipments.delivery", view=[*PACKERS, Role.AUDITOR, Role.PARTNER], change=[*PACKERS, Role.PARTNER])
UNLISTED = declare("shipments.unlistedgoods", view=[*PACKERS, Role.AUDITOR])
DISCREPANCY = declare("shipments.discrepancy", view=[*PACKERS, Role.FINANCE, Role.AUDITOR], change=[Role.COORDINATOR])
