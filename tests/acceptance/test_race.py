"""A person's edit that lands between bridge's reading and its write of the same field."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import event

from bridge.cli.story.script import Opened

from .conftest import World
from .test_brakes import audit


def when_sending_to(world: World, site: str, act: Callable[[], None]) -> list[str]:
    """Let a person act in the moment in which bridge has marked its next request to a site as being sent."""
    done: list[str] = []

    def look(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_more: Any) -> None:
        if not done and statement.startswith("INSERT INTO attempt") and site in parameters:
            done.append(site)
            act()

    event.listen(world.converged().ledger.engine, "before_cursor_execute", look)
    return done


def both_may(world: World, wins: str) -> Opened:
    lines = f"undo: 0s\n    owner: {{severity: both}}\n    on_conflict: {{severity: {wins}}}"
    world.edit = lambda text: text.replace("undo: 0s", lines)
    opened = world.file(world.acme, "Checkout fails", priority="high")
    world.converge()
    return opened


def severities(world: World, opened: Opened) -> tuple[Any, Any]:
    return world.ticket(opened).fields["priority"], world.issue(opened).fields["Severity"]


def notes(world: World, opened: Opened, words: str) -> list[str]:
    return [said.words for said in world.issue(opened).said if words in said.words]


def test_an_edit_that_a_write_took_the_place_of_is_put_back_where_it_counts_more(world: World) -> None:
    opened = both_may(world, "tracker")
    key = world.issue(opened).ticket
    done = when_sending_to(world, "vendor-jira", lambda: world.jira.change(key, Severity="S4"))
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert done
    assert severities(world, opened) == ("low", "S4")
    [note] = notes(world, opened, "in the moment in which bridge wrote it")
    assert "S4 stands again instead of S1" in note
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_an_edit_that_counts_less_stays_overwritten_and_is_told_of(world: World) -> None:
    opened = both_may(world, "helpdesk")
    key = world.issue(opened).ticket
    when_sending_to(world, "vendor-jira", lambda: world.jira.change(key, Severity="S4"))
    world.acme.change(opened.ticket, priority="urgent")
    world.converge()
    assert severities(world, opened) == ("urgent", "S1")
    [note] = notes(world, opened, "severity was changed at vendor-jira, and overwritten")
    assert "S4 became S1" in note
    [line] = audit(world, "changed_meanwhile")
    assert line["lost"] == {"Severity": "S4"}
    # Nothing else happens by it, and a plain write costs no request more than before.
    world.sandbox.clear_log()
    world.acme.change(opened.ticket, priority="normal")
    world.converge()
    assert severities(world, opened) == ("normal", "S3")
    assert world.requests(site="vendor-jira", writes=True) == [f"PUT /rest/api/3/issue/{issue_id(world, key)}"]


def issue_id(world: World, key: str) -> str:
    with world.converged().ledger.begin() as transaction:
        return next(link.tracker.id for link in transaction.links.all() if link.tracker_key == key)
