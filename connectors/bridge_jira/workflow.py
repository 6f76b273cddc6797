"""Moving an issue to a status: Jira takes no status, only transitions that its workflow offers just now.

Where no transition leads there directly, the way is looked for on the workflow as other issues show it, which reads and
moves nothing; only statuses no issue stands in are tried out by going there. A way never passes a status that finishes
an issue or asks for a resolution: people would be told of an end that is none. It passes one that asks for other fields
only if their values are given.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

from bridge.errors import PermanentError
from bridge_jira.client import JiraClient, Json
from bridge_jira.memory import Hop

MOST_HOPS = 4
_SAMPLES = 20


def offered(client: JiraClient, issue: str) -> list[Json]:
    """The transitions an issue offers now, with the fields of their screens."""
    with client.call(endpoint="issue/transitions", ticket=issue):
        found: list[Json] = client.jira.transitions(issue, expand="transitions.fields")
    return found


def leading_to(transitions: list[Json], status: str, given: Mapping[str, Any]) -> Json | None:
    """The transition that leads straight to a status; of several, the one whose screen takes most of what is given and
    asks for least that is not."""
    direct = [one for one in transitions if one["to"]["name"].lower() == status.lower()]

    def fit(one: Json) -> tuple[int, int]:
        screen = one.get("fields") or {}
        return len(_lacking(one, given)), -sum(name in screen for name in given)

    return min(direct, key=fit) if direct else None


def carry_out(client: JiraClient, issue: str, transition: Json, given: Mapping[str, Any]) -> None:
    """Carry a transition out with those of the given values that its screen takes."""
    screen = transition.get("fields") or {}
    body: Json = {"transition": {"id": str(transition["id"])}}
    fields = {name: value for name, value in given.items() if name in screen}
    if fields:
        body["fields"] = fields
    path = f"issue/{issue}/transitions"
    client.send("POST", path, endpoint="issue/transitions", body=body, ticket=issue, writes=True)


def _required(transition: Json) -> list[str]:
    """What a transition's screen insists on, without those fields that Jira fills by itself."""
    screen = transition.get("fields") or {}
    return [name for name, meta in screen.items() if meta.get("required") and not meta.get("hasDefaultValue")]


def _lacking(transition: Json, given: Mapping[str, Any]) -> list[str]:
    return [name for name in _required(transition) if name not in given]


class Walk:
    """One issue's way to a status over several transitions. `field` is how the mapping spells the status field;
    `moved` is called after each hop."""

    def __init__(self, client: JiraClient, issue: str, wanted: str, *, field: str, moved: Callable[[], None]) -> None:
        self._client = client
        self._issue = issue
        self._wanted = wanted
        self._field = field
        self._moved = moved
        self._project = self._type = ""
        self._tried: set[str] = set()
        self._given: Mapping[str, Any] = {}

    def go(self, current: Json, given: Mapping[str, Any]) -> None:
        """Walk from where the issue (`status`, `project`, `issuetype` read) stands. Raises PermanentError when no way
        leads there, naming what is possible from where the issue stands then."""
        self._given = given
        fields = current["fields"]
        self._project, self._type = fields["project"]["key"], fields["issuetype"]["id"]
        status = fields["status"]["name"]
        self._check_exists(status)
        for left in range(MOST_HOPS, 0, -1):
            transitions = offered(self._client, self._issue)
            direct = leading_to(transitions, self._wanted, given)
            if direct is not None:
                carry_out(self._client, self._issue, direct, given)
                self._moved()
                return
            self._learn(status, transitions)
            self._tried.add(status)
            step = self._next_step(status) if left > 1 else None
            hop = leading_to(transitions, step, given) if step else None
            if hop is None:
                raise self._impossible(status, transitions)
            # On the way only what a screen insists on: the rest belongs to the end.
            asked = {name: given[name] for name in _required(hop) if name in given}
            carry_out(self._client, self._issue, hop, asked)
            self._moved()
            status = hop["to"]["name"]
        raise self._impossible(status, offered(self._client, self._issue))

    @property
    def _known(self) -> dict[str, tuple[Hop, ...]]:
        return self._client.memory.hops.setdefault(f"{self._project}/{self._type}", {})

    def _learn(self, status: str, transitions: list[Json]) -> None:
        hops = []
        for one in transitions:
            category = (one["to"].get("statusCategory") or {}).get("key")
            asks = "resolution" in (one.get("fields") or {})
            needs = frozenset(_required(one)) - {"resolution"}
            hops.append(Hop(one["to"]["name"], finishes=category == "done" or asks, needs=needs))
        self._known[status] = tuple(hops)

    def _next_step(self, status: str) -> str | None:
        """The first step of the shortest way: to the wanted status, else to one where the workflow is still unknown."""
        unknown = ""
        came_from: dict[str, str] = {status: ""}
        queue = deque([status])
        while queue:
            here = queue.popleft()
            if here not in self._known and not self._learn_from_others(here):
                unknown = unknown or (here if here not in self._tried else "")
                continue
            for hop in self._known[here]:
                if hop.to.lower() == self._wanted.lower():
                    return _first_step(came_from, here) or hop.to
                if not hop.finishes and hop.needs <= self._given.keys() and hop.to not in came_from:
                    came_from[hop.to] = here
                    queue.append(hop.to)
        return _first_step(came_from, unknown) if unknown else None

    def _learn_from_others(self, status: str) -> bool:
        """Read where transitions lead from a status off another issue of the same workflow that stands there."""
        said = status.replace("\\", "\\\\").replace('"', '\\"')
        jql = f'project = "{self._project}" AND status = "{said}" ORDER BY updated DESC'
        issues, _, _ = self._client.search_page(jql, fields=["issuetype", "status"], size=_SAMPLES)
        for one in issues:
            fields = one["fields"]
            if fields["issuetype"]["id"] == self._type and fields["status"]["name"] == status:
                self._learn(status, offered(self._client, str(one["id"])))
                return True
        return False

    def _check_exists(self, status: str) -> None:
        key = f"{self._project}/{self._type}"
        names = self._client.memory.statuses.get(key)
        if names is None:
            path = f"project/{self._project}/statuses"
            kinds = self._client.read(path, endpoint="project/statuses")
            listed = [one["name"] for kind in kinds if kind["id"] == self._type for one in kind["statuses"]]
            names = self._client.memory.statuses[key] = frozenset(listed)
        if names and self._wanted.lower() not in {name.lower() for name in names}:
            raise self._refusal(f"{self._project} has no such status for this type, only {', '.join(sorted(names))}")

    def _impossible(self, status: str, transitions: list[Json]) -> PermanentError:
        names = sorted({one["to"]["name"] + self._asking(one) for one in transitions})
        return self._refusal(f"no way leads there from {status}; available now: {', '.join(names) or 'nothing'}")

    def _asking(self, transition: Json) -> str:
        """The fields a transition asks for that nobody gave, for people."""
        screen = transition.get("fields") or {}
        names = [str(screen[name].get("name") or name) for name in _lacking(transition, self._given)]
        return f" (asks for {', '.join(names)})" if names else ""

    def _refusal(self, why: str) -> PermanentError:
        site = self._client.site
        message = f"{site}: cannot set {self._field} of issue {self._issue} to {self._wanted!r}: {why}."
        return PermanentError(message, site=site, status=None, detail=why, field=self._field)


def _first_step(came_from: Mapping[str, str], target: str) -> str:
    """The first status after the start on the way to `target`; empty when `target` is the start."""
    step = target
    while came_from.get(step) and came_from[came_from[step]]:
        step = came_from[step]
    return step if came_from.get(step) else ""
