"""Search: `/search/jql` with page tokens (Cloud) and the classic `/search` (Data Center), both behind an index."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.comments import JiraComments
from bridge.sandbox.jira.core import Json, api, refusal
from bridge.sandbox.jira.issues import wanted_fields
from bridge.sandbox.jira.jql import JqlError, Query, parse
from bridge.sandbox.jira.jql_match import Row, Setting, select
from bridge.sandbox.site import Refusal

LIGHT = frozenset({"id", "key", "updated"})
"""Fields of which Cloud returns up to 5,000 rows a page; with any other it returns at most 100."""


class JiraSearch(JiraComments):
    """Finds issues by JQL as they stood when the index last saw them."""

    def search(self, query: Query, actor: str, *, strict: bool = True, fresh: Iterable[str] = ()) -> list[Json]:
        """The issues that answer a query. `strict` refuses values that do not exist; `fresh` names issue ids that are
        looked at as they are now. Raises Refusal(400)."""
        fresh_ids = set(fresh)
        seen = {str(issue["id"]): issue for issue in self._indexed(fresh_ids)}
        setting = Setting(self.world.now(), self.data["users"][actor]["timeZone"], self._is_known if strict else None)
        try:
            rows = select(query, [self._row(issue) for issue in seen.values()], setting)
        except JqlError as error:
            raise refusal(400, str(error)) from error
        return [seen[row["id"][0]] for row in rows]

    def _indexed(self, fresh: set[str]) -> Iterator[Json]:
        due = self.stamp() - float(self.settings.get("index_lag_s", 0)) * 1000
        for issue in self.data["issues"].values():
            copies = issue.get("indexed") or ()
            if not copies or issue["id"] in fresh:
                yield issue
                continue
            visible = [entry for entry in copies if entry["at"] <= due]
            if visible:
                yield visible[-1]["issue"]
        for ident, gone in self.data.get("deleted", {}).items():
            visible = [entry for entry in gone["indexed"] if entry["at"] <= due]
            if visible and not visible[-1]["deleted"] and ident not in fresh:
                yield visible[-1]["issue"]

    def _row(self, issue: Json) -> Row:
        fields, data = issue["fields"], self.data
        status = data["statuses"][fields["status"]]
        versions = [data["versions"][one] for one in fields.get("fixVersions") or () if one in data["versions"]]
        return {
            "id": (issue["id"],),
            "key": (issue["key"].lower(),),
            "project": (
                issue["project"].lower(),
                data["projects"][issue["project"]]["id"],
                data["projects"][issue["project"]]["name"].lower(),
            ),
            "status": (status["name"].lower(), status["id"]),
            "labels": tuple(label.lower() for label in fields.get("labels") or ()),
            "fixVersion": tuple(word for one in versions for word in (one["name"].lower(), one["id"])),
            "updated": datetime.fromtimestamp(issue["updated"] / 1000, UTC),
            "created": datetime.fromtimestamp(issue["created"] / 1000, UTC),
        }

    def _is_known(self, field: str, value: str) -> bool:
        data, lower = self.data, value.lower()
        if field == "key":
            return value.upper() in data["keys"]
        if field == "id":
            return value in data["issues"]
        if field == "labels":
            return True
        kind = {"project": "projects", "status": "statuses", "fixVersion": "versions"}[field]
        return any(
            lower in (one["id"], one["name"].lower(), str(one.get("key")).lower()) for one in data[kind].values()
        )

    @api("GET", "/search/jql")
    def get_search_jql(self, request: Request, actor: str) -> Json:
        """Search with page tokens."""
        args = request.args
        body: Json = {
            "jql": args.get("jql", ""),
            "nextPageToken": args.get("nextPageToken"),
            "maxResults": args.get("maxResults", 50),
            "fields": ",".join(args.getlist("fields")).split(","),
            "expand": args.get("expand", ""),
            "properties": ",".join(args.getlist("properties")).split(","),
            "reconcileIssues": ",".join(args.getlist("reconcileIssues")).split(","),
        }
        return self._search_jql(body, actor)

    @api("POST", "/search/jql", reads=True)
    def post_search_jql(self, request: Request, actor: str) -> Json:
        """Search with page tokens."""
        body = self.read_body(request)
        if not isinstance(body.get("expand", ""), str):
            raise refusal(400, "Invalid request payload. Refer to the REST API documentation and try again.")
        return self._search_jql(body, actor)

    def _search_jql(self, body: Json, actor: str) -> Json:
        if not self.cloud:
            raise Refusal(404, self.not_found().body)
        query = _parsed(str(body.get("jql") or ""))
        if query.where is None:
            raise refusal(
                400, "Unbounded JQL queries are not allowed here. Please add a search restriction to your query."
            )
        fresh = [str(one) for one in body.get("reconcileIssues") or () if str(one)]
        if len(fresh) > 50:
            raise refusal(400, "The maximum number of issues to reconcile is 50.")
        names = [name for name in body.get("fields") or () if name]
        wanted = wanted_fields(names, default="id")
        most = 5000 if wanted is not None and wanted <= LIGHT else 100
        size = max(1, min(_whole(body.get("maxResults", 50), "maxResults"), most))
        start = _read_token(body.get("nextPageToken"), str(body["jql"]))
        found = self.search(query, actor, fresh=fresh)
        expand = str(body.get("expand") or "").split(",")
        properties = [name for name in body.get("properties") or () if name]
        shown = [
            self.show_issue(issue, wanted, expand=expand, properties=properties)
            for issue in found[start : start + size]
        ]
        if start + size >= len(found):
            return {"issues": shown, "isLast": True}
        return {"issues": shown, "isLast": False, "nextPageToken": _write_token(start + size, str(body["jql"]))}

    @api("GET", "/search")
    def get_search(self, request: Request, actor: str) -> Json:
        """The classic search."""
        args = request.args
        names = ("jql", "startAt", "maxResults", "expand", "validateQuery")
        body: Json = {name: args[name] for name in names if name in args}
        body["fields"] = [name for entry in args.getlist("fields") for name in entry.split(",") if name]
        body["properties"] = [name for entry in args.getlist("properties") for name in entry.split(",") if name]
        return self._search_classic(body, actor)

    @api("POST", "/search", reads=True)
    def post_search(self, request: Request, actor: str) -> Json:
        """The classic search."""
        return self._search_classic(self.read_body(request), actor)

    def _search_classic(self, body: Json, actor: str) -> Json:
        if self.cloud:
            message = "The requested API has been removed. Please migrate to the /rest/api/3/search/jql API."
            raise Refusal(410, {"errorMessages": [message], "errors": {}})
        strict = str(body.get("validateQuery", True)).lower() not in ("false", "none", "warn")
        found = self.search(_parsed(str(body.get("jql") or "")), actor, strict=strict)
        start = max(0, _whole(body.get("startAt", 0), "startAt"))
        size = max(0, min(_whole(body.get("maxResults", 50), "maxResults"), 1000))
        expand = body.get("expand") or ()
        names = expand.split(",") if isinstance(expand, str) else list(expand)
        wanted = wanted_fields(body.get("fields") or (), default="*navigable")
        return {
            "expand": "schema,names",
            "startAt": start,
            "maxResults": size,
            "total": len(found),
            "issues": [
                self.show_issue(issue, wanted, expand=names, properties=body.get("properties") or ())
                for issue in found[start : start + size]
            ],
        }


def _parsed(jql: str) -> Query:
    try:
        return parse(jql)
    except JqlError as error:
        raise refusal(400, str(error)) from error


def _whole(value: Any, name: str) -> int:
    try:
        return int(value)
    except (TypeError, ValueError) as error:
        raise refusal(400, f"{name} must be a whole number.") from error


def _write_token(start: int, jql: str) -> str:
    """A page token: where the next page starts, bound to its query."""
    said = json.dumps([start, hashlib.sha256(jql.encode()).hexdigest()[:12]])
    return base64.urlsafe_b64encode(said.encode()).decode()


def _read_token(token: Any, jql: str) -> int:
    if not token:
        return 0
    try:
        start, digest = json.loads(base64.urlsafe_b64decode(str(token)))
    except ValueError as error:
        raise refusal(400, "The provided next page token is invalid or expired.") from error
    if digest != hashlib.sha256(jql.encode()).hexdigest()[:12]:
        raise refusal(400, "The provided next page token does not belong to this query.")
    return int(start)
