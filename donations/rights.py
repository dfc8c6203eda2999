"""Who may do what with the nouns of this app: finance does, auditors see it without contact details."""

from logistics.matrix import ADD, VIEW, contact_details, declare
from logistics.roles import Role

READERS, FINANCE = (Role.FINANCE, Role.AUDITOR), (Role.FINANCE,)

APPEAL = declare("donations.appeal", view=[*READERS, Role.WAREHOUSE, Role.COORDINATOR], change=FINANCE, public=[VIEW])
GIFT_TOTAL = declare("donations.gifttotal", view=READERS)  # shown as part of its appeal
DONOR = declare(
    "donations.donor",
    view=READERS,
    change=FINANCE,
    hidden=[contact_details("email", "address", seen_by=FINANCE)],
)
DONATION = declare("donations.donation", view=READERS, change=FINANCE, public=[ADD])
RECEIPT = declare("donations.receipt", view=READERS, change=FINANCE)
RECEIPT_DELIVERY = declare("donations.receiptdelivery", view=READERS, change=FINANCE)
PAYMENT = declare("donations.paymentattempt", view=READERS)
DECLINE = declare("donations.decline", view=READERS)
CHALLENGE = declare("donations.challenge", view=READERS)
SWITCH = declare("donations.givingswitch", view=READERS, change=FINANCE)
REFUND = declare("donations.refund", view=READERS, change=FINANCE)
REFUND_SENDING = declare("donations.refundsending", view=READERS, change=FINANCE)
FRAUD_WARNING = declare("donations.fraudwarning", view=READERS)
DISPUTE = declare("donations.dispute", view=READERS)
EVENT = declare("donations.stripeevent", view=READERS, change=FINANCE)
DIFFERENCE = declare("donations.stripedifference", view=READERS)
SIGN_IN = declare("donations.signinrequest", view=READERS)
