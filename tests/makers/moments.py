"""Moments shared by factories and tests."""

from datetime import UTC, datetime, timedelta

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
YEAR = timedelta(days=365)
