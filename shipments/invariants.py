"""Invariants of shipments, as queries that find the rows that break them."""

from django.utils.translation import gettext_noop as _

from logistics.health.services import Invariant
from shipments.packing.totals import SQL as TOTALS

INVARIANTS: list[Invariant] = [
    (
        _("The totals of a sealed shipment match its packages and lines."),
        f"""
        SELECT s.id FROM shipments_shipment s
        JOIN ({TOTALS.replace("p.shipment_id = ANY(%(shipments)s)", "true")})
            AS t (id, packages, lines, pieces, net, gross, measured, volume, value) ON t.id = s.id
        WHERE s.sealed_at IS NOT NULL AND (s.package_count, s.line_count, s.piece_count, s.net_kg, s.gross_kg,
            s.measured_kg, s.volume_m3, s.value_minor) IS DISTINCT FROM
            (t.packages, t.lines, t.pieces, t.net, t.gross, t.measured, t.volume, t.value)
        """,  # noqa: S608  # no input: our own statement within ours
    ),
    (
        _("The packages of a sealed shipment are numbered from 1 without gaps."),
        """
        SELECT s.id FROM shipments_shipment s JOIN shipments_package p ON p.shipment_id = s.id
        WHERE s.sealed_at IS NOT NULL
        GROUP BY s.id HAVING count(*) <> max(p.number) OR min(p.number) <> 1
        """,
    ),
    (
        _("A package goes to a site of its own shipment."),
        """
        SELECT p.id FROM shipments_package p JOIN shipments_shipmentsite d ON d.id = p.destination_id
        WHERE d.shipment_id <> p.shipment_id
        """,
    ),
    (
        _("A site of a shipment belongs to its consignee."),
        """
        SELECT d.id FROM shipments_shipmentsite d
        JOIN shipments_shipment s ON s.id = d.shipment_id JOIN logistics_site site ON site.id = d.site_id
        WHERE site.partner_id <> s.consignee_id
        """,
    ),
    (
        _("A sealed shipment has exactly one valid packing list, and no other shipment has one."),
        """
        SELECT s.id FROM shipments_shipment s
        LEFT JOIN shipments_paper p ON p.shipment_id = s.id AND p.kind = 'packing-list'
        LEFT JOIN logistics_document d ON d.id = p.document_id AND d.superseded_at IS NULL
        GROUP BY s.id HAVING count(d.id) <> CASE WHEN s.sealed_at IS NULL THEN 0 ELSE 1 END
        """,
    ),
    (
        _("Shipment numbers have no gaps."),
        """
        SELECT n.name || ' ' || n.year FROM logistics_numberseries n
        LEFT JOIN shipments_shipment s ON s.number LIKE 'SHP-' || n.year || '-%'
        WHERE n.name = 'shipments'
        GROUP BY n.name, n.year, n.last
        HAVING count(s.id) <> n.last OR coalesce(max(split_part(s.number, '-', 3)::int), 0) <> n.last
        """,
    ),
    (
        _("A tally is the sum of its delivery lines."),
        """
        SELECT t.line_id FROM shipments_tally t
        LEFT JOIN (
            SELECT line_id, sum(good) AS good, sum(damaged) AS damaged, sum(missing) AS missing, sum(surplus) AS surplus
            FROM shipments_deliveryline GROUP BY line_id
        ) AS d ON d.line_id = t.line_id
        WHERE (t.good, t.damaged, t.missing, t.surplus) IS DISTINCT FROM (d.good, d.damaged, d.missing, d.surplus)
        """,
    ),
    (
        _("A tally has the quantity of its manifest line."),
        """
        SELECT t.line_id FROM shipments_tally t JOIN shipments_manifestline l ON l.id = t.line_id
        WHERE t.shipped <> l.quantity
        """,
    ),
    (
        _("A reversal negates exactly the figures of its delivery."),
        """
        SELECT r.id FROM shipments_delivery r
        JOIN shipments_deliveryline a ON a.delivery_id = r.reverses_id
        LEFT JOIN shipments_deliveryline b ON b.delivery_id = r.id AND b.line_id = a.line_id
        WHERE (a.good, a.damaged, a.missing, a.surplus) IS DISTINCT FROM
              (-b.good, -b.damaged, -b.missing, -b.surplus)
        """,
    ),
    (
        _("Every line of a shipment that was received or closed is accounted for."),
        """
        SELECT s.id FROM shipments_shipment s
        LEFT JOIN shipments_tally t ON t.shipment_id = s.id AND t.is_resolved
        WHERE s.status = 'received' OR (s.status = 'closed' AND s.arrived_at IS NOT NULL)
        GROUP BY s.id HAVING count(t.line_id) <> s.line_count
        """,
    ),
    (
        _("A closed shipment has no open discrepancy."),
        """
        SELECT d.id FROM shipments_discrepancy d JOIN shipments_shipment s ON s.id = d.shipment_id
        WHERE s.status = 'closed' AND d.state <> 'closed'
        """,
    ),
    (
        _("Every delivery except a reversal has a goods-received note."),
        """
        SELECT d.id FROM shipments_delivery d JOIN shipments_shipment s ON s.id = d.shipment_id
        LEFT JOIN shipments_paper p
            ON p.kind = 'goods-received-note' AND p.number = s.number || '-GRN-' || d.sequence
        WHERE d.reverses_id IS NULL AND p.id IS NULL
        """,
    ),
]
