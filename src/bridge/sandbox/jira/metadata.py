"""What a client reads once: fields, choices, screens, projects, accounts, permissions."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, api, refusal
from bridge.sandbox.jira.fields import CHOICES
from bridge.sandbox.jira.transitions import JiraTransitions
from bridge.sandbox.site import Refusal

_REQUIRED = {"summary", "project", "issuetype"}


class JiraMetadata(JiraTransitions):
    """Read-only descriptions of the site."""

    def field_meta(self, ident: str, project: str, *, required: bool) -> Json:
        field = self.data["fields"][ident]
        several = field["kind"] in ("labels", "versions")
        meta: Json = {
            "required": required,
            "schema": field["schema"],
            "name": field["name"],
            "key": ident,
            "fieldId": ident,
            "hasDefaultValue": ident == "priority",
            "operations": ["add", "set", "remove"] if several else ["set"],
        }
        if field["kind"] == "option":
            meta["allowedValues"] = [self.show_value(ident, one) for one in self.data["options"][ident]]
        elif field["kind"] in CHOICES:
            kind = field["kind"]
            meta["allowedValues"] = [self.show_choice(kind, one) for one in self.data[CHOICES[kind]].values()]
        elif field["kind"] == "versions":
            versions = self.data["versions"].values()
            meta["allowedValues"] = [self.show_version(one) for one in versions if one["project"] == project]
        elif field["kind"] == "project":
            meta["allowedValues"] = [self.show_project(self.data["projects"][project])]
        return meta

    def _screen(self, project: str, *, creating: bool) -> dict[str, Json]:
        return {
            ident: self.field_meta(ident, project, required=ident in _REQUIRED)
            for ident in self.data["fields"]
            if self.on_screen(ident, creating=creating)
        }

    @api("GET", "/issue/<issue>/editmeta")
    def get_edit_meta(self, request: Request, actor: str, issue: str) -> Json:
        """The fields of the edit screen."""
        return {"fields": self._screen(self.find_issue(issue)["project"], creating=False)}

    @api("GET", "/issue/createmeta")
    def get_create_meta(self, request: Request, actor: str) -> Json:
        """Projects, their types and, when expanded, the fields of the create screen. Gone from Data Center 9."""
        if not self.cloud:
            raise refusal(404, "Issue Does Not Exist")
        keys = [key for entry in request.args.getlist("projectKeys") for key in entry.split(",") if key]
        names = [name for entry in request.args.getlist("issuetypeNames") for name in entry.split(",") if name]
        with_fields = "projects.issuetypes.fields" in request.args.get("expand", "")
        projects = []
        for project in self.data["projects"].values():
            if keys and project["key"] not in keys:
                continue
            types = []
            for one in self.data["issuetypes"].values():
                if names and one["name"] not in names:
                    continue
                shown = self.show_choice("issuetype", one)
                types.append(shown | ({"fields": self._screen(project["key"], creating=True)} if with_fields else {}))
            projects.append({**self.show_project(project), "issuetypes": types})
        return {"expand": "projects", "projects": projects}

    @api("GET", "/issue/createmeta/<project>/issuetypes")
    def get_create_types(self, request: Request, actor: str, project: str) -> Json:
        """The issue types of a project."""
        self.find_project(project)
        types = [self.show_choice("issuetype", one) for one in self.data["issuetypes"].values()]
        return self._listed(request, "issueTypes", types)

    @api("GET", "/issue/createmeta/<project>/issuetypes/<kind>")
    def get_create_fields(self, request: Request, actor: str, project: str, kind: str) -> Json:
        """The fields of the create screen of a type."""
        found = self.find_project(project)
        if kind not in self.data["issuetypes"]:
            raise refusal(404, "The issue type selected is invalid.")
        return self._listed(request, "fields", list(self._screen(found["key"], creating=True).values()))

    def _listed(self, request: Request, name: str, values: list[Json]) -> Json:
        start, size = self.page(request, most=200)
        shown = values[start : start + size]
        about = {"startAt": start, "maxResults": size, "total": len(values)}
        if self.cloud:
            return {**about, name: shown}
        return {**about, "isLast": start + size >= len(values), "values": shown}

    @api("GET", "/field")
    def list_fields(self, request: Request, actor: str) -> list[Json]:
        """All fields, system and custom."""
        shown = []
        for ident, field in self.data["fields"].items():
            custom = [f"cf[{field['schema']['customId']}]"] if field["custom"] else []
            shown.append(
                {
                    "id": ident,
                    "key": ident,
                    "name": field["name"],
                    "custom": field["custom"],
                    "orderable": field["kind"] != "made",
                    "navigable": True,
                    "searchable": True,
                    "clauseNames": [*custom, field["name"] if custom else ident],
                    "schema": field["schema"],
                }
            )
        return shown

    @api("GET", "/priority")
    def list_priorities(self, request: Request, actor: str) -> list[Json]:
        """All priorities."""
        return [self.show_choice("priority", one) for one in self.data["priorities"].values()]

    @api("GET", "/resolution")
    def list_resolutions(self, request: Request, actor: str) -> list[Json]:
        """All resolutions."""
        return [self.show_choice("resolution", one) for one in self.data["resolutions"].values()]

    @api("GET", "/status")
    def list_statuses(self, request: Request, actor: str) -> list[Json]:
        """All statuses."""
        return [self.show_choice("status", one) for one in self.data["statuses"].values()]

    @api("GET", "/issuetype")
    def list_types(self, request: Request, actor: str) -> list[Json]:
        """All issue types."""
        return [self.show_choice("issuetype", one) for one in self.data["issuetypes"].values()]

    @api("GET", "/project")
    def list_projects(self, request: Request, actor: str) -> list[Json]:
        """All projects."""
        return [self.show_project(one) for one in self.data["projects"].values()]

    @api("GET", "/project/search")
    def search_projects(self, request: Request, actor: str) -> Json:
        """Projects, a page at a time."""
        if not self.cloud:
            raise Refusal(404, self.not_found().body)
        start, size = self.page(request)
        keys = request.args.getlist("keys")
        found = [one for one in self.data["projects"].values() if not keys or one["key"] in keys]
        values = [self.show_project(one) for one in found[start : start + size]]
        last = start + size >= len(found)
        return {"startAt": start, "maxResults": size, "total": len(found), "isLast": last, "values": values}

    @api("GET", "/project/<project>")
    def get_project(self, request: Request, actor: str, project: str) -> Json:
        """One project, with its types and versions."""
        found = self.find_project(project)
        versions = [self.show_version(one) for one in self.data["versions"].values() if one["project"] == found["key"]]
        types = [self.show_choice("issuetype", one) for one in self.data["issuetypes"].values()]
        return {**self.show_project(found), "issueTypes": types, "versions": versions, "components": [], "roles": {}}

    @api("GET", "/project/<project>/statuses")
    def list_project_statuses(self, request: Request, actor: str, project: str) -> list[Json]:
        """The statuses each issue type of a project can be in."""
        self.find_project(project)
        statuses = [self.show_choice("status", one) for one in self.data["statuses"].values()]
        return [
            {**self.show_choice("issuetype", one), "statuses": statuses} for one in self.data["issuetypes"].values()
        ]

    @api("GET", "/project/<project>/securitylevel")
    def list_levels(self, request: Request, actor: str, project: str) -> Json:
        """The security levels of a project."""
        self.find_project(project)
        return {"levels": [self.show_choice("security", one) for one in self.data["levels"].values()]}

    @api("GET", "/myself")
    def get_myself(self, request: Request, actor: str) -> Any:
        """The account behind the request, with its time zone."""
        return self.show_user(actor)

    @api("GET", "/user")
    def get_user(self, request: Request, actor: str) -> Any:
        """One account: by `accountId` on Cloud, by `username` on Data Center."""
        ident = request.args.get("accountId" if self.cloud else "username", "")
        if ident not in self.data["users"]:
            raise refusal(404, "Specified user does not exist or you do not have required permissions")
        return self.show_user(ident)

    @api("GET", "/user/search")
    def search_users(self, request: Request, actor: str) -> list[Any]:
        """Accounts whose name or mail address starts with or holds a word."""
        word = request.args.get("query" if self.cloud else "username", "").lower()
        if not word:
            raise refusal(400, "At least one of 'query', 'accountId' or 'property' is required")
        start, size = self.page(request, most=1000)
        found = [
            one["id"]
            for one in self.data["users"].values()
            if word in one["displayName"].lower() or one["emailAddress"].lower().startswith(word) or word == one["name"]
        ]
        return [self.show_user(ident) for ident in found[start : start + size]]

    @api("GET", "/serverInfo")
    def get_server_info(self, request: Request, actor: str) -> Json:
        """What this server is."""
        version = [1001, 0, 0] if self.cloud else [9, 12, 8]
        return {
            "baseUrl": self.url,
            "version": ".".join(map(str, version)),
            "versionNumbers": version,
            "deploymentType": "Cloud" if self.cloud else "Server",
            "serverTitle": "Jira",
            "serverTime": self.world.now().strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
        }

    @api("GET", "/mypermissions")
    def get_permissions(self, request: Request, actor: str) -> Json:
        """Which of the asked permissions the account has: all but those in the setting `denied_permissions`, and
        ADMINISTER for administrators only."""
        if self.cloud and not request.args.get("permissions"):
            raise refusal(400, "The 'permissions' query parameter is required.")
        denied = set(self.settings.get("denied_permissions", ()))
        if not self.data["users"][actor]["admin"]:
            denied.add("ADMINISTER")
        names = request.args.get("permissions", "BROWSE_PROJECTS,CREATE_ISSUES,EDIT_ISSUES").split(",")
        return {
            "permissions": {
                name: {"id": str(place), "key": name, "name": name, "havePermission": name not in denied}
                for place, name in enumerate(names)
            }
        }
