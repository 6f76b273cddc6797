"""What another contract makes of one promise: moved, given more time, dropped, new, or nothing at all."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.cases import CONTRACT, STANDARD, Story, hours, local, opened, reply, terms, waits

from bridge.config import read_timeline
from bridge.engine.clocks.difference import NOTHING, Change
from bridge.errors import ConfigurationError
from bridge.sla.fold import fold
from bridge.sla.terms import Timeline

NOW = local("02-02 12:00")
SLOWER = Timeline.of([terms(("first_response: 8h", "first_response: 12h"), ("resolution: 10d", "resolution: 12d"))])


def change(story: Story, metric: str, *, before: Timeline = STANDARD, after: Timeline = SLOWER) -> Change:
    """The first cycle of a promise under both contracts."""
    old, new = (fold(story.facts, timeline).of(metric) for timeline in (before, after))
    return Change("#1", "", metric, 1, old[0] if old else None, new[0] if new else None, False, False, NOW)


def test_a_due_time_moves_by_the_wall_and_what_stands_still_has_more_left_in_business_time() -> None:
    story = Story().tell("01-05 09:00", *opened())
    moved = change(story, "first_response")
    # Four more hours of business time: from Monday at closing to Tuesday at 13:00.
    assert (moved.moved_by, moved.left_by, moved.matters) == (hours(20), None, True)
    assert (moved.was_over, moved.is_over) == (True, True)
    story.tell("01-05 10:00", reply(), waits())
    standing = change(story, "resolution")
    assert (standing.moved_by, standing.left_by, standing.matters) == (None, hours(16), True)
    assert (standing.was_over, standing.is_over) == (False, False)


def test_the_same_contract_changes_nothing_and_one_without_the_promise_does() -> None:
    story = Story().tell("01-05 09:00", *opened())
    assert not change(story, "first_response", after=STANDARD).matters
    dropped = change(story, "first_response", after=NOTHING)
    assert (dropped.matters, dropped.moved_by, dropped.is_over, dropped.clock) == (True, None, False, dropped.before)
    new = change(story, "first_response", before=NOTHING)
    assert (new.matters, new.moved_by, new.was_over, new.clock) == (True, None, False, new.after)


def test_what_is_due_under_one_contract_and_waits_under_the_other_is_different() -> None:
    never = Timeline.of([terms(("pauses: {resolution: [waiting_customer, ", "pauses: {resolution: ["))])
    story = Story().tell("01-05 09:00", *opened()).tell("01-05 10:00", reply(), waits())
    found = change(story, "resolution", after=never)
    assert (found.moved_by, found.left_by, found.matters) == (None, None, True)


def test_versions_of_a_contract_are_read_together_in_the_order_they_begin(tmp_path: Path) -> None:
    first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
    own = CONTRACT.replace("tell: assignee", "tell: night_shift")
    first.write_text(own.replace("to: 2026-12-31", "to: 2026-06-30"), encoding="utf-8")
    second.write_text(
        own.replace("from: 2026-01-01", "from: 2026-07-01").replace("version: 1", "version: 2"), encoding="utf-8"
    )
    found = read_timeline((str(second), str(first)), tmp_path, people=("night_shift",))
    assert [one.contract.version for one in found.versions] == [1, 2]
    with pytest.raises(ConfigurationError, match="night_shift"):
        read_timeline((str(first),), tmp_path)
    second.write_text(
        second.read_text(encoding="utf-8").replace("from: 2026-07-01", "from: 2026-08-01"), encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match="no version holds for 31 days"):
        read_timeline((str(first), str(second)), tmp_path, people=("night_shift",))
