"""What hangs on an issue besides comments: attachments, worklogs, remote links, and who it is assigned to."""

from __future__ import annotations

import re
from hashlib import sha256
from typing import Any
from uuid import UUID

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal, shown_time
from bridge.sandbox.jira.fields import FieldProblem
from bridge.sandbox.jira.linking import JiraLinking
from bridge.sandbox.site import CONTENT, Refusal, Reply, route

SIZE_LIMIT = 10 * 1024 * 1024
_SECONDS = {"w": 144_000, "d": 28_800, "h": 3600, "m": 60}


class JiraFiles(JiraLinking):
    """Attachments, worklogs and remote links. Settings: `upload_limit` (bytes a file may have), `denied_permissions`
    (with LINK_ISSUES no remote link is written).

    On Cloud a file's bytes lie at the content host, under the id by which rich texts show it (`media`).
    """

    def show_attachment(self, one: Json) -> Json:
        """An attachment without its bytes."""
        content = (
            f"{self.root}/attachment/content/{one['id']}"
            if self.cloud
            else f"{self.url}/secure/attachment/{one['id']}/{one['filename']}"
        )
        return {
            "self": f"{self.root}/attachment/{one['id']}",
            "id": one["id"],
            "filename": one["filename"],
            "author": self.show_user(one["author"]),
            "created": shown_time(one["created"]),
            "size": one["size"],
            "mimeType": one["mimeType"],
            "content": content,
        }

    def show_made_list(self, issue: Json, ident: str) -> Any:
        if ident == "attachment":
            return [self.show_attachment(self.data["attachments"][one]) for one in issue["attachments"]]
        if ident == "worklog":
            shown = [self._show_worklog(issue, one) for one in issue["worklogs"][:20]]
            return {"startAt": 0, "maxResults": 20, "total": len(issue["worklogs"]), "worklogs": shown}
        return super().show_made_list(issue, ident)

    @api("POST", "/issue/<issue>/attachments")
    def attach(self, request: Request, actor: str, issue: str) -> list[Json]:
        """Attach files; refused without `X-Atlassian-Token: no-check`, as a guard against forged forms."""
        found = self.find_issue(issue)
        if request.headers.get("X-Atlassian-Token", "").lower() not in ("no-check", "nocheck"):
            raise Refusal(403, b"XSRF check failed", {"Content-Type": "text/plain"})
        kept = [
            (file.filename, file.mimetype, self.world.blobs.keep(file.stream)) for file in request.files.getlist("file")
        ]
        request.close()
        if not kept:
            raise refusal(400, "No file was attached: the form field must be named 'file'.")
        if any(size > self._upload_limit for _name, _type, (_blob, size) in kept):
            for _name, _type, (blob, _size) in kept:
                self.world.blobs.drop(blob)
            raise refusal(413, f"The file is larger than the maximum size of {self._upload_limit} bytes.")
        made = []
        for name, media_type, (blob, size) in kept:
            one: Json = {
                "id": self.next_id("attachment"),
                "issue": found["id"],
                "filename": name or "file",
                "author": actor,
                "created": self.stamp(),
                "size": size,
                "mimeType": media_type or "application/octet-stream",
                "blob": blob,
                "media": str(UUID(int=self.world.random.getrandbits(128), version=4)),
            }
            self.data["attachments"][one["id"]] = one
            found["attachments"].append(one["id"])
            made.append(one)
        items: list[Json] = [
            {"field": "Attachment", "fieldtype": "jira", "fieldId": "attachment", "from": None, "fromString": None,
             "to": one["id"], "toString": one["filename"]}
            for one in made
        ]  # fmt: skip
        self.record(found, actor, items)
        self.announce("jira:issue_updated", found, actor=actor, items=items)
        return [self.show_attachment(one) for one in made]

    def _find_attachment(self, ident: str) -> Json:
        if ident not in self.data["attachments"]:
            raise refusal(404, f"The attachment with id '{ident}' does not exist")
        return self.data["attachments"][ident]  # type: ignore[no-any-return]

    @api("GET", "/attachment/meta")
    def attachment_meta(self, request: Request, actor: str) -> Json:
        """Whether files can be attached, and how large."""
        return {"enabled": True, "uploadLimit": self._upload_limit}

    @property
    def _upload_limit(self) -> int:
        return int(self.settings.get("upload_limit", SIZE_LIMIT))

    @api("GET", "/attachment/<ident>")
    def get_attachment(self, request: Request, actor: str, ident: str) -> Json:
        """One attachment."""
        return self.show_attachment(self._find_attachment(ident))

    @api("GET", "/attachment/content/<ident>")
    def get_content(self, request: Request, actor: str, ident: str) -> Reply:
        """The bytes of an attachment: at the content host, unless no redirect is wanted."""
        one = self._find_attachment(ident)
        if self.cloud and request.args.get("redirect", "true") != "false":
            address = self.content_url(f"file/{one['media']}/binary?token={_signature(one['media'])}&name={one['id']}")
            return Reply(303, None, {"Location": address})
        return self._bytes(one)

    @route("GET", "/secure/attachment/<ident>/<name>")
    def get_secure(self, request: Request, actor: str, ident: str, name: str) -> Reply:
        """The bytes of an attachment where Data Center tells that they are."""
        return self._bytes(self._find_attachment(ident))

    def _bytes(self, one: Json) -> Reply:
        return Reply(200, self.world.blobs.path(one["blob"]), {"Content-Type": one["mimeType"]})

    def content(self, request: Request) -> Reply:
        media = request.path.removeprefix(CONTENT).removeprefix("file/").removesuffix("/binary")
        one = next((one for one in self.data["attachments"].values() if one["media"] == media), None)
        if one is None or request.args.get("token") != _signature(media):
            return Reply(403, b"Access denied", {"Content-Type": "text/plain"})
        return self._bytes(one)

    @api("DELETE", "/attachment/<ident>")
    def delete_attachment(self, request: Request, actor: str, ident: str) -> Reply:
        """Delete an attachment."""
        one = self._find_attachment(ident)
        issue = self.find_issue(one["issue"])
        issue["attachments"].remove(ident)
        self.world.blobs.drop(one["blob"])
        del self.data["attachments"][ident]
        self.record(issue, actor, ())
        return Reply(204)

    def _show_worklog(self, issue: Json, one: Json) -> Json:
        return {
            "self": f"{self.root}/issue/{issue['id']}/worklog/{one['id']}",
            "id": one["id"],
            "issueId": issue["id"],
            "author": self.show_user(one["author"]),
            "updateAuthor": self.show_user(one["author"]),
            "comment": one["comment"],
            "created": shown_time(one["created"]),
            "updated": shown_time(one["created"]),
            "started": one["started"],
            "timeSpent": one["timeSpent"],
            "timeSpentSeconds": one["timeSpentSeconds"],
        }

    @api("GET", "/issue/<issue>/worklog")
    def list_worklogs(self, request: Request, actor: str, issue: str) -> Json:
        """One page of an issue's worklogs."""
        found = self.find_issue(issue)
        start, size = self.page(request, most=5000)
        shown = [self._show_worklog(found, one) for one in found["worklogs"][start : start + size]]
        return {"startAt": start, "maxResults": size, "total": len(found["worklogs"]), "worklogs": shown}

    @api("POST", "/issue/<issue>/worklog")
    def add_worklog(self, request: Request, actor: str, issue: str) -> Reply:
        """Log work: `timeSpentSeconds`, or `timeSpent` as `3h 30m`."""
        found = self.find_issue(issue)
        body = self.read_body(request)
        seconds = body.get("timeSpentSeconds") or sum(
            int(count) * _SECONDS[unit] for count, unit in re.findall(r"(\d+)([wdhm])", str(body.get("timeSpent", "")))
        )
        if not isinstance(seconds, int) or seconds <= 0:
            raise refusal(400, timeLogged="You must indicate the time spent working.")
        try:
            comment = self._store_text(body.get("comment"))
        except FieldProblem as problem:
            raise refusal(400, comment=str(problem)) from problem
        one = {
            "id": self.next_id("worklog"),
            "author": actor,
            "comment": comment,
            "created": self.stamp(),
            "started": body.get("started") or shown_time(self.stamp()),
            "timeSpent": body.get("timeSpent") or f"{seconds // 60}m",
            "timeSpentSeconds": seconds,
        }
        found["worklogs"].append(one)
        self.record(found, actor, ())
        return Reply(201, self._show_worklog(found, one))

    @api("GET", "/issue/<issue>/remotelink")
    def list_links(self, request: Request, actor: str, issue: str) -> Any:
        """The remote links of an issue, or the one with `globalId`."""
        found = self.find_issue(issue)
        asked = request.args.get("globalId")
        if asked is None:
            return [self._show_link(found, one) for one in found["links"].values()]
        for one in found["links"].values():
            if one.get("globalId") == asked:
                return self._show_link(found, one)
        raise refusal(404, f"No remote issue link with globalId '{asked}' exists on this issue.")

    def _show_link(self, issue: Json, one: Json) -> Json:
        return {"self": f"{self.root}/issue/{issue['id']}/remotelink/{one['id']}", **one, "id": int(one["id"])}

    @api("POST", "/issue/<issue>/remotelink")
    def put_link(self, request: Request, actor: str, issue: str) -> Reply:
        """Make a remote link, or replace the one of the same `globalId`; either way the issue's history tells."""
        found = self.find_issue(issue)
        self._may_link()
        body = self.read_body(request)
        target = body.get("object")
        if not isinstance(target, dict) or not target.get("url") or not target.get("title"):
            raise refusal(400, object="'object' with a url and a title is required.")
        glob = body.get("globalId")
        if glob is not None and len(str(glob)) > 255:
            raise refusal(400, globalId="'globalId' is longer than 255 characters.")
        known = next((one for one in found["links"].values() if glob and one.get("globalId") == glob), None)
        ident = known["id"] if known else self.next_id("link")
        kept: Json = {
            name: body[name] for name in ("globalId", "application", "relationship", "object") if name in body
        }
        found["links"][ident] = kept | {"id": ident}
        item: Json = {"field": "RemoteIssueLink", "fieldtype": "jira", "from": None, "fromString": None, "to": ident,
                "toString": f"This issue links to \"{target['title']}\""}  # fmt: skip
        self.record(found, actor, [item])
        where = f"{self.root}/issue/{found['id']}/remotelink/{ident}"
        return Reply(200 if known else 201, {"id": int(ident), "self": where})

    @api("DELETE", "/issue/<issue>/remotelink")
    def delete_link_named(self, request: Request, actor: str, issue: str) -> Reply:
        """Take the remote link with `globalId` away."""
        found = self.find_issue(issue)
        asked = request.args.get("globalId")
        if not asked:
            raise refusal(400, "The 'globalId' query parameter is required.")
        known = next((one for one in found["links"].values() if one.get("globalId") == asked), None)
        if known is None:
            raise refusal(404, f"No remote issue link with globalId '{asked}' exists on this issue.")
        return self._drop_link(found, known["id"], actor)

    @api("DELETE", "/issue/<issue>/remotelink/<ident>")
    def delete_link(self, request: Request, actor: str, issue: str, ident: str) -> Reply:
        """Take a remote link away."""
        found = self.find_issue(issue)
        if ident not in found["links"]:
            raise refusal(404, f"The remote issue link with id '{ident}' does not exist.")
        return self._drop_link(found, ident, actor)

    def _drop_link(self, issue: Json, ident: str, actor: str) -> Reply:
        self._may_link()
        gone = issue["links"].pop(ident)
        said = f'This issue links to "{gone["object"]["title"]}"'
        item: Json = {"field": "RemoteIssueLink", "fieldtype": "jira", "from": ident, "fromString": said,
                "to": None, "toString": None}  # fmt: skip
        self.record(issue, actor, [item])
        return Reply(204)

    def _may_link(self) -> None:
        if "LINK_ISSUES" in self.settings.get("denied_permissions", ()):
            raise refusal(403, "You do not have permission to link issues.")


def _signature(media: str) -> str:
    return sha256(f"signed {media}".encode()).hexdigest()[:32]
