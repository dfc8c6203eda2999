"""The mail that notifies a partner's contacts of a dispatch."""

from logistics.mail import services as mail
from logistics.partners.models import Contact
from logistics.wording import number
from shipments.shipments.models import Shipment


def notify_contacts(shipment: Shipment) -> int:
    """Queue a mail to each contact and return how many; it names the hand-over point, never a site."""
    contacts = Contact.objects.filter(partner=shipment.consignee, is_notified=True).order_by("pk")
    for contact in contacts:
        mail.notify(
            "shipment-dispatched",
            to=contact.email,
            template="shipments/mail/dispatched.txt",
            context={
                "contact": contact.name,
                "number": shipment.number,
                "reference": shipment.reference,
                "title": shipment.title,
                "packages": shipment.package_count,
                # Rounded for a mail: 27.000 kg would read as 27 tonnes in French.
                "gross_kg": number(f"{shipment.gross_kg:.0f}", [contact.language]),
                "volume_m3": number(f"{shipment.volume_m3:.1f}", [contact.language]),
                "container": shipment.container_number,
                "seal": shipment.seal_number,
                "bill_of_lading": shipment.bill_of_lading,
                "hand_over_point": shipment.hand_over_point,
                "arrives_on": shipment.arrives_on,
            },
            language=contact.language,
        )
    return len(contacts)
