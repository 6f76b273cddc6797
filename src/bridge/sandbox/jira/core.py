"""What every part of a simulated Jira stands on: refusals in Jira's shape, the present, people, and finding an issue."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, ClassVar, TypeVar

from werkzeug.wrappers import Request

from bridge.sandbox.jira.state import first_state
from bridge.sandbox.site import Refusal, Reply, Site, route

Json = dict[str, Any]
Handler = TypeVar("Handler", bound=Callable[..., Any])


def api(method: str, path: str, *, reads: bool | None = None) -> Callable[[Handler], Handler]:
    """Mark a handler of `path` below the REST root: `/rest/api/3` on Cloud, `/rest/api/2` on Data Center."""

    def mark(handler: Handler) -> Handler:
        for version in ("3", "2"):
            route(method, f"/rest/api/{version}{path}", reads=reads)(handler)
        return handler

    return mark


def refusal(status: int, /, *messages: str, **errors: str) -> Refusal:
    """Jira's error answer: general messages, and one message a field."""
    return Refusal(status, {"errorMessages": list(messages), "errors": errors})


def shown_time(stamp: int) -> str:
    """Milliseconds since 1970 as Jira writes a time."""
    at = datetime.fromtimestamp(stamp / 1000, UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{stamp % 1000:03d}+0000"


class JiraCore(Site):
    """State, people and issues of one simulated Jira; the parts with handlers build on it.

    An issue is `{"id", "key", "project", "fields" (stored values by field id), "created", "updated" (milliseconds),
    "creator", "comments", "history", "properties", "links", "worklogs", "attachments"}`.
    """

    api = "jira"
    cloud: ClassVar[bool]

    def reset(self) -> None:
        self.data = first_state(self.settings, cloud=self.cloud)

    @property
    def root(self) -> str:
        """The address of the REST root."""
        return f"{self.url}/rest/api/{'3' if self.cloud else '2'}"

    def not_found(self) -> Reply:
        return Reply(404, {"errorMessages": ["The requested resource was not found."], "errors": {}})

    def malformed(self, reason: str) -> Reply:
        return Reply(400, {"errorMessages": [reason], "errors": {}})

    def actor_name(self, actor: Any) -> str:
        return str(self.data["users"][actor]["emailAddress"])

    def stamp(self) -> int:
        """The present in milliseconds."""
        return int(self.world.now().timestamp() * 1000)

    def next_id(self, kind: str) -> str:
        """The next permanent id of a kind."""
        sequence = self.data["sequence"]
        name = kind if kind in sequence else "other"
        sequence[name] += 1
        return str(sequence[name])

    def read_body(self, request: Request) -> Json:
        """The JSON object in a request. Raises Refusal(400)."""
        try:
            body = json.loads(request.get_data() or b"{}")
        except ValueError as error:
            raise refusal(400, "There was an error parsing JSON. Check that your request body is valid.") from error
        if not isinstance(body, dict):
            raise refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return body

    def page(self, request: Request, *, most: int = 100) -> tuple[int, int]:
        """`startAt` and `maxResults` of a request, the latter at most `most`."""
        try:
            start, size = int(request.args.get("startAt", 0)), int(request.args.get("maxResults", min(most, 50)))
        except ValueError as error:
            raise refusal(400, "startAt and maxResults must be whole numbers.") from error
        return max(start, 0), max(0, min(size, most))

    def find_issue(self, key_or_id: str) -> Json:
        """The issue of this id or of this key, also of a key it had before it was moved. Raises Refusal(404)."""
        issue = self.data["issues"].get(self.data["keys"].get(key_or_id.upper(), key_or_id))
        if issue is None:
            raise refusal(404, "Issue does not exist or you do not have permission to see it.")
        return issue  # type: ignore[no-any-return]

    def find_project(self, key_or_id: str) -> Json:
        """The project of this key or id. Raises Refusal(404)."""
        for project in self.data["projects"].values():
            if key_or_id in (project["key"], project["id"]):
                return project  # type: ignore[no-any-return]
        raise refusal(404, f"No project could be found with key '{key_or_id}'.")

    def show_user(self, ident: str | None) -> Json | None:
        """An account as Jira shows it; None for nobody."""
        if not ident:
            return None
        user = self.data["users"][ident]
        shown = {
            "self": f"{self.root}/user?{'accountId' if self.cloud else 'username'}={ident}",
            "displayName": user["displayName"],
            "active": user["active"],
            "timeZone": user["timeZone"],
            "emailAddress": user["emailAddress"],
        }
        if self.cloud:
            return shown | {"accountId": ident, "accountType": user["accountType"]}
        return shown | {"name": ident, "key": f"JIRAUSER{ident}"}

    def record(self, issue: Json, actor: str, items: Iterable[Mapping[str, Any]]) -> None:
        """Move the issue's last change, and write what changed into its history (nothing there when `items` is empty)."""
        issue["updated"] = max(self.stamp(), issue["updated"] + 1)
        entries = [dict(item) for item in items]
        if entries:
            entry = {"id": self.next_id("history"), "author": actor, "created": issue["updated"], "items": entries}
            issue["history"].append(entry)
        self.index(issue)

    def index(self, issue: Json, *, deleted: bool = False) -> None:
        """Hand the issue's present state to the search index, which shows it `index_lag_s` later."""
        lag = float(self.settings.get("index_lag_s", 0))
        copies = issue.setdefault("indexed", [])
        if not lag:
            copies.clear()
            return
        now, due = self.stamp(), self.stamp() - lag * 1000
        visible = [entry for entry in copies if entry["at"] <= due][-1:]
        copies[:] = visible + [entry for entry in copies if entry["at"] > due]
        kept = {name: copy.deepcopy(value) for name, value in issue.items() if name != "indexed"}
        copies.append({"at": now, "deleted": deleted, "issue": kept})

    def announce(self, event: str, issue: Json, **more: Any) -> None:
        """Tell the registered webhooks; the part that keeps webhooks does it."""
        raise NotImplementedError
