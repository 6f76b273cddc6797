"""How far a route goes: observe writes nothing anywhere, internal tells the customer nothing."""

from __future__ import annotations

from bridge.cli.observed import observed

from .conftest import World


def test_internal_links_and_moves_states_and_no_text_reaches_the_customer(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: internal")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.jira.comment(key, "#reply We are on it.")
    world.jira.fill(key, "Workaround", "Restart.")
    world.jira.move(key, "Selected")
    world.jira.move(key, "Waiting")
    world.acme.reply(opened.ticket, "Any news?")
    world.converge()
    assert [said.words for said in world.ticket(opened).said if "We are on it" in said.words] == []
    assert len(world.ticket(opened).said) == 2
    assert world.ticket(opened).fields["status"] == "pending"
    assert any("Any news?" in said.words for said in world.issue(opened).said)


def test_going_live_does_not_send_what_internal_held_back(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: internal")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "#reply Old words.")
    world.converge()
    world.stop()
    world.edit = lambda text: text
    world.converge()
    assert len(world.ticket(opened).said) == 1


def test_observe_over_200_tickets_writes_nothing_and_reports_everything(world: World) -> None:
    for number in range(100):
        world.file(world.acme, f"Problem {number}")
        world.file(world.globex, f"Question {number}")
    world.converge()
    for opened in world.script.opened[:4]:
        key = world.issue(opened).ticket
        comment = world.jira.comment if opened.site == "acme-desk" else world.github.comment
        comment(key, "#reply We would have said this.")
        comment(key, "And never this.")
    for number in range(100, 110):
        world.file(world.acme, f"Problem {number}")
    world.stop()
    world.edit = lambda text: text.replace("mode: live", "mode: observe")
    world.sandbox.clear_log()
    settled = world.converge()
    assert world.requests(writes=True) == []
    report = observed(world.converged().routes, settled.observations)
    assert report["acme"]["links"] == 10
    assert report["acme"]["operations"] == {"create on the tracker": 10, "comment on the helpdesk": 2}
    assert report["globex"]["operations"] == {"comment on the helpdesk": 2}
    for route, pack in (("acme", "jira-software"), ("globex", "github-labels")):
        for text in report[route]["texts"]:
            assert "We would have said this." in text["text"]
            assert text["rule"].startswith(f"mappings/{pack}.yaml:")
            assert text["audience"] == "customer_team"


def test_observe_before_any_link_says_what_would_be_linked(world: World) -> None:
    world.edit = lambda text: text.replace("mode: live", "mode: observe")
    opened = world.file(world.acme, "Checkout fails")
    world.acme.reply(opened.ticket, "It still fails.")
    settled = world.converge()
    assert world.requests(writes=True) == []
    report = observed(world.converged().routes, settled.observations)["acme"]
    assert report["links"] == 1
    assert report["operations"] == {"create on the tracker": 1, "comment on the tracker": 1}
    assert report["texts"] == []
