"""Reports of a month's promises, and what another contract would make of them: as people ask for them, of a real ledger."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from .stage import Stage
from .test_clocks import CONTRACT, ask, later, look

HOSTILE = "<script src=//evil.example/x></script> \"><img src=http://evil.example onerror=alert(1)> {{ 7*7 }} '=cmd"
VOID = {"meta", "br", "link", "img"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose contract begins on the second day."""
    contract = CONTRACT.replace("from: 2026-01-01", "from: 2026-03-03")
    (tmp_path / "contract.yaml").write_text(contract, encoding="utf-8")
    made = Stage(tmp_path, f"contract: {tmp_path / 'contract.yaml'}")
    yield made
    made.close()


class Page(HTMLParser):
    """What a reader's browser would make of a page: its elements with their attributes, and its words."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words.append(data)


def wrong(stage: Stage, *words: str) -> tuple[int, str]:
    """How a call fails: its exit code, and what it says."""
    command = [sys.executable, "-m", "bridge", "sla", *words, "--config", str(stage.home / "config.yaml")]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, "SANDBOX_TOKEN": "sandbox"}
    )
    return done.returncode, done.stderr


def everything(stage: Stage) -> list[str]:
    """All that stands in the ledger."""
    with sqlite3.connect(stage.home / "data" / "ledger.db") as connection:
        return list(connection.iterdump())


def play(stage: Stage) -> None:
    """One case before the contract, one answered in time and waiting, one answered too late and left open; the last look
    at the sites is half a day after that."""
    stage.file("acme-desk", "Came too early", "urgent")
    look(stage)
    later(stage, days=1)
    kept = stage.file("acme-desk", "Checkout fails", "urgent")
    late = stage.file("acme-desk", HOSTILE, "urgent")
    stage.file("globex-desk", "Search is slow", "high")
    look(stage)
    later(stage, hours=1)
    keys = stage.key(kept), stage.key(late)
    assert keys[0] is not None
    assert keys[1] is not None
    stage.jira.comment(keys[0], "#reply Which browser is it?")
    for state in ("Selected", "In Progress", "Waiting"):
        stage.jira.move(keys[0], state)
    later(stage, minutes=5)
    later(stage, hours=4)
    stage.jira.comment(keys[1], "#reply Sorry for the wait.")
    later(stage, minutes=5)
    later(stage, hours=12)
    stage.kill()


def rows(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The rows of the first route by promise; all are of one severity."""
    return {row["metric"]: row for row in report["routes"][0]["figures"]}


