"""People at the sandbox's sites. Each acts over HTTP with an own login, as in a browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import requests

from bridge.sandbox.server import SPARE

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class Said:
    """A text as it stands at a site: whose ticket, the words, and whether the customer's users can read it."""

    ticket: str
    words: str
    public: bool


@dataclass(frozen=True, slots=True)
class Case:
    """A ticket as it stands at a site: its name there, summary, the fields that matter and everything said."""

    ticket: str
    summary: str
    fields: Mapping[str, Any]
    said: tuple[Said, ...] = ()


class _Site:
    """What all people share: a session, and calls that answer JSON."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers[SPARE] = "yes"

    def close(self) -> None:
        """Log out."""
        self._session.close()

    def _call(self, method: str, path: str, *, login: Any, body: Any = None, query: Any = None) -> Any:
        headers, auth = (login, None) if isinstance(login, dict) else ({}, login)
        response = self._session.request(
            method, f"{self.url}{path}", json=body, params=query, auth=auth, headers=headers, timeout=TIMEOUT_S
        )
        response.raise_for_status()
        return response.json() if response.content else None


@dataclass(slots=True)
class _Known:
    users: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)


class Helpdesk(_Site):
    """A customer's Zendesk, its agent and its users."""

    def __init__(self, url: str, site: str) -> None:
        super().__init__(url)
        self.site = site
        self._known = _Known()

    def _login(self, who: str) -> tuple[str, str]:
        return f"{who}@{self.site}.example/token", "sandbox"

    def group(self, name: str) -> int:
        """The id of a group."""
        if not self._known.groups:
            listed = self._call("GET", "/api/v2/groups", login=self._login("admin"))["groups"]
            self._known.groups.update({one["name"]: one["id"] for one in listed})
        return self._known.groups[name]

    def user(self, who: str) -> int:
        """The id of a user by the name before the @."""
        if who not in self._known.users:
            me = self._call("GET", "/api/v2/users/me", login=self._login(who))["user"]
            self._known.users[who] = me["id"]
        return self._known.users[who]

    def file(self, summary: str, words: str, *, priority: str | None, group: str) -> str:
        """A user's problem, taken down by the agent and handed to a group. The ticket's id."""
        ticket = {
            "subject": summary,
            "comment": {"body": words},
            "requester_id": self.user("user"),
            "priority": priority,
            "group_id": self.group(group),
            "status": "new",
        }
        made = self._call("POST", "/api/v2/tickets", login=self._login("agent"), body={"ticket": ticket})
        return str(made["ticket"]["id"])

    def reply(self, ticket: str, words: str) -> None:
        """The user answers."""
        body = {"request": {"comment": {"body": words}}}
        self._call("PUT", f"/api/v2/requests/{ticket}", login=self._login("user"), body=body)

    def note(self, ticket: str, words: str) -> None:
        """The customer's agent leaves an internal note for colleagues."""
        self.change(ticket, comment={"body": words, "public": False})

    def change(self, ticket: str, **fields: Any) -> None:
        """The customer's agent changes fields."""
        self._call("PUT", f"/api/v2/tickets/{ticket}", login=self._login("agent"), body={"ticket": fields})

    def merge(self, ticket: str, *, into: str) -> None:
        """The agent merges a ticket into another one."""
        path = f"/api/v2/tickets/{into}/merge"
        self._call("POST", path, login=self._login("agent"), body={"ids": [int(ticket)]})

    def delete(self, ticket: str) -> None:
        """The agent deletes a ticket."""
        self._call("DELETE", f"/api/v2/tickets/{ticket}", login=self._login("agent"))

    def restore(self, ticket: str) -> None:
        """The agent takes a deletion back."""
        self._call("PUT", f"/api/v2/deleted_tickets/{ticket}/restore", login=self._login("agent"))

    def mark_as_spam(self, ticket: str) -> None:
        """The agent calls a ticket spam: it is deleted, and its requester suspended."""
        self._call("PUT", f"/api/v2/tickets/{ticket}/mark_as_spam", login=self._login("agent"))

    def follow_up(self, ticket: str, words: str) -> str:
        """The user answers a closed ticket: a new one that follows it. Its id."""
        asked = {"comment": {"body": words}, "via_followup_source_id": int(ticket), "requester_id": self.user("user")}
        made = self._call("POST", "/api/v2/tickets", login=self._login("agent"), body={"ticket": asked})
        return str(made["ticket"]["id"])

    def look(self, ticket: str) -> Case:
        """One ticket without what was said in it."""
        shown = self._call("GET", f"/api/v2/tickets/{ticket}", login=self._login("admin"))["ticket"]
        return Case(ticket, shown["subject"], self._fields(shown))

    def custom(self, ticket: str, title: str) -> Any:
        """What one of the account's own fields shows in a ticket."""
        shown = self._call("GET", f"/api/v2/tickets/{ticket}", login=self._login("agent"))["ticket"]
        return next(one["value"] for one in shown["custom_fields"] if one["id"] == self._field(title))

    def fill(self, ticket: str, title: str, value: Any) -> None:
        """The customer's agent fills one of the account's own fields."""
        self.change(ticket, custom_fields=[{"id": self._field(title), "value": value}])

    def _field(self, title: str) -> int:
        listed = self._call("GET", "/api/v2/ticket_fields", login=self._login("agent"))["ticket_fields"]
        return int(next(one["id"] for one in listed if one["title"] == title))

    def redact(self, ticket: str, part: str, words: str) -> None:
        """The customer's agent blacks words out of the comment that holds `part`."""
        path = f"/api/v2/tickets/{ticket}/comments/{self._comment(ticket, part)}/redact"
        self._call("PUT", path, login=self._login("agent"), body={"text": words})

    def hide(self, ticket: str, part: str) -> None:
        """The customer's agent makes the comment with these words private."""
        path = f"/api/v2/tickets/{ticket}/comments/{self._comment(ticket, part)}/make_private"
        self._call("PUT", path, login=self._login("agent"))

    def _comment(self, ticket: str, part: str) -> str:
        path = f"/api/v2/tickets/{ticket}/comments"
        listed = self._call("GET", path, login=self._login("admin"), query={"page[size]": 100})["comments"]
        return str(next(one["id"] for one in listed if part in one["plain_body"]))

    def cases(self) -> list[Case]:
        """Every ticket with everything said in it, as the account's admin sees it."""
        cases: list[Case] = []
        path = "/api/v2/tickets"
        query: dict[str, Any] | None = {"page[size]": 100}
        while path:
            page = self._call("GET", path, login=self._login("admin"), query=query)
            cases.extend(self._case(ticket) for ticket in page["tickets"])
            more = page.get("meta", {}).get("has_more")
            path, query = (page["links"]["next"].removeprefix(self.url), None) if more else ("", None)
        return cases

    def _case(self, ticket: Mapping[str, Any]) -> Case:
        ident = str(ticket["id"])
        query = {"page[size]": 100}
        page = self._call("GET", f"/api/v2/tickets/{ident}/comments", login=self._login("admin"), query=query)
        said = tuple(Said(ident, one["html_body"] or one["body"], one["public"]) for one in page["comments"])
        return Case(ident, ticket["subject"], self._fields(ticket), said)

    @staticmethod
    def _fields(ticket: Mapping[str, Any]) -> dict[str, Any]:
        return {name: ticket[name] for name in ("status", "priority", "tags", "group_id", "external_id")}


