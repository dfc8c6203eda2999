from datetime import UTC, datetime

import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.db.utils import DatabaseError

from logistics.audit import chain
from logistics.audit import services as audit
from logistics.audit.models import AuditEntry
from logistics.health import services as health
from logistics.health.models import HealthCheck
from tests.makers.catalogue import make_item
from tests.makers.moments import NOON
from tests.makers.people import make_user
from tests.rights import as_superuser

pytestmark = pytest.mark.django_db


def test_the_trail_records_who_did_what_in_order():
    item, somebody = make_item(), make_user()
    audit.record("created", item, by=somebody, at=NOON)
    audit.record("changed", item, by=None, at=NOON, reason="typing error", fields=["name_en"])

    trail = list(audit.trail(item))

    assert [(e.sequence, e.verb, e.by, e.reason) for e in trail] == [
        (1, "created", somebody, ""),
        (2, "changed", None, "typing error"),
    ]
    assert trail[1].previous_hash == trail[0].hash
    assert trail[1].details == {"fields": ["name_en"]}


def test_each_row_has_its_own_chain():
    one, other = make_item(), make_item()
    for item in (one, other, one):
        audit.record("changed", item, by=None, at=NOON)

    assert list(audit.trail(other).values_list("sequence", flat=True)) == [1]
    assert list(chain.broken_links(lambda *_: None)) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE logistics_auditentry SET verb = 'never happened'",
        "DELETE FROM logistics_auditentry",
        "TRUNCATE logistics_auditentry CASCADE",
    ],
)
def test_the_database_refuses_to_change_an_entry(statement):
    audit.record("created", make_item(), by=None, at=NOON)
    # Deferred constraints on the new rows would stop the TRUNCATE before our trigger does.
    connection.check_constraints()

    with as_superuser() as cursor:  # the product's role may not even try
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="pgtrigger: Cannot"), transaction.atomic():
            cursor.execute(statement)


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE logistics_auditentry SET at = at + interval '1 day' WHERE sequence = 2",
        "UPDATE logistics_auditentry SET details = '{\"n\": 7}' WHERE sequence = 2",
        "DELETE FROM logistics_auditentry WHERE sequence = 2",
        "UPDATE logistics_auditentry SET hash = repeat('0', 64) WHERE sequence = 2",
    ],
)
def test_a_change_that_bypasses_the_trigger_is_detected(tampering):
    item = make_item()
    for number in range(3):
        audit.record("changed", item, by=None, at=NOON, n=number)
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE logistics_auditentry DISABLE TRIGGER USER")
        cursor.execute(tampering)

    broken = list(chain.broken_links(lambda *_: None))

    assert broken
    assert set(broken) <= {str(pk) for pk in AuditEntry.objects.filter(sequence__gte=2).values_list("pk", flat=True)}


def tampered(entry: AuditEntry, verb: str = "never happened") -> None:
    """Change an entry behind the triggers' back."""
    with as_superuser() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE logistics_auditentry DISABLE TRIGGER USER")
        cursor.execute("UPDATE logistics_auditentry SET verb = %s WHERE id = %s", [verb, entry.pk])
        cursor.execute("ALTER TABLE logistics_auditentry ENABLE TRIGGER USER")


class TestHourlyChecks:
    """Each looks at what is new, and at a part of the rest in turn."""

    @pytest.fixture(autouse=True)
    def _small_parts(self, monkeypatch):
        monkeypatch.setattr(chain, "SLICE", 2)
        monkeypatch.setattr(chain, "AGAIN", 2)

    @pytest.fixture
    def entries(self):
        item = make_item()
        return [audit.record("changed", item, by=None, at=NOON, n=number) for number in range(5)]

    def test_all_new_entries_are_checked_at_once(self, entries):
        tampered(entries[4])

        bookmark = chain.check_more(chain.Bookmark())

        assert bookmark.broken == (str(entries[4].pk),)
        assert bookmark.new == entries[4].pk

    def test_old_entries_are_checked_again_in_turn_and_what_was_found_is_remembered(self, entries):
        bookmark = chain.check_more(chain.Bookmark())
        tampered(entries[3])

        found = []
        for _ in range(4):
            bookmark = chain.check_more(chain.Bookmark.of(bookmark.as_json()))
            found.append((bookmark.again, bookmark.broken))

        broken = (str(entries[3].pk),)
        assert found == [(entries[3].pk, broken), (None, broken), (entries[1].pk, broken), (entries[3].pk, broken)]

    def test_what_was_found_is_forgotten_once_it_is_right_again(self, entries):
        tampered(entries[4], "never happened")
        found = chain.check_more(chain.Bookmark())
        tampered(entries[4], "changed")

        again = chain.check_more(found)

        assert found.broken == (str(entries[4].pk),)
        assert again.broken == ()

    def test_an_entry_that_has_just_been_written_waits_because_earlier_ones_may_still_be_committed(self, entries):
        new = audit.record("changed", make_item(), by=None, at=datetime.now(UTC))

        bookmark = chain.check_more(chain.Bookmark())

        assert bookmark.new == entries[4].pk
        assert new.pk > entries[4].pk

    def test_verify_looks_at_all_and_the_hourly_check_remembers_its_place(self, entries):
        health.check_all()
        tampered(entries[4])

        told: list[tuple[int, int]] = []
        whole = {finding.statement: finding for finding in health.check_all(progress=lambda *of: told.append(of))}

        statement = "Every entry of the trail follows from the one before it."
        assert whole[statement].samples == [str(entries[4].pk)]
        assert told == [(2, 5), (4, 5), (5, 5)]
        assert health.last_findings() == {statement: 1}
        assert HealthCheck.objects.get(name="audit trail").bookmark["new"] == str(entries[4].pk)

    def test_what_was_found_is_stored_even_if_time_runs_out(self, entries, monkeypatch):
        def too_long():
            raise SoftTimeLimitExceeded

        tampered(entries[0])
        chained = next(one for one in health.invariants() if "trail" in one[0])
        monkeypatch.setattr(health, "invariants", lambda: [chained, ("Nothing takes too long.", too_long)])

        with pytest.raises(SoftTimeLimitExceeded):
            health.check_all()

        assert health.last_findings() == {chained[0]: 1}
