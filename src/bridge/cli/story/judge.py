"""The judge: compares what stands at all sites with what was written, and counts what is lost, doubled or leaked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bridge.cli.story.people import Case
from bridge.cli.story.script import Fate, Line, Reach, Script

JIRA_SEVERITY = {"urgent": "S1", "high": "S2", "normal": "S3", "low": "S4", None: "S3"}
GITHUB_SEVERITY = {
    "urgent": "severity: critical",
    "high": "severity: major",
    "normal": "severity: minor",
    "low": "severity: trivial",
    None: "severity: minor",
}
STATES = {
    "new": {"To Do", "open"},
    "open": {"Selected", "In Progress", "In Review", "In Test", "status: triaged", "status: in progress"},
    "pending": {"Waiting", "status: waiting for customer"},
    "hold": {"On Hold", "status: on hold"},
    "solved": {"Done", "Closed", "closed"},
}
"""The states of an issue that go with a ticket's status. GitHub's are its status label, or else whether it is open."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What stands everywhere: the cases of each helpdesk and of each tracker, and which tracker serves which desk."""

    helpdesks: Mapping[str, list[Case]]
    trackers: Mapping[str, list[Case]]
    serves: Mapping[str, str]


@dataclass(slots=True)
class Verdict:
    """Sentences about everything found wrong; no sentence, nothing wrong."""

    lost: list[str] = field(default_factory=list)
    duplicated: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing is wrong."""
        return not (self.lost or self.duplicated or self.leaked)

    def counts(self) -> dict[str, int]:
        """The three numbers."""
        return {"lost": len(self.lost), "duplicated": len(self.duplicated), "leaked": len(self.leaked)}


def judge(script: Script, scene: Scene) -> Verdict:
    """Compare every ticket, every text and every severity of the story with what stands."""
    verdict = Verdict()
    for opened in script.opened:
        tracker = scene.serves[opened.site]
        issues = [case for case in scene.trackers[tracker] if case.summary == opened.summary]
        if not issues:
            verdict.lost.append(f"{opened.summary!r} has no issue in {tracker}")
        elif len(issues) > 1:
            verdict.duplicated.append(f"{opened.summary!r} has {len(issues)} issues in {tracker}")
        else:
            ticket = next(case for case in scene.helpdesks[opened.site] if case.summary == opened.summary)
            _judge_fields(verdict, opened.site, ticket, issues[0])
    for line in script.lines:
        _judge_line(verdict, scene, line)
    return verdict


def severity_of(issue: Case) -> str:
    """An issue's severity as its tracker shows it."""
    labels = [label for label in issue.fields.get("labels", ()) if label.startswith("severity")]
    return str(issue.fields.get("Severity") or ", ".join(labels))


def state_of(issue: Case) -> str:
    """An issue's state as its tracker shows it."""
    labels = [label for label in issue.fields.get("labels", ()) if label.startswith("status")]
    return str(issue.fields.get("status") or ", ".join(labels) or issue.fields["state"])


def _judge_fields(verdict: Verdict, desk: str, ticket: Case, issue: Case) -> None:
    priority = ticket.fields["priority"]
    expected = JIRA_SEVERITY if "Severity" in issue.fields else GITHUB_SEVERITY
    if severity_of(issue) != expected[priority]:
        verdict.lost.append(f"the severity of {issue.ticket} is not that of {desk} #{ticket.ticket} ({priority})")
    status = ticket.fields["status"]
    if state_of(issue) not in STATES[status]:
        verdict.lost.append(f"{issue.ticket} is {state_of(issue)}, while {desk} #{ticket.ticket} is {status}")


def _judge_line(verdict: Verdict, scene: Scene, line: Line) -> None:
    at_desk = line.site in scene.helpdesks
    home_tracker = scene.serves[line.site] if at_desk else line.site
    for desk, cases in scene.helpdesks.items():
        foreign = scene.serves[desk] != home_tracker or (at_desk and desk != line.site)
        for place, case in _places(cases, line.word):
            if at_desk and desk == line.site and case.summary == line.summary:
                continue
            if foreign or line.reach is not Reach.TEAM or place.public or case.summary != line.summary:
                verdict.leaked.append(f"{line.word} of {line.summary!r} stands in {desk} #{place.ticket}")
    if at_desk:
        copies = _count(scene.trackers[home_tracker], line)
        if line.reach is Reach.NOBODY and any(_places(cases, line.word) for cases in scene.trackers.values()):
            verdict.leaked.append(f"{line.word}, an internal note of {line.site}, stands in a tracker")
        elif line.reach is Reach.TRACKER:
            _judge_copies(verdict, line, copies)
    elif line.reach is Reach.TEAM:
        desks = [cases for desk, cases in scene.helpdesks.items() if scene.serves[desk] == home_tracker]
        _judge_copies(verdict, line, sum(_count(cases, line) for cases in desks))


def _judge_copies(verdict: Verdict, line: Line, copies: int) -> None:
    if line.fate is Fate.BLACKED_OUT:
        if copies:
            verdict.leaked.append(f"{line.word} of {line.summary!r} was blacked out in {line.site}, and still stands")
    elif copies == 0 and line.fate is Fate.STANDS:
        verdict.lost.append(f"{line.word} of {line.summary!r}, written in {line.site}, did not reach {line.reach}")
    elif copies > 1:
        verdict.duplicated.append(f"{line.word} of {line.summary!r} stands {copies} times")


def _count(cases: Iterable[Case], line: Line) -> int:
    return sum(1 for _place, case in _places(cases, line.word) if case.summary == line.summary)


def _places(cases: Iterable[Case], word: str) -> list[tuple[Any, Case]]:
    return [(said, case) for case in cases for said in case.said if word in said.words]