class Jira(_Site):
    """The vendor's Jira Cloud and its engineers."""

    def _login(self, who: str) -> tuple[str, str]:
        return f"{who}@vendor.example", "sandbox"

    def file(self, summary: str, words: str, *, project: str, kind: str = "Bug") -> str:
        """The engineer opens an issue. Its key."""
        text = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
        fields = {
            "project": {"key": project},
            "issuetype": {"name": kind},
            "summary": summary,
            "description": {"version": 1, "type": "doc", "content": [text]},
        }
        made = self._call("POST", "/rest/api/3/issue", login=self._login("engineer"), body={"fields": fields})
        return str(made["key"])

    def find(self, summary: str, *, project: str) -> str | None:
        """The key of the issue with this summary, None if there is none yet."""
        found = [case.ticket for case in self.cases(project, threads=False) if case.summary == summary]
        return found[0] if found else None

    def comment(self, key: str, words: str, *, who: str = "engineer") -> None:
        """Somebody writes a comment, a paragraph a line."""
        self._call("POST", f"/rest/api/3/issue/{key}/comment", login=self._login(who), body={"body": _adf(words)})

    def edit_comment(self, key: str, part: str, words: str, *, who: str = "engineer") -> None:
        """Somebody rewrites the comment with these words."""
        self._call("PUT", self._comment(key, part), login=self._login(who), body={"body": _adf(words)})

    def delete_comment(self, key: str, part: str) -> None:
        """The lead deletes the comment with these words."""
        self._call("DELETE", self._comment(key, part), login=self._login("lead"))

    def _comment(self, key: str, part: str) -> str:
        path = f"/rest/api/3/issue/{key}/comment"
        listed = self._call("GET", path, login=self._login("lead"))["comments"]
        ident = next(one["id"] for one in listed if part in _adf_words(one["body"]))
        return f"{path}/{ident}"

    def move(self, key: str, status: str, **fields: Any) -> None:
        """The engineer moves an issue to a status that is one transition away."""
        path = f"/rest/api/3/issue/{key}/transitions"
        listed = self._call("GET", path, login=self._login("engineer"))["transitions"]
        wanted = next(one["id"] for one in listed if one["to"]["name"] == status)
        body: dict[str, Any] = {"transition": {"id": wanted}}
        if fields:
            body["fields"] = fields
        self._call("POST", path, login=self._login("engineer"), body=body)

    def moves(self, key: str) -> list[str]:
        """The statuses that are one transition away."""
        path = f"/rest/api/3/issue/{key}/transitions"
        return [one["to"]["name"] for one in self._call("GET", path, login=self._login("engineer"))["transitions"]]

    def change(self, key: str, **fields: Any) -> None:
        """The engineer changes built-in fields, or choices of other fields by their names."""
        listed = self._call("GET", "/rest/api/3/field", login=self._login("engineer"))
        idents = {one["name"]: one["id"] for one in listed if one["custom"]}
        body = {
            "fields": {
                idents.get(name, name): {"value": value} if name in idents else value for name, value in fields.items()
            }
        }
        self._call("PUT", f"/rest/api/3/issue/{key}", login=self._login("engineer"), body=body)

    def clone(self, key: str, *, project: str) -> str:
        """The engineer clones an issue with its labels and properties. The clone's key."""
        path = f"/rest/api/3/issue/{key}"
        shown = self._call("GET", path, login=self._login("engineer"), query={"properties": "*all"})
        kept = {name: shown["fields"][name] for name in ("summary", "description", "labels")}
        fields = {"project": {"key": project}, "issuetype": {"name": "Bug"}, **kept}
        fields["summary"] = f"CLONE - {kept['summary']}"
        properties = [{"key": name, "value": value} for name, value in shown.get("properties", {}).items()]
        body = {"fields": fields, "properties": properties}
        return str(self._call("POST", "/rest/api/3/issue", login=self._login("engineer"), body=body)["key"])

    def close_as_duplicate(self, key: str, of: str) -> None:
        """The engineer says that an issue is a duplicate of another, and closes it as such."""
        ends = {"inwardIssue": {"key": key}, "outwardIssue": {"key": of}}
        body = {"type": {"name": "Duplicate"}, **ends}
        self._call("POST", "/rest/api/3/issueLink", login=self._login("engineer"), body=body)
        for status in ("Selected", "In Progress"):
            self.move(key, status)
        self.move(key, "Done", resolution={"name": "Duplicate"})

    def delete(self, key: str) -> None:
        """The lead deletes an issue."""
        self._call("DELETE", f"/rest/api/3/issue/{key}", login=self._login("lead"))

    def links(self, key: str) -> list[dict[str, Any]]:
        """The web links that the engineer sees beside an issue."""
        found: list[dict[str, Any]] = self._call(
            "GET", f"/rest/api/3/issue/{key}/remotelink", login=self._login("engineer")
        )
        return found

    def fill(self, key: str, name: str, words: str) -> None:
        """The engineer fills a rich text field."""
        listed = self._call("GET", "/rest/api/3/field", login=self._login("engineer"))
        ident = next(one["id"] for one in listed if one["name"] == name)
        text = {"type": "paragraph", "content": [{"type": "text", "text": words}]}
        body = {"fields": {ident: {"version": 1, "type": "doc", "content": [text]}}}
        self._call("PUT", f"/rest/api/3/issue/{key}", login=self._login("engineer"), body=body)

    def plan_version(self, key: str, name: str, *, project: str) -> str:
        """The lead makes a version and plans the issue's fix for it. The version's id."""
        version = self._call(
            "POST", "/rest/api/3/version", login=self._login("lead"), body={"name": name, "project": project}
        )
        body = {"fields": {"fixVersions": [{"id": version["id"]}]}}
        self._call("PUT", f"/rest/api/3/issue/{key}", login=self._login("lead"), body=body)
        return str(version["id"])

    def release(self, version: str) -> None:
        """The lead releases a version."""
        self._call("PUT", f"/rest/api/3/version/{version}", login=self._login("lead"), body={"released": True})

    def cases(self, project: str, *, threads: bool = True) -> list[Case]:
        """Every issue of a project with everything said in it."""
        listed = self._call("GET", "/rest/api/3/field", login=self._login("lead"))
        names = {one["id"]: one["name"] for one in listed}
        severity = next((ident for ident, name in names.items() if name == "Severity"), "Severity")
        wanted = ["summary", "status", "resolution", "priority", "labels", "description", severity]
        query: dict[str, Any] = {
            "jql": f"project = {project} ORDER BY key ASC",
            "maxResults": 100,
            "fields": ",".join([*wanted, *(["comment"] if threads else [])]),
        }
        cases: list[Case] = []
        while True:
            page = self._call("GET", "/rest/api/3/search/jql", login=self._login("lead"), query=query)
            cases.extend(self._case(issue, severity) for issue in page["issues"])
            if not page.get("nextPageToken"):
                return cases
            query = {**query, "nextPageToken": page["nextPageToken"]}

    @staticmethod
    def _case(issue: Mapping[str, Any], severity: str) -> Case:
        fields = issue["fields"]
        shown = {
            "status": fields["status"]["name"],
            "resolution": (fields.get("resolution") or {}).get("name"),
            "Severity": (fields.get(severity) or {}).get("value"),
            "labels": fields["labels"],
        }
        bodies = [fields["description"], *(one["body"] for one in (fields.get("comment") or {}).get("comments", ()))]
        said = tuple(Said(issue["key"], _adf_words(body), False) for body in bodies if body)
        return Case(issue["key"], fields["summary"], shown, said)


