"""Issues: create, read, edit, delete, fetch in bulk, with their history and properties."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal, shown_time
from bridge.sandbox.jira.edits import JiraEdits
from bridge.sandbox.site import Refusal, Reply

HISTORY_IN_ISSUE = 100
"""How many of the newest history entries come with an issue."""


def wanted_fields(names: Iterable[str], *, default: str = "*all") -> frozenset[str] | None:
    """The field ids that a `fields` parameter asks for; None is all (also when some are taken away by `-name`)."""
    listed = [name.strip() for entry in names for name in entry.split(",") if name.strip()] or [default]
    if "*all" in listed or "*navigable" in listed:
        return None
    return frozenset(name for name in listed if not name.startswith("-"))


class JiraIssues(JiraEdits):
    """`/issue` without its comments, transitions and files."""

    def show_issue(
        self,
        issue: Json,
        wanted: frozenset[str] | None,
        *,
        expand: Iterable[str] = (),
        properties: Iterable[str] = (),
    ) -> Json:
        """An issue as Jira shows it."""
        shown: Json = {
            "expand": "operations,editmeta,changelog,transitions,renderedFields,names,schema",
            "id": issue["id"],
            "self": f"{self.root}/issue/{issue['id']}",
            "key": issue["key"],
        }
        if wanted != frozenset(("id",)) and wanted != frozenset(("key",)) and wanted != frozenset(("id", "key")):
            shown["fields"] = self.show_fields(issue, wanted)
        asked = [name for name in properties if name]
        if asked:
            everything = "*all" in asked
            kept = issue["properties"]
            shown["properties"] = {name: kept[name] for name in kept if everything or name in asked}
        if "changelog" in expand:
            newest = list(reversed(issue["history"]))[:HISTORY_IN_ISSUE]
            shown["changelog"] = {
                "startAt": 0,
                "maxResults": len(newest),
                "total": len(issue["history"]),
                "histories": [self.show_history(entry) for entry in newest],
            }
        return shown

    def show_history(self, entry: Json) -> Json:
        """One history entry."""
        return {
            "id": entry["id"],
            "author": self.show_user(entry["author"]),
            "created": shown_time(entry["created"]),
            "items": entry["items"],
        }

    def make_issue(self, body: Json, actor: str) -> Json:
        """Check a create body and make the issue. Raises Refusal(400)."""
        fields = body.get("fields") or {}
        project = self._project_of(fields)
        kind = fields.get("issuetype")
        if kind is None:
            raise refusal(400, issuetype="Specify an issue type")
        rest = {**body, "fields": {name: value for name, value in fields.items() if name != "project"}}
        values, comments = self.read_edit(rest, project["key"], {}, lambda ident: self.on_screen(ident, creating=True))
        properties = self._read_properties(body)
        if not values.get("summary"):
            raise refusal(400, summary="You must specify a summary of the issue.")
        now = self.stamp()
        project["last"] += 1
        issue: Json = {
            "id": self.next_id("issue"),
            "key": f"{project['key']}-{project['last']}",
            "project": project["key"],
            "fields": {"priority": "3", "labels": [], "reporter": actor, "status": next(iter(self.data["statuses"]))},
            "created": now,
            "updated": now,
            "creator": actor,
            "history": [],
            "comments": [],
            "properties": properties,
            "links": {},
            "worklogs": [],
            "attachments": [],
        }
        issue["fields"].update(values)
        self.data["issues"][issue["id"]] = issue
        self.data["keys"][issue["key"]] = issue["id"]
        self.index(issue)
        self.announce("jira:issue_created", issue, actor=actor, issue_event_type_name="issue_created")
        for comment in comments:
            self.write_comment(issue, comment, actor)
        return issue

    def move_issue(self, key: str, project: str, *, actor: str = "") -> str:
        """Move an issue to another project, as people do in the browser: its id stands, it gets a new key there, and the
        old key leads to it. Back in a project it once was in, it gets its former key. Answers with the key it has now."""
        issue, there = self.find_issue(key), self.find_project(project)
        who = actor or next(iter(self.data["users"]))
        known = [name for name, ident in self.data["keys"].items() if ident == issue["id"]]
        back = [name for name in known if name.startswith(f"{there['key']}-")]
        if not back:
            there["last"] += 1
        old, issue["key"] = issue["key"], back[0] if back else f"{there['key']}-{there['last']}"
        former, issue["project"] = issue["project"], there["key"]
        self.data["keys"][issue["key"]] = issue["id"]
        moves = (("Key", old, issue["key"]), ("project", former, there["key"]))
        items = [
            {"field": name, "fieldtype": "jira", "from": was, "fromString": was, "to": now, "toString": now}
            for name, was, now in moves
        ]
        self.record(issue, who, items)
        self.index(issue)
        self.announce("jira:issue_updated", issue, actor=who, issue_event_type_name="issue_moved")
        return str(issue["key"])

    def write_comment(self, issue: Json, body: Json, actor: str) -> Json:
        """Check and add a comment; the part that keeps comments does it."""
        raise NotImplementedError

    def _project_of(self, fields: Mapping[str, Any]) -> Json:
        asked = fields.get("project")
        if not isinstance(asked, dict) or not ({"id", "key"} & set(asked)):
            raise refusal(400, project="Specify a valid project ID or key")
        try:
            return self.find_project(str(asked.get("id") or asked.get("key")))
        except Refusal as error:
            raise refusal(400, project="valid project is required") from error

    def _read_properties(self, body: Json) -> Json:
        given = body.get("properties") or []
        if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("key") for one in given):
            raise refusal(400, "Each property needs a key and a value.")
        return {one["key"]: one.get("value") for one in given}

    @api("POST", "/issue")
    def create_issue(self, request: Request, actor: str) -> Reply:
        """Create one issue."""
        return Reply(201, self._created(self.make_issue(self.read_body(request), actor)))

    def _created(self, issue: Json) -> Json:
        return {"id": issue["id"], "key": issue["key"], "self": f"{self.root}/issue/{issue['id']}"}

    @api("POST", "/issue/bulk")
    def create_issues(self, request: Request, actor: str) -> Reply:
        """Create up to 50 issues; each in the wrong is reported, the others are made."""
        updates = self.read_body(request).get("issueUpdates")
        if not isinstance(updates, list) or not 0 < len(updates) <= 50:
            raise refusal(400, "The number of issues to create must be between 1 and 50.")
        made, errors = [], []
        for place, body in enumerate(updates):
            try:
                made.append(self._created(self.make_issue(body, actor)))
            except Refusal as error:
                errors.append({"status": 400, "elementErrors": error.reply.body, "failedElementNumber": place})
        return Reply(201 if made else 400, {"issues": made, "errors": errors})

    @api("GET", "/issue/<issue>")
    def get_issue(self, request: Request, actor: str, issue: str) -> Json:
        """One issue."""
        return self.show_issue(
            self.find_issue(issue),
            wanted_fields(request.args.getlist("fields")),
            expand=request.args.get("expand", "").split(","),
            properties=",".join(request.args.getlist("properties")).split(","),
        )

    @api("PUT", "/issue/<issue>")
    def edit_issue(self, request: Request, actor: str, issue: str) -> Reply:
        """Edit fields."""
        found = self.find_issue(issue)
        body = self.read_body(request)
        if not (body.get("fields") or body.get("update") or body.get("properties")):
            raise refusal(400, "one of 'fields' or 'update' required")
        values, comments = self.read_edit(
            body, found["project"], found["fields"], lambda ident: self.on_screen(ident, creating=False)
        )
        found["properties"].update(self._read_properties(body))
        if values:
            items = self.apply(found, values, actor)
            self.announce("jira:issue_updated", found, actor=actor, items=items)
        for comment in comments:
            self.write_comment(found, comment, actor)
        if request.args.get("returnIssue") == "true":
            return Reply(200, self.show_issue(found, None, expand=request.args.get("expand", "").split(",")))
        return Reply(204)

    @api("DELETE", "/issue/<issue>")
    def delete_issue(self, request: Request, actor: str, issue: str) -> Reply:
        """Delete an issue and all that hangs on it. Its number is never used again."""
        found = self.find_issue(issue)
        self.index(found, deleted=True)
        self.announce("jira:issue_deleted", found, actor=actor)
        del self.data["issues"][found["id"]]
        self.data["keys"] = {key: ident for key, ident in self.data["keys"].items() if ident != found["id"]}
        for comment in found["comments"]:
            self.data["comments"].pop(comment, None)
        if found.get("indexed"):
            self.data.setdefault("deleted", {})[found["id"]] = {"indexed": found["indexed"]}
        return Reply(204)

    @api("POST", "/issue/bulkfetch", reads=True)
    def fetch_issues(self, request: Request, actor: str) -> Json:
        """Up to 100 issues by id or key. What does not exist is left out; `issueErrors` names what could not be read
        just now (the setting `unfetchable`)."""
        if not self.cloud:
            raise Refusal(405, {"errorMessages": ["Method Not Allowed"], "errors": {}})
        body = self.read_body(request)
        asked = body.get("issueIdsOrKeys")
        if not isinstance(asked, list) or not asked or not all(isinstance(one, str) for one in asked):
            raise refusal(400, "issueIdsOrKeys must be a list of issue ids or keys.")
        if len(asked) > 100:
            raise refusal(400, "Too many issues requested. The maximum is 100.")
        if len(body.get("properties") or ()) > 5:
            raise refusal(400, "Too many properties requested. The maximum is 5.")
        wanted = wanted_fields(body.get("fields") or (), default="*navigable")
        expand, properties = body.get("expand") or (), body.get("properties") or ()
        issues, errors = {}, []
        for one in asked:
            try:
                found = self.find_issue(one)
            except Refusal:
                continue
            if found["id"] in self.settings.get("unfetchable", ()):
                errors.append({"id": found["id"], "errorMessage": "The issue could not be loaded. Try again."})
            elif found["id"] not in issues:
                issues[found["id"]] = self.show_issue(found, wanted, expand=expand, properties=properties)
        return {"expand": "schema,names", "issues": list(issues.values()), "issueErrors": errors}

    @api("GET", "/issue/<issue>/changelog")
    def get_history(self, request: Request, actor: str, issue: str) -> Json:
        """One page of an issue's history, oldest first. Data Center shows it only with `expand=changelog`."""
        if not self.cloud:
            raise Refusal(404, self.not_found().body)
        history = self.find_issue(issue)["history"]
        start, size = self.page(request)
        values = [self.show_history(entry) for entry in history[start : start + size]]
        return {
            "self": f"{self.root}/issue/{issue}/changelog",
            "startAt": start,
            "maxResults": size,
            "total": len(history),
            "isLast": start + size >= len(history),
            "values": values,
        }

    @api("GET", "/issue/<issue>/properties")
    def list_properties(self, request: Request, actor: str, issue: str) -> Json:
        """The keys of an issue's properties."""
        found = self.find_issue(issue)
        where = f"{self.root}/issue/{found['id']}/properties"
        return {"keys": [{"self": f"{where}/{name}", "key": name} for name in found["properties"]]}

    @api("GET", "/issue/<issue>/properties/<name>")
    def get_property(self, request: Request, actor: str, issue: str, name: str) -> Json:
        """One property of an issue."""
        return read_property(self.find_issue(issue)["properties"], name)

    @api("PUT", "/issue/<issue>/properties/<name>")
    def set_property(self, request: Request, actor: str, issue: str, name: str) -> Reply:
        """Set one property. It is no change of the issue: `updated` stays."""
        return write_property(self.find_issue(issue)["properties"], name, request)

    @api("DELETE", "/issue/<issue>/properties/<name>")
    def delete_property(self, request: Request, actor: str, issue: str, name: str) -> Reply:
        """Take one property away."""
        return drop_property(self.find_issue(issue)["properties"], name)


def read_property(properties: Json, name: str) -> Json:
    """A property of anything, or Refusal(404)."""
    if name not in properties:
        raise refusal(404, f"The property with key '{name}' does not exist.")
    return {"key": name, "value": properties[name]}


def write_property(properties: Json, name: str, request: Request) -> Reply:
    """Set a property to the request's JSON: 201 when it is new, else 200."""
    value = request.get_json(force=True, silent=True)
    if value is None:
        raise refusal(400, "The value of a property must be valid, non-empty JSON.")
    if len(request.get_data()) > 32_768:
        raise refusal(400, "The property value may not be longer than 32768 characters.")
    new = name not in properties
    properties[name] = value
    return Reply(201 if new else 200)


def drop_property(properties: Json, name: str) -> Reply:
    """Take a property away, or Refusal(404)."""
    read_property(properties, name)
    del properties[name]
    return Reply(204)
