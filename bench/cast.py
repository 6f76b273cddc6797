"""The people of a replay: the customer's agent in Zendesk and the vendor's engineer in Jira."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

from bench.incidents import Incident, Step
from bridge.cli.story.people import Case, Helpdesk, Jira
from bridge.cli.story.scenes import SECOND_LINE
from bridge.model.words import Side

PROJECT = "ACME"
WAITING_ROOM = "In Progress"
"""The status every other one can be reached from, and that can be reached from every other one."""
STATUSES: Mapping[str, tuple[str, ...]] = {
    "open": ("In Progress", "Selected"),
    "pending": ("Waiting",),
    "hold": ("On Hold",),
    "solved": ("Done",),
}
"""The engineers' statuses that a status of Zendesk may be played as, if the workflow offers them; the first always."""
RESOLUTIONS = ("Fixed", "Done")


class Agent(Helpdesk):
    """The customer's agent, who looks at tickets without what is said in them."""

    def _case(self, ticket: Mapping[str, Any]) -> Case:
        return Case(str(ticket["id"]), ticket["subject"], {name: ticket[name] for name in ("status", "priority")})


class Engineer(Jira):
    """The vendor's engineer, who knows the way through the workflow."""

    def reach(self, key: str, status: str, dice: Random) -> None:
        """Move an issue to where a status of Zendesk is played, by the transitions its workflow offers."""
        path = f"/rest/api/3/issue/{key}/transitions"
        listed = self._call("GET", path, login=self._login("engineer"))["transitions"]
        offered = {one["to"]["name"] for one in listed}
        usual, *others = STATUSES[status]
        wanted = dice.choice([usual, *(other for other in others if other in offered)])
        if wanted not in offered:
            self.move(key, WAITING_ROOM)
        resolution = {"resolution": {"name": dice.choice(RESOLUTIONS)}} if wanted == "Done" else {}
        self.move(key, wanted, **resolution)


class Cast:
    """Everybody who acts. `urls` are the sites' addresses by name."""

    def __init__(self, urls: Mapping[str, str], *, seed: int) -> None:
        self._agent = Agent(urls["acme-desk"], "acme-desk")
        self._engineer = Engineer(urls["vendor-jira"])
        self._dice = Random(seed)
        self._tickets: dict[str, str] = {}
        self._keys: dict[str, str] = {}

    def close(self) -> None:
        """Everybody goes home."""
        self._agent.close()
        self._engineer.close()

    def open(self, incident: Incident) -> None:
        """The agent takes the case down and hands it to the vendor."""
        words = f"{incident.name} happens since this morning."
        ticket = self._agent.file(incident.summary, words, priority=incident.priority, group=SECOND_LINE)
        self._tickets[incident.name] = ticket

    def learn_keys(self, incidents: list[Incident]) -> None:
        """The engineers look up what the issues of the cases are called."""
        keys = {case.summary: case.ticket for case in self.issues()}
        self._keys = {one.name: keys[one.summary] for one in incidents if one.summary in keys}

    def play(self, incident: Incident, step: Step) -> None:
        """One step. A case without an issue can only be moved by the customer's side."""
        if step.side is Side.TRACKER and incident.name in self._keys:
            self._engineer.reach(self._keys[incident.name], step.status, self._dice)
            return
        raised = {"priority": step.priority} if step.raised else {}
        self._agent.change(self._tickets[incident.name], status=step.status, **raised)

    def shut(self, incident: Incident) -> None:
        """The ticket closes, as a solved one does in time."""
        self._agent.change(self._tickets[incident.name], status="closed")

    def tickets(self) -> list[Case]:
        """Every ticket as it stands in the helpdesk."""
        return self._agent.cases()

    def issues(self) -> list[Case]:
        """Every issue as it stands in the tracker."""
        return self._engineer.cases(PROJECT, threads=False)
