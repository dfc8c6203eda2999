"""Who may do what with the nouns of this app. Auditors see all but contact details and sealed addresses."""

from logistics.matrix import contact_details, declare
from logistics.roles import STAFF_ROLES, Role

FINANCE, WAREHOUSE, COORDINATOR, SAFETY = Role.FINANCE, Role.WAREHOUSE, Role.COORDINATOR, Role.SAFETY
AUDITOR, ADMINISTRATOR, PARTNER = Role.AUDITOR, Role.ADMINISTRATOR, Role.PARTNER
OFFICE = (FINANCE, WAREHOUSE, COORDINATOR, SAFETY, AUDITOR)  # all staff but administrators of users

CHARITY = declare("logistics.charity", view=OFFICE, change=[FINANCE])
CATEGORY = declare("logistics.category", view=[*OFFICE, PARTNER], change=[WAREHOUSE, COORDINATOR])
ITEM = declare("logistics.item", view=[*OFFICE, PARTNER], change=[WAREHOUSE, COORDINATOR])

PARTNERS = declare("logistics.partner", view=[*OFFICE, PARTNER], change=[COORDINATOR])
# All of it is contact details, so auditors do not see it.
CONTACT = declare("logistics.contact", view=[WAREHOUSE, COORDINATOR, SAFETY, PARTNER], change=[COORDINATOR])
SITE = declare("logistics.site", view=[*OFFICE, PARTNER], change=[COORDINATOR])
# Sealed: nobody sees it in a list. A reading is recorded, with its reason.
ADDRESS = declare("logistics.siteaddress", view=[], change=[COORDINATOR, SAFETY], reveal=[SAFETY])
MEMBERSHIP = declare("logistics.membership", view=[COORDINATOR, AUDITOR])

KEY = declare("logistics.apikey", view=[COORDINATOR, AUDITOR], change=[COORDINATOR])
USER = declare(
    "logistics.user",
    view=[ADMINISTRATOR, AUDITOR],
    change=[ADMINISTRATOR],
    hidden=[contact_details("email", seen_by=[ADMINISTRATOR])],
)

DOCUMENT = declare("logistics.document", view=OFFICE, change=[FINANCE, WAREHOUSE, COORDINATOR])
NUMBERS = declare("logistics.numberseries", view=OFFICE)
EMAIL = declare(
    "logistics.email",
    view=[FINANCE, COORDINATOR, SAFETY, ADMINISTRATOR, AUDITOR],
    change=[FINANCE, COORDINATOR, ADMINISTRATOR],
    hidden=[contact_details("to", seen_by=[FINANCE, COORDINATOR, SAFETY, ADMINISTRATOR])],
)
UNSUBSCRIPTION = declare(
    "logistics.unsubscription",
    view=[COORDINATOR, ADMINISTRATOR, AUDITOR],
    hidden=[contact_details("to", seen_by=[COORDINATOR, ADMINISTRATOR])],
)
AUDIT = declare("logistics.auditentry", view=[AUDITOR, SAFETY])
# Who refused what, when; the text itself is sealed, and reading it is recorded.
REFUSED_TEXT = declare("logistics.refusedtext", view=[SAFETY], change=[SAFETY])
HEALTH = declare("logistics.healthcheck", view=sorted(STAFF_ROLES))
