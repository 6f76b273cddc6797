"""Issues that begin a case: the customer's ticket is made for them, once, with the words a rule releases."""

from __future__ import annotations

import shutil

import pytest

from bridge.cli.observed import observed
from bridge.cli.story.people import Case, Helpdesk
from bridge.engine.life.pairing import Pairing, Wish
from bridge.engine.people.desk import Desk
from bridge.engine.state import UNROUTED
from bridge.model.brake import Brake, BrakeKind
from bridge.model.document import EMPTY, to_plain
from bridge.model.feed import Hint
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
    plain = world.edit
    world.edit = lambda text: plain(text).replace("undo: 0s\n", "undo: 0s\n    drift: restore\n")
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
    # The two texts are no copies of each other, so none is put back in the other's place.
    world.github.change(number, title="Rebuild the index", body="On all hosts.")
    world.globex.change(globex.ticket, subject="Slow search")
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


@pytest.mark.parametrize(
    ("kind", "forgets"), [("drop_after", "it"), ("late_write", "everything"), ("drop_before", "it")]
)
def test_a_lost_reply_leaves_one_ticket_and_so_does_a_ledger_that_forgot_it(
    world: World, kind: str, forgets: str
) -> None:
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
    if forgets == "it":
        shutil.rmtree(world.home / "data")
        shutil.copytree(world.home / "copy", world.home / "data")
    else:
        for file in (world.home / "data").glob("ledger.sqlite3*"):
            file.unlink()
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


def pairing(world: World) -> Pairing:
    """Where a person links and parts tickets."""
    bridge = world.converged()
    return Pairing(bridge.ledger, bridge.daemon.connections, bridge.routes, "lead")


def notes(world: World, start: str) -> list[str]:
    """The notes on the one issue that begin so."""
    [issue] = world.jira.cases("ACME")
    return [said.words for said in issue.said if said.words.startswith(start)]


def test_a_requester_nobody_can_write_to_is_told_of_on_the_issue_and_nothing_is_made_until_it_is_mended(
    world: World,
) -> None:
    opening(world, acme=BY_COMMAND.replace("user@acme-desk.example", "{field: Root cause}"))
    world.acme.mark_as_spam(world.acme.file("Buy now", "Cheap!", priority=None, group="Vendor 2nd line"))
    world.converge()
    before = {case.ticket for case in world.acme.cases()}
    key = tell(world, "Checkout loses orders", "Orders were lost.")
    world.jira.fill(key, "Root cause", "nobody")
    world.converge()
    [note] = notes(world, "bridge makes no ticket at acme-desk for this issue yet")
    assert "Root cause holds `nobody`" in note
    world.jira.fill(key, "Root cause", "user@acme-desk.example")
    world.converge()
    assert rows(world) == [OperationState.DEAD]
    [note] = notes(world, "bridge could not make the customer's ticket at acme-desk")
    assert "suspended" in note
    assert "The site names the field requester." in note
    assert {case.ticket for case in world.acme.cases()} == before
    world.sandbox.clear_log()
    world.converge()
    assert world.requests(site="acme-desk", writes=True) == []
    # Nobody wants it for a while: the letter is answered, and lies there again when they do.
    world.jira.change(key, labels=[])
    world.converge()
    assert rows(world) == [OperationState.CANCELLED]
    assert notes(world, "bridge ") == []
    world.jira.change(key, labels=[LABEL])
    world.converge()
    assert rows(world) == [OperationState.DEAD]
    with world.converged().ledger.begin() as transaction:
        desk = Desk(transaction, world.converged().routes, "lead")
        [letter] = transaction.journal.in_state(OperationState.DEAD)
        desk.edit(letter, values={"requester": "boss@acme.example"}, words=None)
    world.converge()
    [made] = [case for case in world.acme.cases() if case.ticket not in before]
    assert made.summary == "Checkout loses orders"
    assert len(notes(world, "Solved.")) == 3
    assert notes(world, "bridge ") == []


