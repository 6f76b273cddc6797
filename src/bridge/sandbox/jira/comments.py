"""Comments with visibility and properties."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal, shown_time
from bridge.sandbox.jira.documents import TEXT_LIMIT, is_document, words
from bridge.sandbox.jira.issues import JiraIssues, drop_property, read_property, write_property
from bridge.sandbox.site import Refusal, Reply

IN_ISSUE = 100
"""How many comments come with an issue; the rest are read from their own list (setting `comments_in_issue`)."""


class JiraComments(JiraIssues):
    """`/issue/{issue}/comment`, `/comment/list` and comment properties.

    A comment is kept in `data["comments"]` by id: `{"id", "issue", "body", "author", "editor", "created", "updated",
    "visibility", "properties"}`; its issue lists the ids in order.
    """

    def show_comment(self, comment: Json, *, properties: bool = False) -> Json:
        """A comment as Jira shows it. `jsdPublic` is false for a service desk's internal comment."""
        internal = comment["properties"].get("sd.public.comment", {}).get("internal") is True
        shown = {
            "self": f"{self.root}/issue/{comment['issue']}/comment/{comment['id']}",
            "id": comment["id"],
            "author": self.show_user(comment["author"]),
            "body": comment["body"],
            "updateAuthor": self.show_user(comment["editor"]),
            "created": shown_time(comment["created"]),
            "updated": shown_time(comment["updated"]),
        }
        if self.cloud:
            shown["jsdPublic"] = not internal
        if comment["visibility"]:
            shown["visibility"] = comment["visibility"]
        if properties:
            shown["properties"] = [{"key": name, "value": value} for name, value in comment["properties"].items()]
        return shown

    def show_made_list(self, issue: Json, ident: str) -> Any:
        if ident != "comment":
            return super().show_made_list(issue, ident)
        most = int(self.settings.get("comments_in_issue", IN_ISSUE))
        listed = [self.show_comment(self.data["comments"][one]) for one in issue["comments"] if self._exists(one)]
        return {
            "self": f"{self.root}/issue/{issue['id']}/comment",
            "comments": listed[:most],
            "maxResults": most,
            "total": len(listed),
            "startAt": 0,
        }

    def _exists(self, ident: str) -> bool:
        return ident in self.data["comments"]

    def write_comment(self, issue: Json, body: Json, actor: str) -> Json:
        self._check_body(body.get("body"))
        properties = {one["key"]: one.get("value") for one in self._given_properties(body)}
        now = max(self.stamp(), issue["updated"] + 1)
        comment: Json = {
            "id": self.next_id("comment"),
            "issue": issue["id"],
            "body": body["body"],
            "author": actor,
            "editor": actor,
            "created": now,
            "updated": now,
            "visibility": self._visibility(body),
            "properties": properties,
        }
        self.data["comments"][comment["id"]] = comment
        issue["comments"].append(comment["id"])
        self.record(issue, actor, ())
        self.announce("comment_created", issue, actor=actor, comment=comment)
        return comment

    def _check_body(self, body: Any) -> None:
        if self.cloud and not is_document(body):
            raise refusal(400, "INVALID_INPUT", comment="Comment body is not valid!")
        if not self.cloud and not isinstance(body, str):
            raise refusal(400, comment="Comment body must be a string!")
        if not words(body).strip() and not (isinstance(body, dict) and body["content"]):
            raise refusal(400, comment="Comment body can not be empty!")
        if len(words(body)) > TEXT_LIMIT:
            raise refusal(
                400, comment="The entered text is too long. It exceeds the allowed limit of 32,767 characters."
            )

    def _given_properties(self, body: Json) -> list[Json]:
        given = body.get("properties") or []
        if not isinstance(given, list) or not all(isinstance(one, dict) and one.get("key") for one in given):
            raise refusal(400, "Each property needs a key and a value.")
        return given

    def _visibility(self, body: Json) -> Json | None:
        given = body.get("visibility")
        if given is None:
            return None
        if not isinstance(given, dict) or given.get("type") not in ("role", "group") or not given.get("value"):
            raise refusal(400, commentLevel="Comment visibility needs a type (role or group) and a value.")
        return {name: given[name] for name in ("type", "value", "identifier") if name in given}

    def find_comment(self, issue: Json, ident: str) -> Json:
        """A comment of this issue. Raises Refusal(404)."""
        comment = self.data["comments"].get(ident)
        if comment is None or comment["issue"] != issue["id"]:
            raise refusal(404, f"Can not find a comment for the id: {ident}.")
        return comment  # type: ignore[no-any-return]

    @api("POST", "/issue/<issue>/comment")
    def add_comment(self, request: Request, actor: str, issue: str) -> Reply:
        """Add a comment."""
        found = self.find_issue(issue)
        return Reply(201, self.show_comment(self.write_comment(found, self.read_body(request), actor)))

    @api("GET", "/issue/<issue>/comment")
    def list_comments(self, request: Request, actor: str, issue: str) -> Json:
        """One page of an issue's comments, oldest first unless `orderBy=-created`."""
        listed = [self.data["comments"][one] for one in self.find_issue(issue)["comments"]]
        order = request.args.get("orderBy", "created")
        if order not in ("created", "+created", "-created"):
            raise refusal(400, f"Unable to order by '{order}'.")
        if order == "-created":
            listed = listed[::-1]
        start, size = self.page(request, most=5000)
        properties = self._expands_properties(request)
        page = [self.show_comment(one, properties=properties) for one in listed[start : start + size]]
        return {"startAt": start, "maxResults": size, "total": len(listed), "comments": page}

    @api("POST", "/comment/list", reads=True)
    def list_by_id(self, request: Request, actor: str) -> Json:
        """Up to 1,000 comments by id, with properties when expanded. Cloud only."""
        if not self.cloud:
            raise Refusal(404, self.not_found().body)
        ids = self.read_body(request).get("ids")
        if not isinstance(ids, list) or not all(isinstance(one, int) for one in ids) or len(ids) > 1000:
            raise refusal(400, "ids must be a list of at most 1000 comment ids.")
        properties = "properties" in request.args.get("expand", "").split(",")
        known = self.data["comments"]
        values = [self.show_comment(known[str(one)], properties=properties) for one in ids if str(one) in known]
        return {"startAt": 0, "maxResults": 1000, "total": len(values), "isLast": True, "values": values}

    @api("GET", "/issue/<issue>/comment/<ident>")
    def get_comment(self, request: Request, actor: str, issue: str, ident: str) -> Json:
        """One comment."""
        comment = self.find_comment(self.find_issue(issue), ident)
        return self.show_comment(comment, properties=self._expands_properties(request))

    def _expands_properties(self, request: Request) -> bool:
        # Cloud shows properties only in the list by ids.
        return not self.cloud and "properties" in request.args.get("expand", "").split(",")

    @api("PUT", "/issue/<issue>/comment/<ident>")
    def edit_comment(self, request: Request, actor: str, issue: str, ident: str) -> Json:
        """Edit a comment."""
        found = self.find_issue(issue)
        comment = self.find_comment(found, ident)
        body = self.read_body(request)
        self._check_body(body.get("body"))
        visibility, properties = self._visibility(body), self._given_properties(body)
        self.record(found, actor, ())
        comment.update(body=body["body"], editor=actor, updated=found["updated"])
        if "visibility" in body:
            comment["visibility"] = visibility
        comment["properties"].update({one["key"]: one.get("value") for one in properties})
        self.announce("comment_updated", found, actor=actor, comment=comment)
        return self.show_comment(comment)

    @api("DELETE", "/issue/<issue>/comment/<ident>")
    def delete_comment(self, request: Request, actor: str, issue: str, ident: str) -> Reply:
        """Delete a comment."""
        found = self.find_issue(issue)
        comment = self.find_comment(found, ident)
        del self.data["comments"][ident]
        found["comments"].remove(ident)
        self.record(found, actor, ())
        self.announce("comment_deleted", found, actor=actor, comment=comment)
        return Reply(204)

    def _comment_properties(self, ident: str) -> Json:
        if ident not in self.data["comments"]:
            raise refusal(404, f"Can not find a comment for the id: {ident}.")
        return self.data["comments"][ident]["properties"]  # type: ignore[no-any-return]

    @api("GET", "/comment/<ident>/properties")
    def list_comment_properties(self, request: Request, actor: str, ident: str) -> Json:
        """The keys of a comment's properties."""
        where = f"{self.root}/comment/{ident}/properties"
        return {"keys": [{"self": f"{where}/{name}", "key": name} for name in self._comment_properties(ident)]}

    @api("GET", "/comment/<ident>/properties/<name>")
    def get_comment_property(self, request: Request, actor: str, ident: str, name: str) -> Json:
        """One property of a comment."""
        return read_property(self._comment_properties(ident), name)

    @api("PUT", "/comment/<ident>/properties/<name>")
    def set_comment_property(self, request: Request, actor: str, ident: str, name: str) -> Reply:
        """Set one property of a comment."""
        return write_property(self._comment_properties(ident), name, request)

    @api("DELETE", "/comment/<ident>/properties/<name>")
    def delete_comment_property(self, request: Request, actor: str, ident: str, name: str) -> Reply:
        """Take one property of a comment away."""
        return drop_property(self._comment_properties(ident), name)
