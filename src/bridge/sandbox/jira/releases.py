"""Project versions: made, changed and released. Releasing one changes no issue: their `updated` stays."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal
from bridge.sandbox.jira.metadata import JiraMetadata
from bridge.sandbox.site import Refusal, Reply

_SETTABLE = ("name", "description", "released", "archived", "releaseDate", "startDate")


class JiraReleases(JiraMetadata):
    """`/version` and `/project/{project}/versions`."""

    @api("GET", "/project/<project>/versions")
    def list_versions(self, request: Request, actor: str, project: str) -> list[Json]:
        """All versions of a project."""
        found = self.find_project(project)
        return [self.show_version(one) for one in self.data["versions"].values() if one["project"] == found["key"]]

    @api("POST", "/version")
    def create_version(self, request: Request, actor: str) -> Reply:
        """Make a version."""
        body = self.read_body(request)
        asked = str(body.get("projectId") or body.get("project") or "")
        try:
            project = self.find_project(asked)
        except Refusal as error:
            raise refusal(400, project="Project must be specified to create a version.") from error
        self._check_name(body.get("name"), project["key"], own="")
        version = {"id": self.next_id("version"), "project": project["key"], "archived": False, "released": False}
        version.update({name: body[name] for name in _SETTABLE if name in body})
        self.data["versions"][version["id"]] = version
        self.announce_version("jira:version_created", version)
        return Reply(201, self.show_version(version))

    def _check_name(self, name: Any, project: str, *, own: str) -> None:
        if not isinstance(name, str) or not name.strip():
            raise refusal(400, name="You must specify a valid version name")
        for version in self.data["versions"].values():
            if version["project"] == project and version["name"].lower() == name.lower() and version["id"] != own:
                raise refusal(400, name="A version with this name already exists in this project.")

    def find_version(self, ident: str) -> Json:
        """The version of this id. Raises Refusal(404)."""
        version = self.data["versions"].get(ident)
        if version is None:
            raise refusal(404, f"Could not find version for id '{ident}'")
        return version  # type: ignore[no-any-return]

    @api("GET", "/version/<ident>")
    def get_version(self, request: Request, actor: str, ident: str) -> Json:
        """One version."""
        return self.show_version(self.find_version(ident))

    @api("PUT", "/version/<ident>")
    def edit_version(self, request: Request, actor: str, ident: str) -> Json:
        """Change or release a version."""
        version = self.find_version(ident)
        body = self.read_body(request)
        if "name" in body:
            self._check_name(body["name"], version["project"], own=ident)
        was_released = version["released"]
        version.update({name: body[name] for name in _SETTABLE if name in body})
        released = version["released"] and not was_released
        self.announce_version("jira:version_released" if released else "jira:version_updated", version)
        return self.show_version(version)

    @api("DELETE", "/version/<ident>")
    def delete_version(self, request: Request, actor: str, ident: str) -> Reply:
        """Delete a version and take it off its issues."""
        self.find_version(ident)
        for issue in self.data["issues"].values():
            fields = issue["fields"]
            gone = {
                name: [one for one in fields.get(name) or () if one != ident]
                for name in ("fixVersions", "versions")
                if ident in (fields.get(name) or ())
            }
            if gone:
                self.apply(issue, gone, actor)
        del self.data["versions"][ident]
        return Reply(204)

    def announce_version(self, event: str, version: Json) -> None:
        """Tell the registered webhooks of a version; the part that keeps webhooks does it."""
        raise NotImplementedError