def test_words_taken_back_while_a_limit_or_the_time_to_do_so_lasted_never_reach_anybody(world: World) -> None:
    opening(world, undo="1h")
    world.converge()
    key = tell(world, "Checkout loses orders", "Our password is hunter2.")
    assert world.converge(patience_s=0.0).waiting == 1
    assert world.acme.cases() == []
    world.jira.change(key, labels=[])
    world.converge()
    assert rows(world) == [OperationState.CANCELLED]
    opening(world)
    world.stop()
    world.fault(site="acme-desk", kind="status", status=429, retry_after_s=2, method="POST", path="/tickets", count=1)
    world.jira.change(key, labels=[LABEL])
    world.converge(patience_s=0.0)
    assert rows(world) == [OperationState.PLANNED]
    world.jira.edit_comment(key, "hunter2", "#open Orders were lost.")
    world.converge()
    assert ["hunter2" in said or "Orders were lost." in said for said in words(only(world.acme))] == [True]
    assert not any("hunter2" in said for said in words(only(world.acme)))


def test_an_issue_has_one_case_whoever_claims_links_or_brakes_it_and_whatever_the_ledger_forgot(world: World) -> None:
    opening(world)
    ours = world.edit
    twin = BY_COMMAND.replace("tell-customer", "both").replace("acme-desk", "globex-desk")
    scope = "site: vendor-jira\n      mapping: jira-software\n      project: ACME\n      type: Bug"
    helpdesk = "helpdesk: {site: globex-desk, mapping: zendesk-default, open_when: {tags: twin}}"
    route = f"  twin:\n    {helpdesk}\n    tracker:\n      {scope}{twin}\n    mode: live\n    undo: 0s\nstore:"
    world.edit = lambda text: ours(text).replace("store:", route, 1)
    world.converge()
    key = tell(world, "Checkout loses orders", "Orders were lost.", "both")
    daemon = world.converged().daemon
    named = daemon.connections.to("vendor-jira").locate(key, {"project": "ACME"})
    assert named is not None
    daemon.intake.hint("vendor-jira", (Hint(named),))  # as a webhook does
    with world.converged().ledger.begin() as transaction:
        [claimed] = transaction.notices.standing(UNROUTED)
        transaction.brakes.put(Brake("acme", BrakeKind.MASS_CHANGE, "a person looks first"))
    assert "claimed by the routes acme, twin" in to_plain(claimed.text or EMPTY)
    world.jira.change(key, labels=[LABEL])
    world.converge()
    assert world.acme.cases() + world.globex.cases() == []
    with world.converged().ledger.begin() as transaction:
        assert transaction.notices.standing(UNROUTED) == []
        [brake] = transaction.brakes.all()
        transaction.brakes.release(brake, clear_until=transaction.now)
        transaction.hands.want_route("acme")
    world.converge()
    first = only(world.acme)
    # Whoever claims it now, and though it is taken off its ticket.
    pairing(world).unlink(first.ticket)
    world.jira.change(key, labels=["both"])
    world.converge()
    world.jira.change(key, labels=[LABEL])
    world.converge()
    assert (len(world.acme.cases()), world.globex.cases()) == (1, [])
    # One that a person links first gets none.
    opened = world.file(world.acme, "The customer's own")
    linked = world.jira.file("Linked by hand", "For engineers only.", project="ACME")
    world.converge()
    pairing(world).relink(opened.ticket, linked, Wish())
    world.jira.change(linked, labels=[LABEL])
    world.jira.comment(linked, "#open Hello again.")
    world.converge()
    assert len(world.acme.cases()) == 2


def test_tickets_for_issues_stop_at_the_brake_though_their_cases_are_new(world: World) -> None:
    opening(world)
    ours = world.edit
    brakes = "undo: 0s\n    brakes: {mass_change: {after: 2, within: 1h}}\n"
    world.edit = lambda text: ours(text).replace("undo: 0s\n", brakes)
    world.converge()
    for number in range(4):
        world.github.file(f"Problem {number}", f"Told {number}", labels=[LABEL])
    world.converge()
    assert len(world.globex.cases()) == 2
    with world.converged().ledger.begin() as transaction:
        assert [(one.route, one.kind) for one in transaction.brakes.all()] == [("globex", BrakeKind.MASS_CHANGE)]
