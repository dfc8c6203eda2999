"""Customs values and freight as programs write them ("1125.00") and as we keep them (112500, in minor units)."""

import re
from decimal import Decimal

from django.utils.translation import gettext as _

from logistics.codes import codes
from logistics.errors import Invalid

# ASCII digits only: Python's \d would also take digits of other scripts.
WRITTEN = re.compile(r"[0-9]{1,12}(?:\.([0-9]{1,6}))?", re.ASCII)

AMOUNT_MAX = 10**9  # in whole units of its currency; the same in a spreadsheet


def to_minor(text: str, currency: str, *, field: str) -> int:
    """Return the minor units of a decimal string. Raises Invalid for anything that is not exactly an amount."""
    written = WRITTEN.fullmatch(text)
    if written is None:
        raise Invalid('Write the amount with digits and a point: "1125.00".', field=field, code="not_an_amount")
    exponent = codes.currencies()[currency].exponent
    if len((written[1] or "").rstrip("0")) > exponent:
        raise Invalid(f"{currency} has {exponent} decimals.", field=field, code="too_many_decimals")
    if Decimal(text) > AMOUNT_MAX:
        raise Invalid(_("At most %(most)d.") % {"most": AMOUNT_MAX}, field=field, code="too_large")
    return int(Decimal(text).scaleb(exponent))


def written(amount_minor: int | None, currency: str) -> str | None:
    """Return the decimal string with exactly the decimals of the currency: 112500 HKD is "1125.00"."""
    if amount_minor is None:
        return None
    exponent = codes.currencies()[currency].exponent
    return f"{Decimal(amount_minor).scaleb(-exponent):.{exponent}f}"
