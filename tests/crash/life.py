"""People who go on working while the daemon is killed: tickets, replies, notes, commands, fields and states, both sides.

Everything they do leaves the judge of `bridge demo` sure about the end. Two rules see to that: a text whose request failed
was never said, and whoever solves a case speaks the engineers' last word about its state (a tracker does not reopen what
the customer solved, so another move there would rightly stand alone).
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests

from bridge.cli.story.config import SERVES
from bridge.cli.story.filing import DeskFiles, JiraFiles
from bridge.cli.story.judge import Verdict
from bridge.cli.story.people import GitHub, Helpdesk, Jira
from bridge.cli.story.scenes import PRIORITIES, PROBLEMS, SECOND_LINE
from bridge.cli.story.script import Fate, Opened, Reach, Script

PROJECT = "ACME"
REPOSITORY = "vendor/platform"
DESKS = ("acme-desk", "globex-desk")
AT_WORK = ("Selected", "In Progress", "In Review", "In Test", "Waiting", "On Hold")
SEVERITIES = ("S1", "S2", "S3", "S4")
LABELS = {
    "severity": ("severity: critical", "severity: major", "severity: minor", "severity: trivial"),
    "status": ("status: triaged", "status: in progress", "status: waiting for customer", "status: on hold"),
}


class JiraEngineer(Jira):
    """An engineer who ranks and moves issues as the workflow offers."""

    def rank(self, key: str, severity: str) -> None:
        """Set the severity."""
        names = {
            one["name"]: one["id"] for one in self._call("GET", "/rest/api/3/field", login=self._login("engineer"))
        }
        body = {"fields": {names["Severity"]: {"value": severity}}}
        self._call("PUT", f"/rest/api/3/issue/{key}", login=self._login("engineer"), body=body)

    def wander(self, key: str, dice: random.Random) -> None:
        """Move an issue anywhere its workflow offers, short of its ends."""
        path = f"/rest/api/3/issue/{key}/transitions"
        listed = self._call("GET", path, login=self._login("engineer"))["transitions"]
        offered = [one["id"] for one in listed if one["to"]["name"] in AT_WORK]
        if offered:
            body = {"transition": {"id": dice.choice(offered)}}
            self._call("POST", path, login=self._login("engineer"), body=body)

    def finish(self, key: str) -> bool:
        """Resolve an issue, if its workflow offers that now."""
        path = f"/rest/api/3/issue/{key}/transitions"
        listed = self._call("GET", path, login=self._login("engineer"))["transitions"]
        if not any(one["to"]["name"] == "Done" for one in listed):
            return False
        self.move(key, "Done", resolution={"name": "Fixed"})
        return True


class GitHubEngineer(GitHub):
    """An engineer who labels and closes issues."""

    def label(self, number: str, kind: str, name: str) -> None:
        """Replace the one label of this kind."""
        self.change(number, labels=[*self._other_labels(number, kind), name])

    def is_begun(self, number: str) -> bool:
        """Whether an issue has a status label. Its first one is left to bridge: a label of ours can be lost when both
        write the list of labels at once, and a helpdesk's ticket cannot become new again."""
        return any(name.startswith("status: ") for name in self._other_labels(number, "severity"))

    def finish(self, number: str) -> bool:
        """Close an issue as done."""
        labels = self._other_labels(number, "status")
        self.change(number, state="closed", state_reason="completed", labels=labels)
        return True

    def _other_labels(self, number: str, kind: str) -> list[str]:
        path = f"/repos/{self.repository}/issues/{number}"
        issue = self._call("GET", path, login=self._login("engineer"))
        names = [str(one["name"]) for one in issue["labels"]]
        return [name for name in names if not name.startswith(f"{kind}: ")]


@dataclass(frozen=True, slots=True)
class Sent:
    """A file somebody sent: the word in its name, its case, and the site that has to show it once."""

    word: str
    case: Opened
    site: str


