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


@pytest.fixture
def mirroring(tmp_path: Path) -> Iterator[Stage]:
    """A bridge whose labels go both ways."""
    stage = Stage(tmp_path, "owner: {labels: both}")
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


@pytest.mark.parametrize("desk", ["globex-desk", "acme-desk"])
def test_a_label_set_between_a_reading_and_a_write_of_labels_reaches_the_customer(mirroring: Stage, desk: str) -> None:
    opened = mirroring.file(desk, "It fails", "high")
    mirroring.come_to_rest()
    key = mirroring.key(opened)
    assert key is not None
    if desk == "globex-desk":
        mirroring.github.change(key, labels=["severity: major", "area-db"])
    else:
        mirroring.jira.change(key, labels=["area-db"])
    mirroring.desks[desk].change(opened.ticket, tags=["product-shop"])
    # Bridge hears of the ticket alone.
    mirroring.poll(desk)
    mirroring.work()
    mirroring.come_to_rest()
    stands = mirroring.stands(opened)
    assert sorted(stands[Side.HELPDESK]["tags"].value or ()) == ["area-db", "product-shop"]
    assert {"area-db", "product-shop"} <= set(stands[Side.TRACKER]["labels"].value)


def test_a_label_taken_away_is_not_put_back_by_a_write_of_other_labels(mirroring: Stage) -> None:
    opened = mirroring.file("globex-desk", "It fails", "high")
    mirroring.come_to_rest()
    key = mirroring.key(opened)
    assert key is not None
    mirroring.github.change(key, labels=[])
    mirroring.desks["globex-desk"].change(opened.ticket, tags=["product-shop"])
    mirroring.poll("globex-desk")
    mirroring.work()
    assert mirroring.stands(opened)[Side.TRACKER]["labels"].value == ["product-shop"]


def test_what_engineers_solved_and_take_up_again_stays_solved_for_the_customer(mirroring: Stage) -> None:
    opened = mirroring.file("globex-desk", "It fails", "high")
    mirroring.come_to_rest()
    key = mirroring.key(opened)
    assert key is not None
    for change in ({"state": "closed", "state_reason": "completed"}, {"state": "open"}):
        mirroring.github.change(key, **change)
        mirroring.come_to_rest()
    stands = mirroring.stands(opened)
    assert stands[Side.HELPDESK]["status"].value == "solved"
    assert stands[Side.TRACKER]["state"].value == "open"
