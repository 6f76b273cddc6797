"""A siege for each test: four sites, people at work, and a daemon to be killed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .siege import Siege


@pytest.fixture
def siege(tmp_path: Path) -> Iterator[Siege]:
    """People work and things go wrong already; no daemon runs yet."""
    with Siege(tmp_path, seed=1, tickets=10) as made:
        yield made
