"""Invariants of this app's rows. Each query returns the ids of rows that break one."""

from django.utils.translation import gettext_noop as _

from logistics.audit import chain
from logistics.documents import services as documents
from logistics.health.services import Growing, Invariant
from logistics.partners import addresses

INVARIANTS: list[Invariant] = [
    (
        _("Every entry of the trail follows from the one before it."),
        Growing("audit trail", every=chain.broken_links, more=chain.more_broken_links),
    ),
    (_("Every sealed address and refused text has its ciphertext."), addresses.without_ciphertext),
    (_("The newest 1,000 issued documents have the files that were issued."), documents.damaged),
    (
        _("No valid document is dead: each paper that has a number can be printed."),
        "SELECT id FROM logistics_document WHERE state = 'dead' AND superseded_at IS NULL",
    ),
    (
        _("No lease ended more than an hour ago: the relay retries such jobs or gives them up."),
        "SELECT id FROM logistics_document WHERE state = 'leased' AND lease_until < now() - interval '1 hour'"
        " UNION ALL SELECT id FROM logistics_email WHERE state = 'leased' AND lease_until < now() - interval '1 hour'",
    ),
    (
        _("Nothing that is due has waited for more than an hour."),
        "SELECT id FROM logistics_document WHERE state = 'pending' AND run_after < now() - interval '1 hour'"
        " UNION ALL SELECT id FROM logistics_email WHERE state = 'pending' AND run_after < now() - interval '1 hour'",
    ),
    (
        _("A document is superseded after it was requested."),
        "SELECT id FROM logistics_document WHERE superseded_at < requested_at",
    ),
    (
        _("Everybody who acts for a partner has the partner's role and no other."),
        "SELECT u.id FROM logistics_user u LEFT JOIN logistics_membership m ON m.user_id = u.id"
        " WHERE (m.id IS NOT NULL AND u.roles <> ARRAY['partner']::varchar[])"
        " OR (m.id IS NULL AND 'partner' = ANY(u.roles))",
    ),
    (
        _("No live key belongs to a partner that has ended."),
        "SELECT k.id FROM logistics_apikey k JOIN logistics_membership m ON m.user_id = k.user_id"
        " JOIN logistics_partner p ON p.id = m.partner_id"
        " WHERE p.status = 'ended' AND k.revoked_at IS NULL AND k.expires_at > now()",
    ),
    (
        _("Nobody has more than two live keys."),
        "SELECT user_id FROM logistics_apikey WHERE revoked_at IS NULL AND expires_at > now()"
        " GROUP BY user_id HAVING count(*) > 2",
    ),
]
