"""Links between issues, each of a type with a word for either direction."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal
from bridge.sandbox.jira.releases import JiraReleases
from bridge.sandbox.site import Reply

LINK_TYPES = (
    ("10000", "Blocks", "is blocked by", "blocks"),
    ("10001", "Cloners", "is cloned by", "clones"),
    ("10002", "Duplicate", "is duplicated by", "duplicates"),
    ("10003", "Relates", "relates to", "relates to"),
)
"""A type's id, its name, and what it says at the end it leads to and at the end it starts from."""


class JiraLinking(JiraReleases):
    """`/issueLink`. A link leads from its `inwardIssue` to its `outwardIssue`, as Jira names them in a request: the
    first then shows the second as its `outwardIssue`."""

    def show_issue_links(self, issue: Json) -> list[Json]:
        """The links of an issue as its field shows them."""
        shown = []
        for one in self.data.setdefault("issue_links", {}).values():
            for end, other in (("from", "to"), ("to", "from")):
                if one[end] == issue["id"] and one[other] in self.data["issues"]:
                    away = self.data["issues"][one[other]]
                    side = "outwardIssue" if end == "from" else "inwardIssue"
                    brief = {"id": away["id"], "key": away["key"], "self": f"{self.root}/issue/{away['id']}"}
                    shown.append({"id": one["id"], "type": self._type(one["type"]), side: brief})
        return shown

    def _type(self, name: str) -> Json:
        ident, known, inward, outward = next(each for each in LINK_TYPES if each[1] == name)
        return {"id": ident, "name": known, "inward": inward, "outward": outward}

    @api("POST", "/issueLink")
    def link_issues(self, request: Request, actor: str) -> Reply:
        """Link two issues."""
        body = self.read_body(request)
        name = (body.get("type") or {}).get("name")
        if name not in {each[1] for each in LINK_TYPES}:
            raise refusal(404, f"No issue link type with name '{name}' found.")
        ends = [self.find_issue(self._named(body.get(side))) for side in ("inwardIssue", "outwardIssue")]
        ident = self.next_id("issue_link")
        self.data.setdefault("issue_links", {})[ident] = {
            "id": ident, "type": name, "from": ends[0]["id"], "to": ends[1]["id"],
        }  # fmt: skip
        for one, other in (ends, reversed(ends)):
            words = f"This issue is linked with {other['key']}"
            item: Json = {"field": "Link", "fieldtype": "jira", "from": None, "fromString": None, "to": other["key"]}
            self.record(one, actor, [item | {"toString": words}])
            self.announce("jira:issue_updated", one, actor=actor, items=[item | {"toString": words}])
        return Reply(201)

    @api("DELETE", "/issueLink/<ident>")
    def unlink_issues(self, request: Request, actor: str, ident: str) -> Reply:
        """Take a link away."""
        one = self.data.setdefault("issue_links", {}).pop(ident, None)
        if one is None:
            raise refusal(404, f"No issue link with id '{ident}' exists.")
        for end in ("from", "to"):
            if one[end] in self.data["issues"]:
                self.record(self.data["issues"][one[end]], actor, ())
        return Reply(204)

    def _named(self, end: Any) -> str:
        name = (end or {}).get("id") or (end or {}).get("key") if isinstance(end, dict) else None
        if not name:
            raise refusal(400, "An issue to link has to be named by its id or key.")
        return str(name)