@dataclass(slots=True)
class Life:
    """Everybody at work, one act after the other, until told to rest. `most` tickets are filed."""

    script: Script
    desks: dict[str, Helpdesk]
    jira: JiraEngineer
    github: GitHubEngineer
    most: int
    pause_s: float = 0.15
    refused: int = 0
    issues: dict[str, str] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    filled: set[str] = field(default_factory=set)
    files: list[Sent] = field(default_factory=list)
    told: dict[str, list[str]] = field(default_factory=dict)
    """By case, the words of the customer's and the engineers' comments that their authors may still rewrite."""
    failure: BaseException | None = None
    _rest: threading.Event = field(default_factory=threading.Event)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        """Go to work."""
        self._rest.clear()
        self._thread = threading.Thread(target=self._work, name="people")
        self._thread.start()

    def stop(self) -> None:
        """Put everything down. Raises what kept somebody from working, if anything did."""
        self._rest.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if self.failure is not None:
            raise self.failure

    def close(self) -> None:
        """Everybody goes home."""
        for person in (*self.desks.values(), self.jira, self.github):
            person.close()

    def _work(self) -> None:
        dice = self.script.dice
        try:
            while not self._rest.wait(self.pause_s * dice.uniform(0.3, 2.0)):
                self.act()
        except requests.RequestException as failure:
            self.failure = failure

    def act(self) -> None:
        """Somebody does one thing."""
        dice = self.script.dice
        opened = self.script.opened
        if len(opened) < min(4, self.most) or (len(opened) < self.most and dice.random() < 0.15):
            self._file()
            return
        case = dice.choice(opened[-40:])
        act = dice.choices(*zip(*self._acts(), strict=True))[0]
        try:
            act(case)
        except requests.HTTPError:
            # Somebody (bridge, most of the time) was faster, and the site says no; nothing was done.
            self.refused += 1

    def _acts(self) -> list[tuple[Callable[[Opened], None], float]]:
        return [
            (self._reply, 3.0),
            (self._tell, 2.0),
            (self._note, 1.0),
            (self._reprioritise, 3.0),
            (self._restate, 2.0),
            (self._say, 2.0),
            (self._release, 3.0),
            (self._rank, 1.5),
            (self._wander, 3.0),
            (self._fix, 0.7),
            (self._work_around, 0.5),
            (self._finish, 0.5),
            (self._solve, 0.3),
            (self._rewrite, 1.0),
            (self._black_out, 0.7),
            (self._attach, 0.7),
            (self._send_back, 0.4),
        ]

    def _file(self) -> None:
        dice, number = self.script.dice, len(self.script.opened) + 1
        site = dice.choice(DESKS)
        summary = f"{PROBLEMS[number % len(PROBLEMS)]} (case {number})"
        priority = dice.choice(PRIORITIES)
        with self._word(summary, site, Reach.TRACKER) as word:
            ticket = self.desks[site].file(summary, f"It began today. {word}", priority=priority, group=SECOND_LINE)
        self.script.opened.append(Opened(site, ticket, summary, priority))

    @contextmanager
    def _word(self, summary: str, site: str, reach: Reach) -> Iterator[str]:
        """A word for a text; forgotten again if the text could not be said."""
        word = self.script.word(summary, site, reach)
        try:
            yield word
        except requests.HTTPError:
            self.script.lines.pop()
            raise

    # The customers.

    def _reply(self, case: Opened) -> None:
        with self._word(case.summary, case.site, Reach.TRACKER) as word:
            self.desks[case.site].reply(case.ticket, f"Is there any news? {word}")

    def _tell(self, case: Opened) -> None:
        with self._word(case.summary, case.site, Reach.TRACKER) as word:
            self.desks[case.site].change(case.ticket, comment={"body": f"Our *agent* adds: {word}", "public": True})
        self._remember(case, case.site, word)

    def _black_out(self, case: Opened) -> None:
        word = self._recall(case, case.site)
        if word:
            self.desks[case.site].redact(case.ticket, word, word)
            self.script.turn(word, Fate.BLACKED_OUT)

    def _attach(self, case: Opened) -> None:
        if case.site != DESKS[0]:
            # GitHub takes no files.
            return
        files = DeskFiles(self.desks[case.site])
        word = self._file_word()
        files.reply(case.ticket, "<p>The log is attached.</p>", files.upload(f"{word}.log", word.encode()))
        self.files.append(Sent(word, case, SERVES[case.site]))

    def _file_word(self) -> str:
        return f"qf{len(self.files):04d}{self.script.dice.randrange(16**6):06x}"

    def _remember(self, case: Opened, site: str, word: str) -> None:
        self.told.setdefault(f"{site} {case.summary}", []).append(word)

    def _recall(self, case: Opened, site: str) -> str | None:
        words = self.told.get(f"{site} {case.summary}", [])
        return words.pop(self.script.dice.randrange(len(words))) if words else None

    def _note(self, case: Opened) -> None:
        with self._word(case.summary, case.site, Reach.NOBODY) as word:
            self.desks[case.site].note(case.ticket, f"Colleagues only: {word}")

    def _reprioritise(self, case: Opened) -> None:
        self.desks[case.site].change(case.ticket, priority=self.script.dice.choice(PRIORITIES[:4]))

    def _restate(self, case: Opened) -> None:
        if not self._issue(case):
            # An issue begins where its tracker's workflow says, whatever the ticket's status was by then.
            return
        status = self.script.dice.choice(("open", "pending", "hold"))
        desk = self.desks[case.site]
        desk.change(case.ticket, status=status, assignee_id=desk.user("agent"))

    def _solve(self, case: Opened) -> None:
        if not self._issue(case):
            # What is solved before it was linked is no case for the vendor.
            return
        self.ended.add(case.summary)
        desk = self.desks[case.site]
        desk.change(case.ticket, status="solved", assignee_id=desk.user("agent"))

    # The engineers. They can only act on cases that have an issue.

    def _issue(self, case: Opened) -> str | None:
        if case.summary not in self.issues:
            cases = (
                self.jira.cases(PROJECT, threads=False) if case.site == DESKS[0] else self.github.cases(threads=False)
            )
            self.issues.update({one.summary: one.ticket for one in cases})
        return self.issues.get(case.summary)

    def _comment(self, case: Opened, words: str) -> None:
        issue = self._issue(case)
        assert issue is not None
        (self.jira if case.site == DESKS[0] else self.github).comment(issue, words)

    def _say(self, case: Opened) -> None:
        if self._issue(case):
            with self._word(case.summary, SERVES[case.site], Reach.NOBODY) as word:
                self._comment(case, f"Between us: the cache again. {word}")

    def _release(self, case: Opened) -> None:
        if self._issue(case):
            with self._word(case.summary, SERVES[case.site], Reach.TEAM) as word:
                self._comment(case, f"#reply We are on it. {word}")
            self._remember(case, SERVES[case.site], word)

    def _rewrite(self, case: Opened) -> None:
        issue, tracker = self._issue(case), SERVES[case.site]
        before = self._recall(case, tracker)
        if issue is None or before is None:
            return
        person: Any = self.jira if case.site == DESKS[0] else self.github
        with self._word(case.summary, tracker, Reach.TEAM) as word:
            person.edit_comment(issue, before, f"#reply We know more now. {word}")
        self.script.turn(before, Fate.REWRITTEN)
        self._remember(case, tracker, word)

    def _send_back(self, case: Opened) -> None:
        issue = self._issue(case)
        if issue is None or case.site != DESKS[0]:
            return
        files = JiraFiles(self.jira)
        word = self._file_word()
        files.comment(issue, "#reply The patch is attached.", files.attach(issue, f"{word}.txt", word.encode()))
        self.files.append(Sent(word, case, case.site))

    # The end.

    def judge_files(self, verdict: Verdict) -> None:
        """Add what is wrong with the files that were sent: each stands once on the other side, whole, and where the
        customer's users do not see it."""
        for case in dict.fromkeys(one.case for one in self.files):
            mine = [one for one in self.files if one.case == case]
            issue = self._issue(case)
            at_issue = JiraFiles(self.jira).listed(issue) if issue else {}
            at_desk = DeskFiles(self.desks[case.site]).listed(case.ticket)
            for one in mine:
                found = [content for name, content in at_issue.items() if one.word in name]
                if one.site == case.site:
                    found = [file.content for file in at_desk if one.word in file.name]
                    if any(file.public for file in at_desk if one.word in file.name):
                        verdict.leaked.append(f"the file {one.word} of {case.summary!r} stands where users see it")
                if len(found) > 1:
                    verdict.duplicated.append(f"the file {one.word} of {case.summary!r} stands {len(found)} times")
                elif found != [one.word.encode()]:
                    verdict.lost.append(f"the file {one.word} of {case.summary!r} did not reach {one.site} whole")

    def _fix(self, case: Opened) -> None:
        if self._issue(case):
            with self._word(case.summary, SERVES[case.site], Reach.TEAM) as word:
                self._comment(case, f"/hotfix 1.{len(self.script.lines)} It is in the new build. {word}")

    def _work_around(self, case: Opened) -> None:
        issue = self._issue(case)
        if issue and case.site == DESKS[0] and case.summary not in self.filled:
            self.filled.add(case.summary)
            with self._word(case.summary, SERVES[case.site], Reach.TEAM) as word:
                self.jira.fill(issue, "Workaround", f"Restart it every night. {word}")

    def _rank(self, case: Opened) -> None:
        issue, dice = self._issue(case), self.script.dice
        if issue and case.site == DESKS[0]:
            self.jira.rank(issue, dice.choice(SEVERITIES))
        elif issue:
            self.github.label(issue, "severity", dice.choice(LABELS["severity"]))

    def _wander(self, case: Opened) -> None:
        issue, dice = self._issue(case), self.script.dice
        if issue is None or case.summary in self.ended:
            return
        if case.site == DESKS[0]:
            self.jira.wander(issue, dice)
        elif self.github.is_begun(issue):
            self.github.label(issue, "status", dice.choice(LABELS["status"]))

    def _finish(self, case: Opened) -> None:
        issue = self._issue(case)
        if issue is None or case.summary in self.ended:
            return
        person: Any = self.jira if case.site == DESKS[0] else self.github
        if person.finish(issue):
            self.ended.add(case.summary)
