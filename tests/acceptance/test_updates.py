"""Customer updates: what the engineers find, told to the customer once."""

from __future__ import annotations

from bridge.cli.story.script import Opened

from .conftest import World


def messages(world: World, opened: Opened) -> list[str]:
    """Everything said in the ticket after its description."""
    return [said.words for said in world.ticket(opened).said[1:]]


def test_a_filled_workaround_field_becomes_one_message(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.fill(world.issue(opened).ticket, "Workaround", "Restart the worker.")
    world.converge()
    world.converge()
    [message] = messages(world, opened)
    assert "Restart the worker." in message
    assert "until your case" in message


def test_the_same_workaround_by_field_and_by_command_is_told_once(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.jira.fill(key, "Workaround", "Restart the worker.")
    world.jira.comment(key, "/workaround Restart the worker.")
    world.converge()
    assert len(messages(world, opened)) == 1


def test_cause_hotfix_and_a_released_version_are_told_once_each(world: World) -> None:
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.jira.comment(key, "/cause A leap second.")
    world.jira.comment(key, "/hotfix 2.4.1 Install it over night.")
    version = world.jira.plan_version(key, "2.5.0", project="ACME")
    world.converge()
    cause, hotfix = messages(world, opened)
    assert "A leap second." in cause
    assert "2.4.1" in hotfix
    assert "Install it over night." in hotfix
    world.jira.release(version)
    world.stop()
    world.converge()
    assert len(messages(world, opened)) == 3
    assert "2.5.0" in messages(world, opened)[2]


def test_a_command_of_an_engineer_works_on_github_too(world: World) -> None:
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    world.github.comment(world.issue(opened).ticket, "/workaround Search by **number** instead.")
    world.converge()
    [message] = messages(world, opened)
    assert "<strong>number</strong>" in message


def test_updates_speak_the_routes_language(world: World) -> None:
    world.edit = lambda text: text.replace("    undo: 0s\n", "    undo: 0s\n    language: de\n", 1)
    opened = world.file(world.acme, "Kasse geht nicht")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "/workaround Den Dienst neu starten.")
    world.converge()
    [message] = messages(world, opened)
    assert "Den Dienst neu starten." in message
    assert "until your case" not in message


RELEASED_BY_LEAD = """\
extends: jira-software
case:
  delivered: {any: [{released: Fix versions}, {command: /hotfix}], release: lead}
"""


def test_an_update_that_needs_the_lead_waits_for_the_lead(world: World) -> None:
    (world.home / "acme.yaml").write_text(RELEASED_BY_LEAD, encoding="utf-8")
    world.edit = lambda text: text.replace("mapping: jira-software", "mapping: ./acme.yaml")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    key = world.issue(opened).ticket
    world.jira.comment(key, "/hotfix 2.4.1 Install it over night.")
    world.converge()
    assert messages(world, opened) == []
    world.jira.comment(key, "/release", who="engineer")
    world.converge()
    assert messages(world, opened) == []
    world.jira.comment(key, "/release", who="lead")
    world.converge()
    [message] = messages(world, opened)
    assert "Install it over night." in message
    world.jira.comment(key, "/hotfix 2.4.2 Better still.")
    world.converge()
    assert len(messages(world, opened)) == 1


def test_an_update_can_be_taken_back_while_it_waits(world: World) -> None:
    world.edit = lambda text: text.replace("undo: 0s", "undo: 1h")
    opened = world.file(world.globex, "Search is slow")
    world.converge()
    number = world.issue(opened).ticket
    world.github.comment(number, "/workaround Reboot everything.")
    assert world.converge().waiting == 1
    world.sandbox.world.advance(2)  # GitHub's stamps are whole seconds
    world.github.delete_comment(number, "Reboot everything")
    assert world.converge().waiting == 0
    assert messages(world, opened) == []
    world.github.comment(number, "/workaround Reboot everything.")
    assert world.converge().waiting == 1


def test_a_waiting_update_is_not_sent_once_the_route_went_internal(world: World) -> None:
    world.edit = lambda text: text.replace("undo: 0s", "undo: 1s")
    opened = world.file(world.acme, "Checkout fails")
    world.converge()
    world.jira.comment(world.issue(opened).ticket, "/workaround Restart the worker.")
    world.converge(patience_s=0.0)
    assert messages(world, opened) == []
    world.edit = lambda text: text.replace("undo: 0s", "undo: 1s").replace("mode: live", "mode: internal")
    world.stop()
    assert world.converge().waiting == 0
    assert messages(world, opened) == []
