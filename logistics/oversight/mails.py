"""Whose mails staff see: donors' are finance's, those about shipments are the coordinators'."""

from django.db.models import QuerySet

from logistics.mail.models import Email
from logistics.people.models import Role, User

DONORS = frozenset({Role.FINANCE})
SHIPMENTS = frozenset({Role.COORDINATOR})
# Kind of mail -> who works with the people it goes to. Auditors read all; a kind that is not named only they do.
READERS: dict[str, frozenset[Role]] = {
    "receipt": DONORS,
    "receipt-cancelled": DONORS,
    "sign-in-link": DONORS,
    "shipment-dispatched": SHIPMENTS,
    "delivery-differs": SHIPMENTS,
}


def mails_for(user: User) -> QuerySet[Email]:
    """Return the mails whose address this person may know, without what they say: that may hold a secret link."""
    mails: QuerySet[Email] = Email.objects.defer("body", "attachments")
    if user.has_role(Role.AUDITOR):
        return mails
    return mails.filter(kind__in=[kind for kind, roles in READERS.items() if user.has_role(*roles)])
