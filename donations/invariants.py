"""Invariants of gifts, payments and receipts, as queries that find the rows that break them."""

from django.utils.translation import gettext_noop as _

from donations.gifts import totals
from logistics.health.services import Growing, Invariant

KEPT = "CASE WHEN d.status = 'voided' THEN 0 ELSE d.amount_minor - d.refunded_minor - d.charged_back_minor END"
# Of the payment `a`.
REFUNDED = """coalesce((
    SELECT sum(r.amount_minor) FROM donations_refund r WHERE r.attempt_id = a.id AND r.state = 'succeeded'), 0)"""
LOST = """coalesce((
    SELECT sum(l.amount_minor) FROM donations_dispute l WHERE l.attempt_id = a.id AND l.state = 'lost'), 0)"""

INVARIANTS: list[Invariant] = [
    (
        _("Receipt numbers have no gaps."),
        """
        SELECT n.name || ' ' || n.year FROM logistics_numberseries n
        LEFT JOIN donations_receipt r ON r.series || ' receipts' = n.name AND r.year = n.year
        WHERE n.name LIKE '% receipts'
        GROUP BY n.name, n.year, n.last
        HAVING count(r.id) <> n.last OR coalesce(max(r.sequence), 0) <> n.last
        """,
    ),
    (
        _("A receipt's number consists of its series, year and sequence."),
        """
        SELECT id FROM donations_receipt
        WHERE number <> series || '-' || year || '-' || lpad(sequence::text, greatest(6, length(sequence::text)), '0')
        """,
    ),
    (
        _("A valid receipt is for the amount kept of its gift."),
        f"""
        SELECT r.id FROM donations_receipt r JOIN donations_donation d ON d.id = r.donation_id
        WHERE r.state = 'issued'
        AND (d.received_at IS NULL OR r.currency <> d.currency OR r.amount_minor <> {KEPT})
        """,  # noqa: S608  # no input
    ),
    (
        _("A received gift has a valid receipt, unless it went back, is disputed, or lacks information."),
        f"""
        SELECT d.id FROM donations_donation d
        LEFT JOIN donations_receipt r ON r.donation_id = d.id AND r.state = 'issued'
        WHERE d.received_at IS NOT NULL AND d.status <> 'disputed' AND {KEPT} > 0
        AND d.receipt_blocked_by = '{{}}' AND r.id IS NULL
        """,  # noqa: S608  # no input
    ),
    (
        _("A receipt and its document agree."),
        """
        SELECT r.id FROM donations_receipt r JOIN logistics_document d ON d.id = r.document_id
        WHERE d.number <> r.number OR (d.context ->> 'amount_minor')::bigint <> r.amount_minor
        OR d.context ->> 'currency' <> r.currency
        """,
    ),
    (
        _("A receipt is valid exactly when its document is."),
        """
        SELECT r.id FROM donations_receipt r JOIN logistics_document d ON d.id = r.document_id
        WHERE (r.state = 'issued') <> (d.superseded_at IS NULL)
        """,
    ),
    (
        _("A gift given online is received exactly when one of its payments counts."),
        """
        SELECT d.id FROM donations_donation d
        LEFT JOIN donations_paymentattempt a ON a.donation_id = d.id AND a.counts
        WHERE d.channel = 'online' AND (d.received_at IS NULL) <> (a.id IS NULL)
        """,
    ),
    (
        _("What is kept of a gift is what its payments hold together, at most its amount."),
        f"""
        SELECT d.id FROM donations_donation d JOIN (
            SELECT donation_id, sum(greatest(0, amount_minor - {REFUNDED} - {LOST})) AS held
            FROM donations_paymentattempt a WHERE state = 'succeeded' GROUP BY donation_id
        ) AS paid ON paid.donation_id = d.id
        WHERE greatest(0, {KEPT}) <> least(d.amount_minor, paid.held)
        """,  # noqa: S608  # no input
    ),
    (
        _("Refunded and charged-back amounts are the sums of succeeded refunds and lost disputes."),
        f"""
        SELECT d.id FROM donations_donation d JOIN donations_paymentattempt a ON a.donation_id = d.id AND a.counts
        WHERE (d.refunded_minor <> least(d.amount_minor, {REFUNDED})
        OR d.charged_back_minor <> least(d.amount_minor, {LOST}))
        -- Of a gift that was paid twice, the other payment may make up for a part.
        AND NOT EXISTS (SELECT FROM donations_paymentattempt o
            WHERE o.donation_id = d.id AND o.state = 'succeeded' AND o.id <> a.id)
        """,  # noqa: S608  # no input
    ),
    (
        _("The total of an appeal in a currency is the sum of what is kept of its gifts."),
        Growing("gift totals", every=totals.wrong_totals, more=totals.more_wrong_totals),
    ),
    (
        _("A payment has the amount and currency of its gift."),
        """
        SELECT a.id FROM donations_paymentattempt a JOIN donations_donation d ON d.id = a.donation_id
        WHERE a.amount_minor <> d.amount_minor OR a.currency <> d.currency
        """,
    ),
    (
        _("Every receipt has a delivery by mail."),
        """
        SELECT r.id FROM donations_receipt r
        WHERE NOT EXISTS (SELECT FROM donations_receiptdelivery WHERE receipt_id = r.id)
        """,
    ),
    (
        _("No due job of donations has waited for more than an hour."),
        " UNION ALL ".join(
            f"SELECT id FROM donations_{name} WHERE (state = 'pending' AND run_after < now() - interval '1 hour')"  # noqa: S608
            " OR (state = 'leased' AND lease_until < now() - interval '1 hour')"
            for name in ("stripeevent", "receiptdelivery", "refundsending", "signinrequest")
        ),
    ),
]
