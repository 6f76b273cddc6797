"""Issues that begin a case: the customer's ticket is made for them, once, with the words a rule releases."""

from __future__ import annotations

import shutil

import pytest

from bridge.cli.observed import observed
from bridge.cli.story.people import Case, Helpdesk
from bridge.model.operation import OperationKind, OperationState
from bridge.model.words import Side

from .conftest import World, turn_the_second

LABEL = "tell-customer"
ACME = "mapping: jira-software, project: ACME, type: Bug"
GLOBEX = "mapping: github-labels, repository: vendor/platform"
BY_COMMAND = """
      open_when: {labels: {any: [tell-customer]}}
      new_ticket:
        requester: user@acme-desk.example
        message: {command: "#open", role: [lead, engineer]}
        title: {field: summary}
        audience: customer_user
        fields: {group: Vendor 2nd line, tags: [from-vendor]}"""
BY_FIELD = """
      open_when: {labels: {any: [tell-customer]}}
      new_ticket:
        requester: user@globex-desk.example
        message: {field: description}
        audience: customer_user
        fields: {group: Vendor 2nd line}"""


def opening(
    world: World, *, mode: str = "live", undo: str = "0s", acme: str = BY_COMMAND, globex: str = BY_FIELD
) -> None:
    """Let issues begin cases in both routes."""

    def edit(text: str) -> str:
        for rest, block in ((ACME, acme), (GLOBEX, globex)):
            before, _, after = text.partition(
                f"tracker: {{site: {'vendor-jira' if rest == ACME else 'vendor-github'}, {rest}}}"
            )
            lines = "\n".join(f"      {part}" for part in rest.split(", "))
            site = "vendor-jira" if rest == ACME else "vendor-github"
            text = f"{before}tracker:\n      site: {site}\n{lines}{block}{after}"
        return text.replace("mode: live", f"mode: {mode}").replace("undo: 0s", f"undo: {undo}")

    world.edit = edit


def only(desk: Helpdesk) -> Case:
    """The one ticket of a helpdesk."""
    [case] = desk.cases()
    return case


def words(case: Case) -> list[str]:
    return [said.words for said in case.said]


def test_an_issue_begins_a_case_that_goes_on_like_any_other(world: World) -> None:
    opening(world)
    world.converge()
    key = world.jira.file("Checkout loses orders", "The queue drops them, see secret-host.", project="ACME")
    number = world.github.file("Search will be slow tonight", "We rebuild the index tonight.", labels=[LABEL])
    world.jira.comment(key, "#reply Too early, nobody may read this.")
    world.jira.change(key, labels=[LABEL])
    world.converge()
    assert world.acme.cases() == []
    world.jira.comment(key, "#open Orders of last night were lost.\nWe are at it.")
    world.converge()
    acme, globex = only(world.acme), only(world.globex)
    assert acme.summary == "Checkout loses orders"
    assert [said.public for said in acme.said] == [True]
    assert "Orders of last night were lost." in words(acme)[0]
    assert "#open" not in words(acme)[0]
    assert "from-vendor" in acme.fields["tags"]
    assert acme.fields["group_id"] == world.acme.group("Vendor 2nd line")
    assert (globex.summary, len(globex.said)) == ("We rebuild the index tonight.", 1)
    # From here it is a case like any other, both ways, and nothing of the issue's own words moves.
    world.jira.comment(key, "#reply All found again.")
    world.acme.reply(acme.ticket, "Thank you, how many?")
    world.globex.reply(globex.ticket, "How long?")
    world.github.change(number, state="closed", state_reason="completed")
    world.converge()
    acme, globex = only(world.acme), only(world.globex)
    assert [("All found again." in said, "Thank you" in said) for said in words(acme)][1:] in (
        [(True, False), (False, True)],
        [(False, True), (True, False)],
    )
    assert not any("secret-host" in said or "Too early" in said for said in words(acme))
    assert globex.fields["status"] == "solved"
    assert len(globex.said) == 2
    [issue] = world.jira.cases("ACME")
    assert (issue.summary, issue.said[0].words) == ("Checkout loses orders", "The queue drops them, see secret-host.")
    assert sum("Thank you" in said.words for said in issue.said) == 1
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def rows(world: World, side: Side = Side.HELPDESK) -> list[OperationState]:
    """How far the creates of tickets have come."""
    with world.converged().ledger.begin() as transaction:
        ours = [one for state in OperationState for one in transaction.journal.in_state(state) if one.side is side]
    return [one.state for one in ours if one.kind is OperationKind.CREATE]


def tell(world: World, summary: str, message: str, *more: str, who: str = "engineer") -> str:
    """An issue that an engineer wants told to the customer. Its key."""
    key = world.jira.file(summary, "For engineers only.", project="ACME")
    world.jira.comment(key, f"#open {message}", who=who)
    world.jira.change(key, labels=[LABEL, *more])
    return key


@pytest.mark.parametrize("kind", ["drop_after", "late_write", "drop_before"])
def test_a_lost_reply_leaves_one_ticket_and_so_does_a_ledger_that_forgot_it(world: World, kind: str) -> None:
    opening(world)
    world.converge()
    world.stop()
    shutil.copytree(world.home / "data", world.home / "copy")
    world.fault(site="acme-desk", kind=kind, method="POST", path="/tickets", delay_s=0.4, count=1)
    key = tell(world, "Checkout loses orders", "Orders were lost.")
    world.converge()
    world.calm()
    ticket = only(world.acme).ticket
    world.acme.reply(ticket, "Which ones?")
    world.jira.comment(key, "#reply Those of last night.")
    world.converge()
    assert len(only(world.acme).said) == 3
    world.stop()
    shutil.rmtree(world.home / "data")
    shutil.copytree(world.home / "copy", world.home / "data")
    world.jira.comment(key, "#reply And of this morning.")
    world.converge()
    assert len(only(world.acme).said) == 4
    [issue] = world.jira.cases("ACME")
    assert sum("Which ones?" in said.words for said in issue.said) == 1
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(writes=True) == []


def test_nothing_is_made_of_what_a_rule_keeps_nor_without_mode_live_and_a_stranger_cannot_open(world: World) -> None:
    by_lead = BY_COMMAND.replace("[lead, engineer]", "lead")
    opening(world, mode="observe", acme=by_lead)
    world.converge()
    tell(world, "Checkout loses orders", "Orders were lost.", who="lead")
    report = observed(world.converged().routes, world.converge().observations)
    assert report["acme"]["operations"] == {"create on the helpdesk": 1}
    assert [text["text"] for text in report["acme"]["texts"]] == ["Orders were lost."]
    opening(world, mode="internal", acme=by_lead)
    world.stop()
    world.converge()
    assert rows(world) == []
    # What could not reach the customer then is not told later.
    opening(world, acme=by_lead)
    world.stop()
    turn_the_second()
    world.converge()
    tell(world, "Embargoed", "Not yet.", "security-embargo", who="lead")
    tell(world, "A rumour", "We heard of it.", who="engineer")
    made = world.file(world.acme, "The customer's own")
    world.converge()
    world.jira.change(world.issue(made).ticket, labels=[LABEL])
    world.jira.comment(world.issue(made).ticket, "#open Hello again.", who="lead")
    world.converge()
    assert [case.summary for case in world.acme.cases()] == ["The customer's own"]
    assert world.requests(site="acme-desk", writes=True) == []
