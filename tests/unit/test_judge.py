"""The demo's judge finds every wrong it is there to find."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from bridge.cli.story.judge import Scene, Verdict, judge
from bridge.cli.story.people import Case, Said
from bridge.cli.story.script import Opened, Reach, Script

SERVES = {"acme-desk": "vendor-jira", "globex-desk": "vendor-github"}


class Play:
    """A small story that ended well, to be spoilt by each test."""

    def __init__(self) -> None:
        self.script = Script(random.Random(1))
        self.script.opened += [Opened("acme-desk", "1", "Checkout", "high"), Opened("globex-desk", "1", "Search", None)]
        self.asked = self.script.word("Checkout", "acme-desk", Reach.TRACKER)
        self.note = self.script.word("Checkout", "acme-desk", Reach.NOBODY)
        self.secret = self.script.word("Checkout", "vendor-jira", Reach.NOBODY)
        self.told = self.script.word("Checkout", "vendor-jira", Reach.TEAM)
        ticket_said = (self.said(self.asked, public=True), self.said(self.note), self.said(self.told))
        issue_said = (self.said(self.asked), self.said(self.secret), self.said(self.told))
        self.ticket = Case("1", "Checkout", {"priority": "high", "status": "new"}, ticket_said)
        self.other = Case("1", "Search", {"priority": None, "status": "open"})
        self.issue = Case("ACME-1", "Checkout", {"Severity": "S2", "status": "To Do", "labels": []}, issue_said)
        labels = ["severity: minor", "status: in progress"]
        self.other_issue = Case("1", "Search", {"state": "open", "labels": labels})

    @staticmethod
    def said(word: str, *, public: bool = False) -> Said:
        return Said("1", f"<p>words {word}</p>", public)

    def verdict(self) -> Verdict:
        helpdesks = {"acme-desk": [self.ticket], "globex-desk": [self.other]}
        trackers = {"vendor-jira": [self.issue], "vendor-github": [self.other_issue]}
        return judge(self.script, Scene(helpdesks, trackers, SERVES))


@pytest.fixture
def play() -> Play:
    return Play()


def test_a_story_that_ended_well_is_clean(play: Play) -> None:
    assert play.verdict().counts() == {"lost": 0, "duplicated": 0, "leaked": 0}


def test_an_engineers_secret_at_the_customers_is_a_leak(play: Play) -> None:
    play.ticket = replace(play.ticket, said=(*play.ticket.said, play.said(play.secret)))
    assert play.verdict().counts() == {"lost": 0, "duplicated": 0, "leaked": 1}


def test_a_text_for_the_team_that_users_can_read_is_a_leak(play: Play) -> None:
    play.ticket = replace(play.ticket, said=(*play.ticket.said[:2], play.said(play.told, public=True)))
    assert play.verdict().counts()["leaked"] == 1


def test_the_customers_internal_note_in_the_tracker_is_a_leak(play: Play) -> None:
    play.issue = replace(play.issue, said=(*play.issue.said, play.said(play.note)))
    assert play.verdict().counts()["leaked"] == 1


@pytest.mark.parametrize("word", ["asked", "told"])
def test_one_customers_text_at_another_customers_is_a_leak(play: Play, word: str) -> None:
    play.other = replace(play.other, said=(play.said(getattr(play, word)),))
    assert play.verdict().counts()["leaked"] == 1


def test_a_missing_and_a_doubled_text_are_found(play: Play) -> None:
    play.issue = replace(play.issue, said=play.issue.said[1:])
    play.ticket = replace(play.ticket, said=(*play.ticket.said, play.said(play.told)))
    assert play.verdict().counts() == {"lost": 1, "duplicated": 1, "leaked": 0}


def test_a_missing_issue_a_wrong_severity_and_a_wrong_state_are_found(play: Play) -> None:
    play.other_issue = replace(play.other_issue, summary="Another")
    assert play.verdict().counts()["lost"] == 1
    play = Play()
    play.issue = replace(play.issue, fields={**play.issue.fields, "Severity": "S1", "status": "Done"})
    assert play.verdict().counts()["lost"] == 2


def test_a_second_issue_is_found() -> None:
    play = Play()
    scene = Scene(
        {"acme-desk": [play.ticket], "globex-desk": [play.other]},
        {"vendor-jira": [play.issue, replace(play.issue, ticket="ACME-2")], "vendor-github": [play.other_issue]},
        SERVES,
    )
    assert judge(play.script, scene).counts()["duplicated"] >= 1
