"""Trade codes as printed on papers, in English and French; the published lists have English only.

Units: UN/ECE Recommendation 20, in which X and a package code (Recommendation 21) counts packages of that kind.
"""

from logistics.codes import codes
from logistics.people.models import User
from logistics.roles import Role
from shipments.packing.models import Condition
from shipments.shipments.models import Mode

Texts = dict[str, str]

UNITS: dict[str, Texts] = {
    "H87": {"en": "piece", "fr": "pièce"},
    "SET": {"en": "set", "fr": "jeu"},
    "KGM": {"en": "kg", "fr": "kg"},
    "LTR": {"en": "litre", "fr": "litre"},
    "MTR": {"en": "metre", "fr": "mètre"},
    "PR": {"en": "pair", "fr": "paire"},
    "KT": {"en": "kit", "fr": "kit"},
    "RM": {"en": "ream", "fr": "rame"},
    "DZN": {"en": "dozen", "fr": "douzaine"},
    "XBX": {"en": "box", "fr": "boîte"},
    "XPA": {"en": "packet", "fr": "paquet"},
    "XRO": {"en": "roll", "fr": "rouleau"},
    "XBG": {"en": "bag", "fr": "sac"},
}
PACKAGE_KINDS: dict[str, Texts] = {
    "BG": {"en": "bag", "fr": "sac"},
    "BL": {"en": "bale", "fr": "balle"},
    "BX": {"en": "box", "fr": "boîte"},
    "CR": {"en": "crate", "fr": "caisse à claire-voie"},
    "CS": {"en": "case", "fr": "caisse"},
    "CT": {"en": "carton", "fr": "carton"},
    "DR": {"en": "drum", "fr": "fût"},
    "PK": {"en": "package", "fr": "colis"},
    "PX": {"en": "pallet", "fr": "palette"},
    "RO": {"en": "roll", "fr": "rouleau"},
    "SA": {"en": "sack", "fr": "sac"},
    "SI": {"en": "skid", "fr": "patin"},
}
CONDITIONS: dict[str, Texts] = {
    Condition.NEW: {"en": "new", "fr": "neuf"},
    Condition.LIKE_NEW: {"en": "like new", "fr": "comme neuf"},
    Condition.LIGHTLY_USED: {"en": "lightly used", "fr": "peu usagé"},
    Condition.HEAVILY_USED: {"en": "heavily used", "fr": "très usagé"},
    Condition.MIXED: {"en": "mixed", "fr": "mixte"},
    Condition.FOR_PARTS: {"en": "for parts", "fr": "pour pièces"},
}
MODES: dict[str, Texts] = {
    Mode.SEA: {"en": "sea", "fr": "maritime"},
    Mode.AIR: {"en": "air", "fr": "aérien"},
    Mode.ROAD: {"en": "road", "fr": "routier"},
    Mode.RAIL: {"en": "rail", "fr": "ferroviaire"},
    Mode.MULTIMODAL: {"en": "multimodal", "fr": "multimodal"},
}

# What papers for partners say instead of the name of a member of staff.
FUNCTIONS: dict[Role, Texts] = {
    Role.WAREHOUSE: {"en": "warehouse", "fr": "entrepôt"},
    Role.COORDINATOR: {"en": "coordinator", "fr": "coordination"},
}
OTHER_FUNCTION: Texts = {"en": "the charity", "fr": "l’association"}


def function_of(user: User | None) -> Texts | None:
    """Return the function of a member of staff; None for nobody."""
    if user is None:
        return None
    return next((texts for role, texts in FUNCTIONS.items() if user.has_role(role)), OTHER_FUNCTION)


def unit(code: str) -> Texts:
    if code in UNITS:
        return UNITS[code]
    name = codes.units().get(code) or codes.package_kinds().get(code[1:], code)
    return {"en": name.strip(), "fr": name.strip()}


def package_kind(code: str) -> Texts:
    if code in PACKAGE_KINDS:
        return PACKAGE_KINDS[code]
    name = codes.package_kinds().get(code, code).strip()
    return {"en": name, "fr": name}
