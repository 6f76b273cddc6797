"""Stories that the machines found, told again in the fewest steps that show what went wrong in them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from bridge.model.words import Side

from .stage import Stage


@pytest.fixture
def restoring(tmp_path: Path) -> Iterator[Stage]:
    """A bridge that undoes what the wrong side changes."""
    stage = Stage(tmp_path, "drift: restore")
    yield stage
    stage.close()


def test_an_engineer_who_insists_is_corrected_as_often(restoring: Stage) -> None:
    opened = restoring.file("globex-desk", "It fails", "high")
    restoring.come_to_rest()
    key = restoring.key(opened)
    assert key is not None
    for pause_s in (0, 0, 90):
        # In the same second or in a later one, the issue reads as it did before it was corrected.
        restoring.pass_time(pause_s)
        restoring.github.change(key, labels=["severity: trivial"])
        restoring.poll("vendor-github")
        restoring.work()
        assert restoring.stands(opened)[Side.TRACKER]["labels"].value == ["severity: major"]
