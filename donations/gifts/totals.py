"""Running totals of the gifts of an appeal, kept by the database in the transaction that books a gift.

A trigger keeps them, not a service: so whatever changes a gift changes its total, and two bookings at once wait for
each other at the total's row instead of losing one of them. Without totals, the appeals' pages would sum a million
gifts.
"""

from collections.abc import Callable, Iterator
from typing import Final

import pgtrigger
from django.db import connection

# What is kept of a gift, as in Donation.kept_minor.
KEPT: Final = "greatest(0, {row}.amount_minor - {row}.refunded_minor - {row}.charged_back_minor)"
ADD: Final = f"""
    IF NEW.appeal_id IS NOT NULL AND NEW.status NOT IN ('pending', 'voided') THEN
        INSERT INTO donations_gifttotal AS total (appeal_id, currency, amount_minor, gifts)
        VALUES (NEW.appeal_id, NEW.currency, {KEPT.format(row="NEW")}, 1)
        ON CONFLICT (appeal_id, currency) DO UPDATE
        SET amount_minor = total.amount_minor + EXCLUDED.amount_minor, gifts = total.gifts + 1;
    END IF;
"""  # noqa: S608  # constants of this file
TAKE_AWAY: Final = f"""
    IF OLD.appeal_id IS NOT NULL AND OLD.status NOT IN ('pending', 'voided') THEN
        UPDATE donations_gifttotal SET amount_minor = amount_minor - {KEPT.format(row="OLD")}, gifts = gifts - 1
        WHERE appeal_id = OLD.appeal_id AND currency = OLD.currency;
    END IF;
"""  # noqa: S608


def kept_in_totals() -> list[pgtrigger.Trigger]:
    """Return the triggers on gifts that keep the totals. Received gifts are never deleted, so there are two."""
    return [
        pgtrigger.Trigger(
            name="a_new_gift_is_in_its_total",
            when=pgtrigger.After,
            operation=pgtrigger.Insert,
            condition=pgtrigger.Condition("NEW.status <> 'pending'"),
            func=f"{ADD} RETURN NULL;",
        ),
        pgtrigger.Trigger(
            name="a_changed_gift_is_in_its_total",
            when=pgtrigger.After,
            operation=pgtrigger.Update,
            condition=pgtrigger.AnyChange(
                "appeal", "status", "amount_minor", "currency", "refunded_minor", "charged_back_minor"
            ),
            func=f"{TAKE_AWAY} {ADD} RETURN NULL;",
        ),
    ]


# How many gifts an hourly check adds up, at most, unless one total alone has more: half a second for a million.
CHECKED: Final = 200_000
# In one statement, so that a gift that is booked meanwhile is in both or in neither.
WRONG: Final = f"""
    SELECT total.id FROM donations_gifttotal total CROSS JOIN LATERAL (
        SELECT coalesce(sum({KEPT.format(row="d")}), 0) AS amount_minor, count(*) AS gifts
        FROM donations_donation d
        WHERE d.appeal_id = total.appeal_id AND d.currency = total.currency AND d.status NOT IN ('pending', 'voided')
    ) AS summed
    WHERE total.id = ANY(%s) AND (total.amount_minor <> summed.amount_minor OR total.gifts <> summed.gifts)
"""  # noqa: S608


def wrong_totals(progress: Callable[[int, int], None]) -> Iterator[str]:
    """Yield the id of each total that is not the sum of its gifts, and tell the progress in gifts."""
    totals = _totals_after(0)
    of, checked = sum(gifts for _pk, gifts in totals), 0
    for pk, gifts in totals:
        yield from _wrong([pk])
        checked += gifts
        progress(checked, of)


def more_wrong_totals(bookmark: dict[str, object]) -> tuple[dict[str, object], list[str]]:
    """Check some totals in turn, and again those that were wrong. Takes and returns a bookmark."""
    after, known = bookmark.get("after", 0), bookmark.get("wrong", [])
    assert isinstance(after, int) and isinstance(known, list)
    turn, turn_ends, summed = list[int](), 0, 0
    for pk, gifts in _totals_after(after):
        if turn and summed + gifts > CHECKED:
            break
        turn.append(pk)
        turn_ends, summed = pk, summed + gifts
    else:
        turn_ends = 0  # the next round begins at the first total
    wrong = _wrong([*{*turn, *map(int, known)}])
    return {"after": turn_ends, "wrong": wrong}, wrong


def _totals_after(pk: int) -> list[tuple[int, int]]:
    """Return the ids of the totals after one, with their numbers of gifts."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT id, gifts FROM donations_gifttotal WHERE id > %s ORDER BY id", [pk])
        return [(int(pk), int(gifts)) for pk, gifts in cursor.fetchall()]


def _wrong(totals: list[int]) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(WRONG, [totals])
        return [str(pk) for (pk,) in cursor.fetchall()]