class GitHub(_Site):
    """The vendor's repository and its engineers."""

    def __init__(self, url: str, repository: str) -> None:
        super().__init__(url)
        self.repository = repository

    def _login(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer sandbox:{who}"}

    def file(self, summary: str, words: str, **fields: Any) -> str:
        """The engineer opens an issue. Its number."""
        path = f"/repos/{self.repository}/issues"
        made = self._call("POST", path, login=self._login("engineer"), body={"title": summary, "body": words, **fields})
        return str(made["number"])

    def find(self, summary: str) -> str | None:
        """The number of the issue with this title, None if there is none yet."""
        return next((case.ticket for case in self.cases(threads=False) if case.summary == summary), None)

    def comment(self, number: str, words: str, *, who: str = "engineer") -> None:
        """Somebody writes a comment."""
        path = f"/repos/{self.repository}/issues/{number}/comments"
        self._call("POST", path, login=self._login(who), body={"body": words})

    def delete_comment(self, number: str, part: str) -> None:
        """The engineer deletes the comment with these words."""
        self._call("DELETE", self._comment(number, part), login=self._login("engineer"))

    def edit_comment(self, number: str, part: str, words: str, *, who: str = "engineer") -> None:
        """Somebody rewrites the comment with these words."""
        self._call("PATCH", self._comment(number, part), login=self._login(who), body={"body": words})

    def _comment(self, number: str, part: str) -> str:
        listed = self._pages(f"/repos/{self.repository}/issues/{number}/comments")
        ident = next(one["id"] for one in listed if part in one["body"])
        return f"/repos/{self.repository}/issues/comments/{ident}"

    def change(self, number: str, **fields: Any) -> None:
        """The engineer changes the issue."""
        path = f"/repos/{self.repository}/issues/{number}"
        self._call("PATCH", path, login=self._login("engineer"), body=fields)

    def cases(self, *, threads: bool = True) -> list[Case]:
        """Every issue with everything said in it."""
        issues = self._pages(f"/repos/{self.repository}/issues", state="all", sort="created", direction="asc")
        said: dict[str, list[str]] = {str(one["number"]): [one["body"] or ""] for one in issues}
        for one in self._pages(f"/repos/{self.repository}/issues/comments") if threads else ():
            said[one["issue_url"].rsplit("/", 1)[1]].append(one["body"])
        return [self._case(issue, said[str(issue["number"])]) for issue in issues if "pull_request" not in issue]

    def _pages(self, path: str, **query: Any) -> list[Any]:
        found: list[Any] = []
        page = 1
        while True:
            part = self._call("GET", path, login=self._login("lead"), query={**query, "per_page": 100, "page": page})
            found.extend(part)
            if len(part) < 100:
                return found
            page += 1

    @staticmethod
    def _case(issue: Mapping[str, Any], texts: list[str]) -> Case:
        number = str(issue["number"])
        shown = {
            "state": issue["state"],
            "state_reason": issue["state_reason"],
            "labels": sorted(label["name"] for label in issue["labels"]),
        }
        return Case(number, issue["title"], shown, tuple(Said(number, words, False) for words in texts))


def _adf(words: str) -> dict[str, Any]:
    """Plain words as a rich text body, a paragraph a line."""
    lines = [{"type": "paragraph", "content": [{"type": "text", "text": line}]} for line in words.split("\n")]
    return {"version": 1, "type": "doc", "content": lines}


def _adf_words(node: Any) -> str:
    """All words of a rich text body, links included."""
    if isinstance(node, str):
        return node
    if isinstance(node, list):
        return " ".join(_adf_words(part) for part in node)
    if not isinstance(node, dict):
        return ""
    return " ".join(
        _adf_words(node[name]) for name in ("text", "content", "attrs", "marks", "href", "url") if name in node
    )
