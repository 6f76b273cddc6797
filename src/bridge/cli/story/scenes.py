"""The scenes of the story: what people do, and the sentences that tell it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bridge.cli.story.config import SERVES
from bridge.cli.story.judge import Scene, severity_of, state_of
from bridge.cli.story.people import GitHub, Helpdesk, Jira
from bridge.cli.story.script import Opened, Reach, Script
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox

PROBLEMS = (
    "Checkout page answers with an error",
    "Export of invoices takes an hour",
    "Search finds nothing after the update",
    "Typo on the welcome page",
    "Login mail never arrives",
    "Report shows last year's figures",
    "Upload of large files stops half way",
    "Colours of the chart are hard to tell apart",
)
PRIORITIES = ("urgent", "high", "normal", "low", None)
SECOND_LINE = "Vendor 2nd line"


@dataclass(frozen=True, slots=True)
class Stage:
    """The sandbox and its people. `tell` says a sentence to the audience; `settle` waits until both sides agree."""

    sandbox: Sandbox
    script: Script
    desks: dict[str, Helpdesk]
    jira: Jira
    github: GitHub
    tell: Callable[[str], None]
    settle: Callable[[], None]

    def close(self) -> None:
        """Everybody goes home."""
        for desk in self.desks.values():
            desk.close()
        self.jira.close()
        self.github.close()

    def scene(self) -> Scene:
        """What stands everywhere now."""
        helpdesks = {name: desk.cases() for name, desk in self.desks.items()}
        trackers = {"vendor-jira": self.jira.cases("ACME"), "vendor-github": self.github.cases()}
        return Scene(helpdesks, trackers, SERVES)


def file_tickets(stage: Stage, number: int) -> None:
    """Customers file tickets of several severities in their own Zendesks."""
    for count in range(number):
        site = "globex-desk" if count % 3 == 2 else "acme-desk"
        opened = _file(stage, site, len(stage.script.opened) + 1)
        if number <= 20:
            stage.tell(f"{site} #{opened.ticket} ({opened.priority or 'no priority'}): {opened.summary}")
    stage.settle()


def _file(stage: Stage, site: str, number: int) -> Opened:
    script = stage.script
    summary = f"{PROBLEMS[number % len(PROBLEMS)]} (case {number})"
    priority = PRIORITIES[number % len(PRIORITIES)]
    words = f"It began this morning. {script.word(summary, site, Reach.TRACKER)}\n\nWe need help with *this* soon."
    ticket = stage.desks[site].file(summary, words, priority=priority, group=SECOND_LINE)
    opened = Opened(site, ticket, summary, priority)
    script.opened.append(opened)
    return opened


def show_links(stage: Stage) -> list[tuple[str, str, str, str, str, str]]:
    """Each ticket with its priority and status there, and its issue with severity and state here."""
    scene = stage.scene()
    rows = []
    for opened in stage.script.opened:
        tracker = SERVES[opened.site]
        ticket = next(case for case in scene.helpdesks[opened.site] if case.summary == opened.summary)
        for issue in scene.trackers[tracker]:
            if issue.summary == opened.summary:
                there = (f"{opened.site} #{opened.ticket}", ticket.fields["priority"] or "-", ticket.fields["status"])
                key = issue.ticket if tracker == "vendor-jira" else f"platform#{issue.ticket}"
                severity, state = (words.rpartition(": ")[2] for words in (severity_of(issue), state_of(issue)))
                rows.append((*there, key, severity, state))
    return rows


def talk(stage: Stage) -> None:
    """An engineer moves an issue, comments among colleagues and releases one reply; the customer answers."""
    first = _of(stage, "acme-desk", 0)
    script, key = stage.script, _jira_key(stage, first)
    stage.jira.move(key, "Selected")
    stage.jira.move(key, "In Progress")
    stage.jira.comment(
        key, f"The pool is exhausted, see the dump. {script.word(first.summary, 'vendor-jira', Reach.NOBODY)}"
    )
    word = script.word(first.summary, "vendor-jira", Reach.TEAM)
    stage.jira.comment(key, f"#reply We can see the error and are on it. {word}")
    stage.tell(f"An engineer moves {key} to In Progress, comments among colleagues, and writes `#reply …`")
    stage.settle()
    _show_ticket(stage, first)
    answer = script.word(first.summary, "acme-desk", Reach.TRACKER)
    stage.desks["acme-desk"].reply(first.ticket, f"Thank you. It also fails for our branch office. {answer}")
    note = script.word(first.summary, "acme-desk", Reach.NOBODY)
    stage.desks["acme-desk"].note(first.ticket, f"Colleagues: do not promise a date yet. {note}")
    stage.tell("The customer answers; their agent leaves an internal note for colleagues")
    stage.settle()
    other = _of(stage, "globex-desk", 0)
    if other is not None:
        number = stage.github.find(other.summary)
        assert number is not None
        secret = script.word(other.summary, "vendor-github", Reach.NOBODY)
        stage.github.comment(number, f"Looks like the cache again. {secret}")
        open_word = script.word(other.summary, "vendor-github", Reach.TEAM)
        stage.github.comment(number, f"#reply Could you send us the export? {open_word}")
        stage.tell(f"On GitHub an engineer comments on #{number} and releases a question")
        stage.settle()


def raise_severity(stage: Stage) -> None:
    """The customer raises a priority."""
    case = _of(stage, "acme-desk", -1)
    stage.desks["acme-desk"].change(case.ticket, priority="urgent")
    stage.tell(f"The customer raises {case.site} #{case.ticket} to urgent")
    stage.settle()
    key = _jira_key(stage, case)
    shown = next(one for one in stage.jira.cases("ACME", threads=False) if one.ticket == key)
    stage.tell(f"→ {key} is now {shown.fields['Severity']}")


def deliver(stage: Stage) -> None:
    """A workaround from a field, a hot fix by command, and a released version: one message each to the customer."""
    first = _of(stage, "acme-desk", 0)
    script, key = stage.script, _jira_key(stage, first)
    word = script.word(first.summary, "vendor-jira", Reach.TEAM)
    stage.jira.fill(key, "Workaround", f"Restart the worker every night until the fix is there. {word}")
    stage.tell(f"The engineer fills the Workaround field of {key}")
    stage.settle()
    word = script.word(first.summary, "vendor-jira", Reach.TEAM)
    stage.jira.comment(key, f"/hotfix 2.4.1 The pool now grows with the load. {word}")
    stage.tell("The engineer writes `/hotfix 2.4.1 …`")
    stage.settle()
    second = _of(stage, "acme-desk", 1)
    version = stage.jira.plan_version(_jira_key(stage, second), "2.5.0", project="ACME")
    stage.settle()
    stage.jira.release(version)
    stage.tell(f"The lead releases version 2.5.0, the fix of {_jira_key(stage, second)}")
    stage.settle()
    _show_ticket(stage, first)
    _show_ticket(stage, second)


def solve_and_reopen(stage: Stage) -> None:
    """An engineer resolves an issue, which solves the ticket; the customer says it is still broken."""
    case = _of(stage, "acme-desk", 1)
    key = _jira_key(stage, case)
    for status, fields in (("Selected", {}), ("In Progress", {}), ("Done", {"resolution": {"name": "Fixed"}})):
        stage.jira.move(key, status, **fields)
    stage.settle()
    stage.tell(f"{key} is Done → {case.site} #{case.ticket} is {_status(stage, case)}")
    word = stage.script.word(case.summary, "acme-desk", Reach.TRACKER)
    stage.desks["acme-desk"].reply(case.ticket, f"Sorry, it is still broken. {word}")
    stage.settle()
    issue = next(one for one in stage.jira.cases("ACME", threads=False) if one.ticket == key)
    stage.tell(
        f"The customer says it is still broken: the ticket is {_status(stage, case)} → {key} is {issue.fields['status']}"
    )


def storm(stage: Stage, number: int) -> None:
    """Faults everywhere while people go on working; then calm."""
    faults = (
        Fault(kind="status", status=429, retry_after_s=1, probability=0.10),
        Fault(kind="status", status=503, probability=0.10),
        Fault(kind="drop_after", probability=0.15, writes_only=True),
    )
    with stage.sandbox.world.lock:
        for fault in faults:
            stage.sandbox.faults.add(fault)
    stage.tell(
        "Faults on: 10 % of answers are 429, 10 % are 503, 15 % of writes take effect and their reply is dropped"
    )
    for count in range(number):
        _file(stage, "globex-desk" if count % 3 == 2 else "acme-desk", len(stage.script.opened) + 1)
    for opened in stage.script.opened[:number]:
        word = stage.script.word(opened.summary, opened.site, Reach.TRACKER)
        stage.desks[opened.site].reply(opened.ticket, f"Is there any news? {word}")
        stage.desks[opened.site].change(opened.ticket, priority=stage.script.dice.choice(PRIORITIES[:4]))
    _engineers_answer(stage, number)
    stage.settle()
    played = sum(1 for entry in stage.sandbox.log if entry["fault"])
    with stage.sandbox.world.lock:
        stage.sandbox.faults.clear()
    stage.settle()
    stage.tell(f"Faults off, after {played} of them")


def _engineers_answer(stage: Stage, number: int) -> None:
    issues = {case.summary: case.ticket for case in stage.jira.cases("ACME", threads=False)}
    numbers = {case.summary: case.ticket for case in stage.github.cases(threads=False)}
    for opened in stage.script.opened[:number]:
        tracker = SERVES[opened.site]
        secret = stage.script.word(opened.summary, tracker, Reach.NOBODY)
        public = stage.script.word(opened.summary, tracker, Reach.TEAM)
        if tracker == "vendor-jira":
            stage.jira.comment(issues[opened.summary], f"Between us: nothing yet. {secret}")
            stage.jira.comment(issues[opened.summary], f"#reply We will know more tomorrow. {public}")
        else:
            stage.github.comment(numbers[opened.summary], f"Between us: nothing yet. {secret}")
            stage.github.comment(numbers[opened.summary], f"#reply We will know more tomorrow. {public}")


def _of(stage: Stage, site: str, index: int) -> Opened:
    mine = [opened for opened in stage.script.opened if opened.site == site]
    return mine[index]


def _jira_key(stage: Stage, opened: Opened) -> str:
    key = stage.jira.find(opened.summary, project="ACME")
    if key is None:
        raise LookupError(f"{opened.summary!r} did not reach Jira")
    return key


def _status(stage: Stage, opened: Opened) -> str:
    cases = stage.desks[opened.site].cases()
    return str(next(case for case in cases if case.ticket == opened.ticket).fields["status"])


def _show_ticket(stage: Stage, opened: Opened) -> None:
    case = next(one for one in stage.desks[opened.site].cases() if one.ticket == opened.ticket)
    stage.tell(f"→ {opened.site} #{opened.ticket} is {case.fields['status']}, {len(case.said)} messages")
