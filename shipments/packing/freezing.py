"""Database triggers that refuse every write to the manifest of a sealed shipment."""

import pgtrigger

# Runs once per statement, for all of its rows: 10,000 lines come in one. FOR KEY SHARE waits for a seal in progress
# and then sees it.
FROZEN_SQL = """
    SELECT count(*) INTO sealed FROM (
        SELECT s.status FROM shipments_shipment s WHERE s.id IN ({shipments}) FOR KEY SHARE
    ) AS held WHERE status NOT IN ('draft', 'packing');
    IF sealed > 0 THEN
        RAISE EXCEPTION 'a sealed manifest is frozen' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
"""


def frozen_once_sealed(what: str) -> list[pgtrigger.Trigger]:
    """Return triggers that refuse every write to rows of a sealed shipment."""
    old, new = ("SELECT shipment_id FROM old_rows", "SELECT shipment_id FROM new_rows")
    of_operation = [
        ("added", pgtrigger.Insert, pgtrigger.Referencing(new="new_rows"), new),
        ("changed", pgtrigger.Update, pgtrigger.Referencing(old="old_rows", new="new_rows"), f"{old} UNION {new}"),
        ("removed", pgtrigger.Delete, pgtrigger.Referencing(old="old_rows"), old),
    ]
    return [
        pgtrigger.Trigger(
            name=f"no_{what}_is_{verb}_once_sealed",
            level=pgtrigger.Statement,
            when=pgtrigger.After,
            operation=operation,
            referencing=referencing,
            declare=[("sealed", "integer")],
            func=FROZEN_SQL.format(shipments=shipments),
        )
        for verb, operation, referencing, shipments in of_operation
    ]
