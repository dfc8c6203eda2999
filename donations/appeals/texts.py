"""Which texts of donations are compared with sealed addresses (logistics.partners.texts): those that donors read."""

from logistics.partners.texts import CODE, MADE, RANDOM

GUARDED: dict[str, tuple[str, ...]] = {
    "donations.appeal": ("slug", "title_en", "title_fr", "story_en", "story_fr", "picture_alt_en", "picture_alt_fr"),
    "donations.givingswitch": ("message_en", "message_fr"),
}
DONOR = "typed by donors, who know no address; a refusal would let anybody guess"
STRIPE = "from Stripe"
EXEMPT: dict[str, dict[str, str]] = {
    "donations.appeal": dict.fromkeys(("currency", "country"), CODE),
    "donations.gifttotal": {"currency": CODE},
    "donations.donor": {
        **dict.fromkeys(("name", "organisation", "email", "address"), DONOR),
        **dict.fromkeys(("country", "language"), CODE),
    },
    "donations.donation": {
        **dict.fromkeys(("reference", "form_key"), RANDOM),
        **dict.fromkeys(("currency", "channel", "language", "consent_version", "status", "receipt_blocked_by"), CODE),
        "message": DONOR,
        "consent_text": "the product's own",
    },
    "donations.paymentattempt": {
        **dict.fromkeys(("state", "currency", "passed"), CODE),
        "description": MADE,
        **dict.fromkeys(("address_hash", "email_hash"), RANDOM),
        **dict.fromkeys(
            (
                *("session_id", "checkout_url", "payment_intent_id", "charge_id", "decline_code", "card_brand"),
                *("card_last4", "balance_transaction_id", "fee_currency"),
            ),
            STRIPE,
        ),
    },
    "donations.decline": {"event_id": STRIPE},
    "donations.challenge": {"method": CODE, **dict.fromkeys(("purpose", "address_hash", "email_hash"), RANDOM)},
    "donations.dispute": dict.fromkeys(("stripe_id", "state", "currency", "reason"), STRIPE),
    "donations.refund": dict.fromkeys(("stripe_id", "state", "currency", "reason", "failure_reason"), STRIPE),
    "donations.signinrequest": {
        **dict.fromkeys(("state", "last_error_code", "lane", "language"), CODE),
        "email": DONOR,
        **dict.fromkeys(("address_hash", "email_hash"), RANDOM),
    },
    "donations.receipt": {
        **dict.fromkeys(("kind", "jurisdiction", "series", "currency", "state", "end_reason"), CODE),
        "number": MADE,
        "not_printed": "single characters",
    },
    "donations.receiptdelivery": dict.fromkeys(("state", "last_error_code", "lane"), CODE),
    "donations.stripedifference": dict.fromkeys(("about", "kind", "stripe_id", "ours", "theirs"), STRIPE),
    "donations.stripeevent": dict.fromkeys(
        (
            *("state", "last_error_code", "lane", "stripe_id", "kind", "object_type", "object_id", "payment_intent_id"),
            *("api_version", "source", "outcome"),
        ),
        STRIPE,
    ),
}
