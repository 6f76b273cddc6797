"""The ledger and the routes of a config, to look at beside a running daemon."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.bootstrap import Desktop, desktop
from bridge.config import Config


@contextmanager
def reading_desk(config: Config) -> Iterator[Desktop]:
    """Nothing can be written through it, and nobody who writes has to wait for it. Raises ConfigurationError."""
    opened = desktop(config, only_look=True)
    try:
        yield opened
    finally:
        opened.ledger.close()
