"""An issue that engineers close as a duplicate of another takes its ticket there, and closes nothing for the customer."""

from __future__ import annotations

from .conftest import World


def said_at(world: World, key: str) -> list[str]:
    return [said.words for said in next(case for case in world.jira.cases("ACME") if case.ticket == key).said]


def test_a_jira_issue_closed_as_a_duplicate_brings_its_ticket_to_the_other_one(world: World) -> None:
    first, second = world.file(world.acme, "Checkout fails"), world.file(world.acme, "Cannot pay")
    world.converge()
    good, other = world.issue(first).ticket, world.issue(second).ticket
    world.jira.close_as_duplicate(other, of=good)
    world.converge()
    assert any(f"{other} was closed as a duplicate of {good}" in words for words in said_at(world, other))
    assert any(f"{other} was closed as a duplicate of this issue" in words for words in said_at(world, good))
    # The customer's ticket stands where the issue stands that goes on: not solved, and not on hold.
    assert world.ticket(second).fields["status"] == world.ticket(first).fields["status"] != "solved"
    world.acme.reply(second.ticket, "I cannot pay with cards.")
    world.jira.comment(good, f"#reply {second.ticket} We look into cards.")
    world.jira.comment(other, "#reply This goes nowhere any more.")
    world.converge()
    assert any("I cannot pay with cards." in words for words in said_at(world, good))
    assert not any("I cannot pay with cards." in words for words in said_at(world, other))
    told = {one.ticket: " ".join(said.words for said in one.said) for one in world.acme.cases()}
    assert "We look into cards." in told[second.ticket]
    assert "We look into cards." not in told[first.ticket]
    assert "nowhere" not in "".join(told.values())
    assert world.issue(second).fields["status"] == "Done"
    assert world.issue(first).fields["status"] != "Done"
    # One outside of what the route mirrors is told of, and moves nothing.
    core = world.jira.file("Card reader", "Broken.", project="CORE")
    world.jira.close_as_duplicate(good, of=core)
    world.converge()
    assert any(f"{good} was closed as a duplicate of" in words for words in said_at(world, good))
    assert any("its route does not lead there" in words for words in said_at(world, good))
    assert "closed" not in {world.ticket(one).fields["status"] for one in (first, second)}
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_a_github_issue_closed_as_a_duplicate_takes_its_ticket_to_one_that_was_not_mirrored(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    other = world.github.file("The index is too large", "Seen since Monday.")
    world.github.comment(number, f"Duplicate of #{other}")
    world.github.change(number, state="closed", state_reason="duplicate")
    world.converge()
    assert world.ticket(opened).fields["status"] not in ("solved", "closed", "hold")
    world.globex.reply(opened.ticket, "Any news?")
    world.github.comment(other, "#reply The index is being split.")
    world.converge()
    said = {case.ticket: " ".join(one.words for one in case.said) for case in world.github.cases()}
    assert "Any news?" in said[other]
    assert "Any news?" not in said[number]
    assert "The index is being split." in " ".join(one.words for one in world.ticket(opened).said)
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []
