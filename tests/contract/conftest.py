"""The ledger's two databases: a SQLite file, and a PostgreSQL server these tests start themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.store.ledger import Ledger, open_ledger
from bridge.testing.clock import FakeClock


@pytest.fixture
def clock() -> FakeClock:
    """A clock the test moves."""
    return FakeClock()


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger(request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    """An empty ledger, on each database in turn."""
    if request.param == "sqlite":
        opened = open_ledger(clock=clock, directory=tmp_path)
    else:
        opened = open_ledger(clock=clock, url=request.getfixturevalue("postgres_url"))
    yield opened
    opened.close()
