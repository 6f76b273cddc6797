"""The first state of a simulated Jira: accounts, projects, fields, a workflow; no issues. Plain JSON throughout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

State = dict[str, Any]

_CATEGORIES = {
    "new": {"id": 2, "key": "new", "colorName": "blue-gray", "name": "To Do"},
    "indeterminate": {"id": 4, "key": "indeterminate", "colorName": "yellow", "name": "In Progress"},
    "done": {"id": 3, "key": "done", "colorName": "green", "name": "Done"},
}
SOFTWARE_WORKFLOW: Mapping[str, Any] = {
    "statuses": {
        "To Do": "new",
        "Selected": "new",
        "In Progress": "indeterminate",
        "In Review": "indeterminate",
        "In Test": "indeterminate",
        "Waiting": "indeterminate",
        "On Hold": "indeterminate",
        "Done": "done",
        "Closed": "done",
    },
    "transitions": [
        {"id": "11", "name": "Select", "from": ["To Do"], "to": "Selected"},
        {"id": "12", "name": "Back to list", "from": ["Selected", "In Progress"], "to": "To Do"},
        {"id": "21", "name": "Start", "from": ["To Do", "Selected", "Waiting", "On Hold"], "to": "In Progress"},
        {"id": "31", "name": "Ask for review", "from": ["In Progress"], "to": "In Review"},
        {"id": "32", "name": "Send back", "from": ["In Review", "In Test"], "to": "In Progress"},
        {"id": "41", "name": "Test", "from": ["In Review"], "to": "In Test"},
        {"id": "51", "name": "Wait", "from": ["Selected", "In Progress"], "to": "Waiting"},
        {"id": "52", "name": "Put on hold", "from": ["Selected", "In Progress"], "to": "On Hold"},
        {
            "id": "61",
            "name": "Finish",
            "from": ["In Progress", "In Test", "Waiting"],
            "to": "Done",
            "screen": {"resolution": True, "fixVersions": False},
        },
        {"id": "71", "name": "Close", "from": ["Done"], "to": "Closed"},
        {"id": "72", "name": "Reopen", "from": ["Done", "Closed"], "to": "In Progress"},
    ],
}
"""A workflow: each status with its category; each transition with the statuses it leads from (`["*"]`: all), where it
leads, and its screen (field id → required). To Do and Closed are several hops apart, and Done asks for a resolution."""

ISSUE_TYPES = ("Bug", "Task", "Story", "Sub-task")
PRIORITIES = ("Highest", "High", "Medium", "Low", "Lowest")
RESOLUTIONS = ("Fixed", "Won't Fix", "Duplicate", "Cannot Reproduce", "Done")
SEVERITIES = ("S1", "S2", "S3", "S4")
_PLUGIN = "com.atlassian.jira.plugin.system.customfieldtypes:"

# id, name on Cloud, name on Data Center, schema type, items, kind
_SYSTEM = (
    ("summary", "Summary", "Summary", "string", "", "line"),
    ("description", "Description", "Description", "string", "", "text"),
    ("environment", "Environment", "Environment", "string", "", "text"),
    ("issuetype", "Issue Type", "Issue Type", "issuetype", "", "issuetype"),
    ("project", "Project", "Project", "project", "", "project"),
    ("status", "Status", "Status", "status", "", "status"),
    ("resolution", "Resolution", "Resolution", "resolution", "", "resolution"),
    ("priority", "Priority", "Priority", "priority", "", "priority"),
    ("labels", "Labels", "Labels", "array", "string", "labels"),
    ("fixVersions", "Fix versions", "Fix Version/s", "array", "version", "versions"),
    ("versions", "Affects versions", "Affects Version/s", "array", "version", "versions"),
    ("reporter", "Reporter", "Reporter", "user", "", "user"),
    ("assignee", "Assignee", "Assignee", "user", "", "user"),
    ("creator", "Creator", "Creator", "user", "", "made"),
    ("created", "Created", "Created", "datetime", "", "made"),
    ("updated", "Updated", "Updated", "datetime", "", "made"),
    ("resolutiondate", "Resolved", "Resolved", "datetime", "", "made"),
    ("duedate", "Due date", "Due Date", "date", "", "date"),
    ("security", "Security Level", "Security Level", "securitylevel", "", "security"),
    ("comment", "Comment", "Comment", "comments-page", "", "made"),
    ("attachment", "Attachment", "Attachment", "array", "attachment", "made"),
    ("issuelinks", "Linked Issues", "Linked Issues", "array", "issuelinks", "made"),
    ("worklog", "Log Work", "Log Work", "array", "worklog", "made"),
)
_CUSTOM = (
    (10010, "Severity", "option", "select", "option"),
    (10011, "Root cause", "string", "textarea", "text"),
    (10012, "Workaround", "string", "textarea", "text"),
    (10013, "Customer", "string", "textfield", "line"),
)


def first_state(settings: Mapping[str, Any], *, cloud: bool) -> State:
    """A site as it stands before anybody used it. `settings`: `projects` (key → name), `users`, `workflow`."""
    workflow = settings.get("workflow", SOFTWARE_WORKFLOW)
    return {
        "sequence": {"issue": 10000, "comment": 10000, "version": 10000, "history": 10000, "other": 10000},
        "users": _users(settings, cloud=cloud),
        "projects": _projects(settings),
        "issuetypes": _named(ISSUE_TYPES, start=10001),
        "priorities": _named(PRIORITIES, start=1),
        "resolutions": _named(RESOLUTIONS, start=10000),
        "levels": _named(("Embargo", "Staff only"), start=10000),
        "statuses": _statuses(workflow),
        "transitions": [dict(transition) for transition in workflow["transitions"]],
        "fields": _fields(cloud=cloud),
        "options": {"customfield_10010": _named(SEVERITIES, start=10020)},
        "issues": {},
        "keys": {},
        "versions": {},
        "comments": {},
        "attachments": {},
        "webhooks": {},
    }


def _named(names: tuple[str, ...], *, start: int) -> dict[str, Any]:
    return {str(start + place): {"id": str(start + place), "name": name} for place, name in enumerate(names)}


def _users(settings: Mapping[str, Any], *, cloud: bool) -> dict[str, Any]:
    people = [
        {"email": "bridge@vendor.example", "name": "Vendor Bridge", "admin": True},
        {"email": "engineer@vendor.example", "name": "Support Engineer"},
        {"email": "lead@vendor.example", "name": "Team Lead", "admin": True},
        *settings.get("users", ()),
    ]
    users = {}
    for place, person in enumerate(people):
        login = person["email"].partition("@")[0]
        ident = person.get("id") or (f"557058:{0xA1B2C3D4 + place:08x}-0000-4000-8000-{place:012x}" if cloud else login)
        users[ident] = {
            "id": ident,
            "name": login,
            "displayName": person["name"],
            "emailAddress": person["email"],
            "active": person.get("active", True),
            "timeZone": person.get("timeZone", settings.get("time_zone", "Europe/Berlin")),
            "accountType": person.get("accountType", "atlassian"),
            "admin": person.get("admin", False),
        }
    return users


def _projects(settings: Mapping[str, Any]) -> dict[str, Any]:
    named = settings.get("projects", {"ACME": "Acme Support", "CORE": "Core Product"})
    if not isinstance(named, Mapping):
        named = {key: key.title() for key in named}
    return {
        key: {"id": str(10000 + place), "key": key, "name": name, "last": 0}
        for place, (key, name) in enumerate(named.items())
    }


def _statuses(workflow: Mapping[str, Any]) -> dict[str, Any]:
    return {
        str(10000 + place): {"id": str(10000 + place), "name": name, "statusCategory": dict(_CATEGORIES[category])}
        for place, (name, category) in enumerate(workflow["statuses"].items())
    }


def _fields(*, cloud: bool) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for ident, cloud_name, center_name, kind_of_schema, items, kind in _SYSTEM:
        system = {"type": kind_of_schema, "system": ident, **({"items": items} if items else {})}
        fields[ident] = {
            "id": ident,
            "name": cloud_name if cloud else center_name,
            "custom": False,
            "schema": system,
            "kind": kind,
        }
    for number, name, kind_of_schema, custom, kind in _CUSTOM:
        ident = f"customfield_{number}"
        schema: dict[str, Any] = {"type": kind_of_schema, "custom": _PLUGIN + custom, "customId": number}
        fields[ident] = {"id": ident, "name": name, "custom": True, "schema": schema, "kind": kind}
    return fields
