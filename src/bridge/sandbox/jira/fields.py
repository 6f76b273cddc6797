"""Field values: what Jira accepts for each kind of field, how it stores it here, and how it shows it again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bridge.sandbox.jira.core import JiraCore, Json, shown_time
from bridge.sandbox.jira.documents import TEXT_LIMIT, is_document, words

ON_EDIT = frozenset({
    "summary", "description", "environment", "issuetype", "priority", "labels", "fixVersions", "versions",
    "reporter", "assignee", "duedate", "security",
})  # fmt: skip
"""The system fields of the default edit screen; the create screen adds `project`. Resolution stands on neither: the
workflow sets it."""

CHOICES = {
    "priority": "priorities",
    "resolution": "resolutions",
    "issuetype": "issuetypes",
    "security": "levels",
    "status": "statuses",
}
"""Which part of the state holds the values of a kind of field."""


class FieldProblem(Exception):
    """A value Jira does not take; the text goes under the field's id in `errors`."""


class JiraFields(JiraCore):
    """Reads and shows the values of fields."""

    def on_screen(self, ident: str, *, creating: bool) -> bool:
        """Whether a field can be set directly: it exists, is not hidden, and stands on the screen."""
        field = self.data["fields"].get(ident)
        if field is None or ident in self.settings.get("hidden_fields", ()):
            return False
        return field["custom"] or ident in ON_EDIT or (creating and ident == "project")

    def store_value(self, ident: str, value: Any, project: str) -> Any:
        """The stored form of a value for a field. Raises FieldProblem in Jira's words."""
        field = self.data["fields"][ident]
        kind = field["kind"]
        if kind == "line":
            return _store_line(field, value)
        if kind == "text":
            return self._store_text(value)
        if kind == "labels":
            return _store_labels(value)
        if kind == "versions":
            return self._store_versions(field, value, project)
        if kind == "user":
            return self._store_user(value)
        if kind == "option":
            return self._store_choice(field["name"], self.data["options"][ident], value, "value")
        if kind == "date":
            if value is not None and not re.fullmatch(r"\d{4}-\d\d-\d\d", str(value)):
                raise FieldProblem("Operation value must be a string in the format 'yyyy-MM-dd'.")
            return value
        stored = self._store_choice(field["name"], self.data[CHOICES[kind]], value, "name")
        if stored is None and kind in ("priority", "issuetype"):
            raise FieldProblem(f"{field['name']} is required.")
        return stored

    def _store_text(self, value: Any) -> Any:
        if value in (None, ""):
            return None
        if self.cloud and not is_document(value):
            raise FieldProblem("Operation value must be an Atlassian Document (see the Atlassian Document Format)")
        if not self.cloud and not isinstance(value, str):
            raise FieldProblem("Operation value must be a string")
        if len(words(value)) > TEXT_LIMIT:
            raise FieldProblem("The entered text is too long. It exceeds the allowed limit of 32,767 characters.")
        return value

    def _store_choice(self, label: str, choices: Mapping[str, Any], value: Any, name: str) -> str | None:
        if value is None:
            return None
        if not isinstance(value, dict) or not ({"id", name} & set(value)):
            raise FieldProblem(f"Specify a valid 'id' or '{name}' for {label}")
        if "id" in value:
            if str(value["id"]) in choices:
                return str(value["id"])
            raise FieldProblem(f"Option id '{value['id']}' is not valid")
        for ident, choice in choices.items():
            if choice["name"] == value[name]:
                return ident
        raise FieldProblem(f"Option value '{value[name]}' is not valid for {label}")

    def _store_versions(self, field: Json, value: Any, project: str) -> list[str]:
        if value is None:
            return []
        if not isinstance(value, list):
            raise FieldProblem("data was not an array")
        return [self.store_version(entry, project) for entry in value]

    def store_version(self, value: Any, project: str) -> str:
        """The id of the project's version that `{"id"}` or `{"name"}` means. Raises FieldProblem."""
        if not isinstance(value, dict):
            raise FieldProblem("expected Object containing a 'name' or 'id' property")
        for ident, version in self.data["versions"].items():
            if version["project"] == project and (
                str(value.get("id")) == ident or ("id" not in value and value.get("name") == version["name"])
            ):
                return str(ident)
        if "id" in value:
            raise FieldProblem(f"Version id '{value['id']}' is not valid")
        raise FieldProblem(f"Version name '{value.get('name')}' is not valid")

    def _store_user(self, value: Any) -> str | None:
        if value is None:
            return None
        name = "accountId" if self.cloud else "name"
        if not isinstance(value, dict) or not ({name, "id"} & set(value)):
            raise FieldProblem(f"expected Object containing a '{name}' property")
        ident = value.get(name, value.get("id"))
        if ident is None:
            return None
        if ident not in self.data["users"]:
            raise FieldProblem(f"User '{ident}' does not exist.")
        return str(ident)

    def show_fields(self, issue: Json, wanted: frozenset[str] | None) -> Json:
        """The `fields` object of an issue. `wanted` None is every field; hidden ones are never there."""
        hidden = set(self.settings.get("hidden_fields", ()))
        shown: Json = {}
        for ident, field in self.data["fields"].items():
            if ident in hidden or (wanted is not None and ident not in wanted):
                continue
            if field["kind"] == "made":
                self._show_made(issue, ident, shown)
            elif ident == "project":
                shown[ident] = self.show_project(self.data["projects"][issue["project"]])
            else:
                shown[ident] = self.show_value(ident, issue["fields"].get(ident))
        return shown

    def _show_made(self, issue: Json, ident: str, shown: Json) -> None:
        if ident in ("created", "updated"):
            shown[ident] = shown_time(issue[ident])
        elif ident == "creator":
            shown[ident] = self.show_user(issue["creator"])
        elif ident == "resolutiondate":
            stamp = issue.get("resolved")
            shown[ident] = shown_time(stamp) if stamp else None
        elif ident == "issuelinks":
            shown[ident] = self.show_issue_links(issue)
        elif ident in ("comment", "attachment", "worklog"):
            shown[ident] = self.show_made_list(issue, ident)

    def show_issue_links(self, issue: Json) -> list[Json]:
        """The links to other issues; the part that keeps them does it."""
        raise NotImplementedError

    def show_made_list(self, issue: Json, ident: str) -> Any:
        """The comments, attachments or worklogs as a field; the parts that keep them do it."""
        raise NotImplementedError

    def show_value(self, ident: str, stored: Any) -> Any:
        """A stored value as Jira shows it."""
        kind = self.data["fields"][ident]["kind"]
        if kind == "labels":
            return list(stored or ())
        if kind == "versions":
            return [self.show_version(self.data["versions"][entry]) for entry in stored or ()]
        if stored is None:
            return None
        if kind == "user":
            return self.show_user(stored)
        if kind == "option":
            option = self.data["options"][ident][stored]
            return {"self": f"{self.root}/customFieldOption/{stored}", "value": option["name"], "id": stored}
        if kind in CHOICES:
            return self.show_choice(kind, self.data[CHOICES[kind]][stored])
        return stored

    def show_choice(self, kind: str, choice: Json) -> Json:
        """A priority, resolution, status, type or level."""
        shown = {"self": f"{self.root}/{kind}/{choice['id']}", **choice}
        if kind == "issuetype":
            shown["subtask"] = choice["name"] == "Sub-task"
        if kind in ("resolution", "status", "issuetype"):
            shown["description"] = ""
        return shown

    def show_project(self, project: Json) -> Json:
        """A project in short."""
        return {
            "self": f"{self.root}/project/{project['id']}",
            "id": project["id"],
            "key": project["key"],
            "name": project["name"],
            "projectTypeKey": "service_desk"
            if project["key"] in self.settings.get("service_desks", ())
            else "software",
            "simplified": False,
        }

    def show_version(self, version: Json) -> Json:
        """A version without the fields that are not set."""
        shown = {name: value for name, value in version.items() if name != "project" and value is not None}
        project = self.data["projects"][version["project"]]
        return {"self": f"{self.root}/version/{version['id']}", **shown, "projectId": int(project["id"])}

    def history_words(self, ident: str, stored: Any) -> tuple[str | None, str | None]:
        """A stored value as the history keeps it: the raw id, and the words people see."""
        if stored in (None, [], ""):
            return None, None
        kind = self.data["fields"][ident]["kind"]
        if kind == "labels":
            return None, " ".join(stored)
        if kind == "user":
            return stored, self.data["users"][stored]["displayName"]
        if kind == "option":
            return stored, self.data["options"][ident][stored]["name"]
        if kind in CHOICES:
            return stored, self.data[CHOICES[kind]][stored]["name"]
        return None, words(stored)


def _store_line(field: Mapping[str, Any], value: Any) -> str | None:
    if value is None or value == "":
        if field["id"] == "summary":
            raise FieldProblem("You must specify a summary of the issue.")
        return None
    if not isinstance(value, str):
        raise FieldProblem("Operation value must be a string")
    if len(value) > 255:
        raise FieldProblem(f"{field['name']} must be less than 255 characters.")
    if field["id"] == "summary" and ("\n" in value or "\r" in value):
        raise FieldProblem("The summary is invalid because it contains newline characters.")
    return value.strip()


def _store_labels(value: Any) -> list[str]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise FieldProblem("data was not an array")
    for label in value:
        check_label(label)
    return sorted(set(value))


def check_label(label: Any) -> None:
    """Refuse what is no label: anything but words without white space, up to 255 characters. Raises FieldProblem."""
    if not isinstance(label, str) or not label:
        raise FieldProblem("Operation value must be a string")
    if re.search(r"\s", label):
        raise FieldProblem(f"The label '{label}' contains spaces which is invalid.")
    if len(label) > 255:
        raise FieldProblem(f"The label '{label}' exceeds the maximum length for single label of 255 characters.")
