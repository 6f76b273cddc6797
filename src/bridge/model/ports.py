"""Ports of things the outside provides: time, and permits to speak to a site."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Where the present comes from. Nothing below `engine` asks for the time by itself."""

    def now(self) -> datetime:
        """The present, aware, in UTC."""

    def sleep(self, seconds: float) -> None:
        """Wait, or pretend to."""


class Limiter(Protocol):
    """Permits for requests to one site, shared by every thread that speaks to it.

    Scopes nest: the site, an endpoint with its method, a ticket. Vendors' answers overwrite the estimate.
    """

    def permit(self, *, method: str, endpoint: str, ticket: str = "") -> AbstractContextManager[None]:
        """Wait briefly for a permit and hold it for one request. An unused permit costs nothing.

        Raises TemporaryError with `retry_after_s` when none comes within the limiter's patience (1 s).
        """

    def answered(self, *, method: str, endpoint: str, ticket: str = "", status: int, headers: dict[str, str]) -> None:
        """Take a site's own word (its limit headers, 429 and Retry-After) over our estimate."""