def test_a_month_is_reported_in_numbers_that_name_what_they_were_judged_by_and_as_a_page_that_carries_nothing_hostile(
    stage: Stage,
) -> None:
    play(stage)
    before = everything(stage)
    report = json.loads(ask(stage, "report", "--month", "2026-03", "--route", "acme", "--format", "json"))
    first, workaround, resolution = (rows(report)[name] for name in ("first_response", "workaround", "resolution"))
    assert (first["met"], first["breached"], first["running_over"], first["provisional"]) == (1, 1, 0, 0)
    assert 3600 < first["percentiles_s"]["50"] < 4500
    assert 5 * 3600 < first["percentiles_s"]["95"] < 5.5 * 3600
    assert 3600 < first["overrun_s"] < 1.5 * 3600
    # Nobody looked at the sites when these came to be over, so that is not certain.
    assert (workaround["running_over"], workaround["provisional"], workaround["paused"]) == (1, 1, 1)
    assert (resolution["paused"], resolution["running_over"]) == (1, 1)
    assert list(resolution["pauses_s"]) == ["waiting_customer"]
    [judge] = first["judged_by"]
    assert (judge["contract"], judge["calendar"]) == ("ACME GmbH, version 1", "24x7")
    assert judge["calendar_version"]
    assert judge["tzdata"] == ""
    [route] = report["routes"]
    assert [one["title"] for one in route["out_of_support"]] == ["Came too early"]
    assert HOSTILE in {one["title"] for one in route["cases"]}
    assert route["as_of"] == "2026-03-31T22:00:00+00:00"

    table = list(csv.DictReader(io.StringIO(ask(stage, "report", "--month", "2026-03", "--format", "csv"))))
    [row] = [one for one in table if (one["route"], one["metric"]) == ("acme", "first_response")]
    assert (row["contract"], row["severity"], row["met"], row["breached"]) == (
        "ACME GmbH, version 1",
        "critical",
        "1",
        "1",
    )
    assert judge["calendar_version"] in row["judged_by"]
    assert [one["out_of_support"] for one in table if one["out_of_support"]] == ["1"]
    shown = ask(stage, "report", "--month", "2026-03")
    assert "Stood still: Resolution, critical" in shown
    assert "ACME GmbH, version 1 (globex), 2026-03, as of 2026-04-01 00:00" in shown
    [row] = [one for one in table if (one["route"], one["metric"]) == ("globex", "first_response")]
    assert re.fullmatch(r"ACME GmbH, version 1: office [0-9a-f]{16}, time zones 20[0-9]{2}[0-9a-z.]+", row["judged_by"])
    april = json.loads(ask(stage, "report", "--month", "2026-04", "--route", "acme", "--format", "json"))
    assert "first_response" not in rows(april)

    target = stage.home / "report.html"
    assert ask(stage, "report", "--month", "2026-03", "--format", "html", "--out", str(target)) == ""
    text = target.read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert HOSTILE in page.words
    assert {tag for tag, _ in page.elements}.isdisjoint(
        {"script", "img", "link", "iframe", "object", "a", "form", "base"}
    )
    names = {name for _, attributes in page.elements for name in attributes}
    assert {name for name in names if name.startswith("on")} | (names & {"src", "href", "style", "srcset"}) == set()
    assert "//" not in text.replace("//evil.example", "")
    assert "@import" not in text
    assert "url(" not in text
    [policy] = [one["content"] for _, one in page.elements if one.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert everything(stage) == before


def test_another_contract_is_held_against_open_and_past_cases_and_nothing_is_written(stage: Stage) -> None:
    play(stage)
    before = everything(stage)
    strict, lax = stage.home / "strict.yaml", stage.home / "lax.yaml"
    text = (stage.home / "contract.yaml").read_text(encoding="utf-8")
    strict.write_text(text.replace("first_response: 4h", "first_response: 30m"), encoding="utf-8")
    early = text.replace("from: 2026-03-03", "from: 2026-03-01").replace("first_response: 4h", "first_response: 8h")
    lax.write_text(early.replace("resolution: 5d", "resolution: 6d"), encoding="utf-8")

    code, said = wrong(stage, "what-if", "--contract", str(strict))
    print(said)
    assert (code, "acme, globex have a contract with ACME GmbH. " in said, "--route" in said) == (2, True, True)
    found = json.loads(ask(stage, "what-if", "--contract", str(strict), "--route", "acme", "--json"))
    assert (found["cases"], found["moves"], found["furthest_s"]) == (3, 2, -3.5 * 3600)
    assert (found["breaks"], found["mends"]) == (1, 0)
    [broken] = [one for one in found["changes"] if one["breaks"]]
    assert (broken["title"], broken["metric"], broken["moves_by_s"]) == (
        "Checkout fails",
        "first_response",
        -3.5 * 3600,
    )
    assert (broken["before"]["broken"], broken["after"]["broken"], broken["open"]) == (False, True, False)

    found = json.loads(ask(stage, "what-if", "--contract", str(lax), "--route", "acme", "--json"))
    assert (found["breaks"], found["mends"]) == (3, 1)
    assert len(found["out_of_support_no_more"]) == 1
    [waiting] = [one for one in found["changes"] if (one["title"], one["metric"]) == ("Checkout fails", "resolution")]
    assert (waiting["left_by_s"], waiting["moves_by_s"], waiting["open"]) == (24 * 3600, None, True)
    shown = ask(stage, "what-if", "--contract", str(lax), "--route", "acme")
    assert "1 would not be broken that are" in shown
    assert "not broken any more" in shown
    assert "still broken" in shown
    assert "Not out of support any more: #" in shown

    unchanged = json.loads(
        ask(stage, "what-if", "--contract", str(stage.home / "contract.yaml"), "--route", "acme", "--json")
    )
    assert (unchanged["cases"], unchanged["changes"]) == (3, [])
    code, said = wrong(stage, "report", "--month", "2026-13")
    assert (code, said) == (2, "2026-13 is not a month. (write it as 2026-03)\n")
    assert everything(stage) == before
