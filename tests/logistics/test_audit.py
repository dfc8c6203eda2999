import pytest
from django.db import connection, transaction
from django.db.utils import DatabaseError

from logistics.audit import services as audit
from logistics.audit.models import AuditEntry
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
    assert list(audit.broken_links()) == []


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

    broken = list(audit.broken_links())

    assert broken
    assert set(broken) <= {str(pk) for pk in AuditEntry.objects.filter(sequence__gte=2).values_list("pk", flat=True)}
