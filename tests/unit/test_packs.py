"""Every shipped pack is proved on either side of a route, and its own examples hold."""

from __future__ import annotations

from pathlib import Path

import pytest
from jinja2.sandbox import SandboxedEnvironment

from bridge.config.contract import check_contract
from bridge.config.packs import contract_path, find_update, pack_names
from bridge.config.reading import read_yaml
from bridge.config.routes import MappingFiles
from bridge.mapping.check import check_side
from bridge.mapping.compile import compile_side
from bridge.mapping.examples import run_examples
from bridge.mapping.side import SideMapping
from bridge.mapping.source import Item, Problems
from bridge.mapping.updates import KINDS, Command, FieldFilled, Released
from bridge.model.ticket import Reading
from bridge.model.words import HeldBy, Side

NATURAL = {name: Side.HELPDESK if name.startswith("zendesk") else Side.TRACKER for name in pack_names()}


def compiled(name: str, side: Side, held_by: HeldBy = HeldBy.CUSTOMER) -> tuple[SideMapping, Problems]:
    problems = Problems()
    rules = MappingFiles(Path(), problems).load(Item.of(name))
    assert rules is not None
    return compile_side(rules, name=name, side=side, helpdesk_held_by=held_by, problems=problems), problems


def test_the_packs_the_documentation_names_are_there() -> None:
    assert pack_names() == (
        "github-labels",
        "jira-datacenter",
        "jira-service-management",
        "jira-software",
        "zendesk-default",
    )


@pytest.mark.parametrize("held_by", tuple(HeldBy))
@pytest.mark.parametrize("name", pack_names())
def test_a_pack_keeps_every_law_and_its_own_examples(name: str, held_by: HeldBy) -> None:
    mapping, problems = compiled(name, NATURAL[name], held_by)
    check_side(mapping, problems)

    judged = run_examples(mapping, problems)

    assert [str(problem) for problem in problems.found] == []
    assert judged >= 3


@pytest.mark.parametrize("name", pack_names())
def test_the_fields_of_a_pack_are_proved_on_the_other_side_too(name: str) -> None:
    mapping, problems = compiled(name, NATURAL[name].other)
    check_side(mapping, problems)

    about_fields = [problem for problem in problems.found if "audience" not in problem.message]
    assert about_fields == []


def test_a_github_issue_shows_the_state_by_its_labels() -> None:
    github, _ = compiled("github-labels", Side.TRACKER)
    open_issue = {
        "state": Reading.of("open"),
        "state_reason": Reading.of(None),
        "labels": Reading.of(["bug", "severity: major", "status: in progress"]),
    }

    changes = github.write_all({"severity": "critical", "state": "waiting_customer"}, open_issue)

    assert changes == {
        "severity": {"labels": ["bug", "status: in progress", "severity: critical"]},
        "state": {"labels": ["bug", "severity: critical", "status: waiting for customer"]},
    }


def test_a_new_github_issue_gets_all_its_labels_in_one_list() -> None:
    github, _ = compiled("github-labels", Side.TRACKER)

    assert github.new_fields({"summary": "Down", "severity": "minor", "state": "triaged", "labels": ("area-db",)}) == {
        "title": "Down",
        "state": "open",
        "labels": ["severity: minor", "status: triaged", "area-db"],
    }


def test_jiras_fields_and_commands_trigger_the_updates() -> None:
    jira, _ = compiled("jira-software", Side.TRACKER)

    assert {rule.kind: rule.triggers for rule in jira.updates} == {
        "cause": (FieldFilled("Root cause"), Command("/cause")),
        "workaround": (FieldFilled("Workaround"), Command("/workaround")),
        "delivered": (Released("Fix versions"), Command("/hotfix")),
    }
    assert {"Root cause", "Workaround", "Fix versions"} <= jira.native_fields()


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("kind", KINDS)
def test_every_update_template_names_the_case_and_leaves_a_line_for_the_text(language: str, kind: str) -> None:
    template = SandboxedEnvironment(autoescape=False).from_string(find_update(language, kind))

    text = template.render(customer="ACME GmbH", key="#35436", version="4.2", body="(the engineer's words)")

    assert "ACME GmbH" in text
    assert "#35436" in text
    assert "(the engineer's words)" in text.splitlines()
    assert ("4.2" in text) is (kind == "delivered")


def test_the_standard_contract_is_sound() -> None:
    problems = Problems()
    path, shown = contract_path("standard", Path())
    item = read_yaml(path, shown=shown, problems=problems)
    assert item is not None
    check_contract(item, problems)

    assert problems.found == []
    critical = item.find(("severities", "critical")).plain
    assert critical["first_response"] == "4h"
    assert item.find(("calendars", "office", "weekly")).plain == {"mon-fri": ["09:00-18:00"]}
