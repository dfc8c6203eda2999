from collections.abc import Iterable

from donations.fraud_warnings.models import FraudWarning
from donations.payments.models import PaymentAttempt
from donations.stripe import facts


def record(attempt: PaymentAttempt, shown: Iterable[facts.StripeFraudWarning]) -> None:
    """Store the warnings that Stripe shows of a payment; an older look changes nothing.

    The caller holds the gift's lock. A warning that nothing can be done about any more stays so.
    """
    for warning in shown:
        row, is_new = FraudWarning.objects.get_or_create(
            stripe_id=warning.id,
            defaults={
                "attempt": attempt,
                "fraud_type": warning.fraud_type[:60],
                "actionable": warning.actionable,
                "created_at": warning.created_at,
            },
        )
        if not is_new and row.actionable and not warning.actionable:
            row.actionable = False
            row.save(update_fields=["actionable"])
