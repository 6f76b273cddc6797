"""The measurements themselves: that histories become the right steps, and that the judge of a replay can say no."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Any

import pytest

from bridge.cli.story.people import Case
from bridge.config import load_config
from bridge.model.words import Side

ROOT = Path(__file__).resolve().parents[2]
HEAD = "case,at,status,sub_status,level,impact,product,country"
HISTORIES = {
    "1": ("In Progress Medium", "Assigned Medium", "Wait - User Medium", "Resolved Medium", "Closed Medium"),
    "2": ("Awaiting Assignment High", "In Call High", "In Progress High", "Wait High", "Cancelled High"),
    "3": ("In Progress Low", "In Progress Major", "Wait - Vendor Major"),
}


@pytest.fixture(autouse=True)
def _checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))


def write_histories(directory: Path) -> Path:
    rows = [HEAD]
    for case, events in HISTORIES.items():
        for event in events:
            sub_status, _, impact = event.rpartition(" ")
            rows.append(f"{case},2011-02-24T16:17:46+01:00,Accepted,{sub_status},L1,{impact},PROD1,nl")
    path = directory / "incidents-2012.csv.gz"
    path.write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return path


def run_replay(directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bench.replay", *options]
    environment = {**os.environ, "BRIDGE_DATA": str(directory)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120, check=False)


def test_events_that_change_nothing_are_joined_and_the_rest_are_kept_in_order(tmp_path: Path) -> None:
    from bench.incidents import read_incidents

    first, second, third = read_incidents(write_histories(tmp_path), cases=3, seed=1)

    assert [step.status for step in first.steps] == ["open", "pending", "solved"]
    assert (first.events, first.ends_closed) == (5, True)
    assert [step.status for step in second.steps] == ["open", "solved", "open", "hold", "solved"]
    assert [(step.status, step.priority) for step in third.steps] == [
        ("open", "low"),
        ("open", "urgent"),
        ("hold", "urgent"),
    ]


def test_only_the_customer_reopens_and_raises_whatever_the_dice_say(tmp_path: Path) -> None:
    from bench.incidents import Event, plan

    for seed in range(30):
        reopened = plan("1", [Event("Resolved", "High"), Event("Assigned", "High")], Random(seed))
        raised = plan("2", [Event("Assigned", "Low"), Event("Wait", "Major")], Random(seed))
        assert reopened.steps[1].side is Side.HELPDESK
        assert raised.steps[1].side is Side.HELPDESK


def test_the_same_seed_chooses_the_same_cases_and_people(tmp_path: Path) -> None:
    from bench.incidents import read_incidents

    path = write_histories(tmp_path)

    assert read_incidents(path, cases=2, seed=7) == read_incidents(path, cases=2, seed=7)


@pytest.mark.parametrize(
    ("ticket", "issue", "agrees"),
    [
        ({"status": "pending", "priority": "high"}, {"status": "Waiting", "Severity": "S2"}, True),
        ({"status": "pending", "priority": "high"}, {"status": "On Hold", "Severity": "S2"}, False),
        ({"status": "pending", "priority": "high"}, {"status": "Waiting", "Severity": "S1"}, False),
        ({"status": "hold", "priority": "high"}, {"status": "On Hold", "Severity": "S2"}, False),
        ({"status": "pending", "priority": "high"}, {"status": "No such", "Severity": "S2"}, False),
    ],
)
def test_the_judge_compares_both_sides_and_the_history(
    tmp_path: Path, ticket: Mapping[str, Any], issue: Mapping[str, Any], agrees: bool
) -> None:
    from bench.agreement import judge
    from bench.incidents import Incident, Step
    from bench.pairs import ZENDESK

    from bridge.cli.config_option import connectors

    path = tmp_path / "config.yaml"
    urls = dict.fromkeys(ZENDESK.plot.kinds, "http://127.0.0.1:1")
    path.write_text(ZENDESK.config_text(urls), encoding="utf-8")
    config = load_config(path, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors())
    incident = Incident("1", "high", (Step(Side.HELPDESK, "pending", "high"),), events=1, ends_closed=False)
    tickets = [Case("1", incident.summary, ticket)]
    issues = [Case("ACME-1", incident.summary, {"resolution": None, **issue})]

    verdict = judge(config.route("acme"), [incident], tickets, issues, steps=1)

    assert (verdict.agreeing == 1) is agrees


def test_a_doubled_issue_is_no_agreement(tmp_path: Path) -> None:
    from bench.agreement import judge
    from bench.incidents import Incident
    from bench.pairs import ZENDESK

    from bridge.cli.config_option import connectors

    path = tmp_path / "config.yaml"
    path.write_text(ZENDESK.config_text(dict.fromkeys(ZENDESK.plot.kinds, "http://127.0.0.1:1")), encoding="utf-8")
    config = load_config(path, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors())
    incident = Incident("1", "high", (), events=0, ends_closed=False)
    ticket = Case("1", incident.summary, {"status": "new", "priority": "high"})
    issue = Case("ACME-1", incident.summary, {"status": "To Do", "resolution": None, "Severity": "S2"})

    assert judge(config.route("acme"), [incident], [ticket], [issue], steps=0).agreeing == 1
    assert judge(config.route("acme"), [incident], [ticket], [issue, issue], steps=0).agreeing == 0


def test_without_the_histories_a_replay_says_so_in_one_sentence_and_fails(tmp_path: Path) -> None:
    done = run_replay(tmp_path)

    assert done.returncode == 1
    assert done.stderr == "There is no incidents-2012.csv.gz: name the directory that holds it in BRIDGE_DATA.\n"


def test_a_replay_of_three_cases_ends_in_agreement_on_both_sides(tmp_path: Path) -> None:
    write_histories(tmp_path)

    done = run_replay(tmp_path, "--cases", "3", "--json")

    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["agreeing"], report["cases"], report["events"], report["steps"]) == (3, 3, 13, 11)
    assert report["operations"] == {"confirmed": report["operations"]["confirmed"]}
