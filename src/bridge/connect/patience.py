"""How long a site asks to be left alone, read from its headers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds in `Retry-After`: a number, or a date less the answer's own `Date`. None if it does not say.

    Source: RFC 9110, 10.2.3. Header names are looked up as the mapping does; requests ignores their case.
    """
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    until, sent = parse_http_date(value), parse_http_date(headers.get("Date", ""))
    if until is None or sent is None:
        return None
    return max(0.0, (until - sent).total_seconds())


def parse_http_date(value: str) -> datetime | None:
    """An HTTP date as aware UTC, None when it is none."""
    try:
        parsed = parsedate_to_datetime(value)
    except ValueError:
        return None
    return parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
