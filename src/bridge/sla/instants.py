"""Instants as whole microseconds since 1970 in UTC, the form arithmetic is done in (and the ledger keeps)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
SECOND_US = 1_000_000
DAY_S = 86_400


def to_us(at: datetime) -> int:
    """Microseconds since 1970 of an aware instant. Raises TypeError for one without a zone."""
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    """The aware UTC instant."""
    return EPOCH + timedelta(microseconds=us)
