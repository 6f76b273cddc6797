"""Whose edit is the newer one, where both sides changed a field that goes both ways."""

from __future__ import annotations

from bridge.cli.story.script import Opened

from .conftest import World

MINUTES = 60.0


def both_ways(world: World, *, tie: str = "helpdesk", on_conflict: str = "newest") -> Opened:
    """A case on GitHub whose severity both sides may set."""
    lines = f"owner: {{severity: both}}\n    on_conflict: {on_conflict}\n    tie: {tie}"
    world.edit = lambda text: text.replace("undo: 0s", f"undo: 0s\n    {lines}")
    opened = world.file(world.globex, "Search is slow", priority="high")
    world.converge()
    world.sandbox.world.advance(10 * MINUTES)
    return opened


def severity(world: World, opened: Opened) -> tuple[str, list[str]]:
    labels = [label for label in world.issue(opened).fields["labels"] if label.startswith("severity")]
    return world.ticket(opened).fields["priority"], labels


def test_the_newer_edit_stands_and_the_older_one_is_kept_on_record(world: World) -> None:
    opened = both_ways(world)
    number = world.issue(opened).ticket
    world.globex.change(opened.ticket, priority="urgent")
    world.sandbox.world.advance(5 * MINUTES)
    world.github.change(number, labels=["severity: trivial"])
    world.converge()
    assert severity(world, opened) == ("low", ["severity: trivial"])
    world.sandbox.world.advance(5 * MINUTES)
    world.github.change(number, labels=["severity: critical"])
    world.sandbox.world.advance(5 * MINUTES)
    world.globex.change(opened.ticket, priority="normal")
    world.converge()
    assert severity(world, opened) == ("normal", ["severity: minor"])


def test_edits_less_than_a_minute_apart_are_decided_by_tie(world: World) -> None:
    opened = both_ways(world, tie="tracker")
    world.github.change(world.issue(opened).ticket, labels=["severity: trivial"])
    world.sandbox.world.advance(50)
    world.globex.change(opened.ticket, priority="urgent")
    world.converge()
    assert severity(world, opened) == ("low", ["severity: trivial"])


def test_a_year_old_severity_beside_a_fresh_label_does_not_count_as_new(world: World) -> None:
    opened = both_ways(world, tie="tracker")
    number = world.issue(opened).ticket
    world.github.change(number, labels=["severity: trivial"])
    world.sandbox.world.advance(365 * 24 * 60 * MINUTES)
    world.globex.change(opened.ticket, priority="urgent")
    world.sandbox.world.advance(5 * MINUTES)
    world.github.change(number, labels=["severity: trivial", "needs-design"])
    world.converge()
    assert severity(world, opened) == ("urgent", ["severity: critical"])
    assert "needs-design" in world.issue(opened).fields["labels"]


def test_the_edit_of_a_field_of_its_own_counts_in_jira_too(world: World) -> None:
    lines = "owner: {severity: both}\n    tie: helpdesk"
    world.edit = lambda text: text.replace("undo: 0s", f"undo: 0s\n    {lines}")
    opened = world.file(world.acme, "Checkout fails", priority="high")
    world.converge()
    key = world.issue(opened).ticket
    world.sandbox.world.advance(10 * MINUTES)
    world.acme.change(opened.ticket, priority="low")
    world.sandbox.world.advance(5 * MINUTES)
    world.jira.change(key, Severity="S1")
    world.sandbox.world.advance(5 * MINUTES)
    world.acme.change(opened.ticket, tags=["vip"])
    world.converge()
    assert world.ticket(opened).fields["priority"] == "urgent"
    assert world.issue(opened).fields["Severity"] == "S1"


def test_a_past_is_asked_only_where_both_sides_changed_the_field(world: World) -> None:
    opened = both_ways(world)
    world.sandbox.clear_log()
    world.globex.change(opened.ticket, priority="urgent")
    world.converge()
    assert not [line for line in world.requests(writes=False) if line.endswith(("/audits.json", "/events"))]
    assert severity(world, opened) == ("urgent", ["severity: critical"])


def test_a_write_of_ours_that_comes_late_is_no_edit_of_the_engineers(world: World) -> None:
    opened = both_ways(world, on_conflict="tracker")
    patch = {"site": "vendor-github", "method": "PATCH", "count": 1}
    world.fault(kind="late_write", delay_s=1000.0, **patch)
    world.globex.change(opened.ticket, priority="urgent")
    world.converge(patience_s=0.0)
    world.fault(kind="drop_before", **patch)
    world.globex.change(opened.ticket, priority="low")
    # The first write is given up after its horizon, the second is lost on its way, and only then the first arrives.
    deadline = world.converge(patience_s=2.0).next_due_at
    assert deadline is not None
    world.sandbox.world.advance(1000)
    world.sandbox.world.settle()
    world.converge()
    assert severity(world, opened) == ("low", ["severity: trivial"])
