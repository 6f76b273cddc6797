"""What happens to an issue: wishes are checked whole first, then carried out with their events and webhooks."""

from __future__ import annotations

from typing import Any

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.hooks import Hooks
from bridge.sandbox.github.refusals import invalid, wrong_type

TITLE_LIMIT = 256
BODY_LIMIT = 65_536
REASONS = ("completed", "not_planned", "duplicate", "reopened")


class Changes(Hooks):
    """The acts behind the routes of issues, for tests to call as well."""

    def check_text(self, resource: str, field: str, value: Any, most: int) -> None:
        """Raise Refusal(422) for a text that is none, or is too long (counted in characters)."""
        if not isinstance(value, str):
            raise wrong_type(field, value, "a string")
        if len(value) > most:
            said = f"{field} is too long (maximum is {most} characters)"
            raise invalid(resource, field, "custom", message=said)

    def check_issue(self, repository: Data, actor: Data, data: Data) -> Data:
        """What of a request's wishes will be carried out. Raises Refusal(422) for what GitHub refuses.

        Labels, milestone and assignees are dropped without push access; unknown labels are made with it.
        """
        wanted: Data = {}
        if "title" in data and data["title"] is not None:
            title = str(data["title"]) if isinstance(data["title"], int) else data["title"]
            self.check_text("Issue", "title", title, TITLE_LIMIT)
            if not title.strip():
                raise invalid("Issue", "title", "missing_field")
            wanted["title"] = title.strip()
        if "body" in data:
            if data["body"] is not None:
                self.check_text("Issue", "body", data["body"], BODY_LIMIT)
            wanted["body"] = data["body"] or None
        for name, allowed in (("state", ("open", "closed")), ("state_reason", (None, *REASONS))):
            if name in data:
                if data[name] not in allowed:
                    raise invalid("Issue", name, value=data[name])
                wanted[name] = data[name]
        if self.may_push(repository, actor):
            wanted |= self._check_kept(repository, data)
        return wanted

    def _check_kept(self, repository: Data, data: Data) -> Data:
        wanted: Data = {}
        if data.get("labels") is not None:
            if not isinstance(data["labels"], list):
                raise wrong_type("labels", data["labels"], "an array")
            names = [one["name"] if isinstance(one, dict) else one for one in data["labels"]]
            for name in names:
                self.check_text("Label", "name", name, 50)
            wanted["labels"] = list(dict.fromkeys(names))
        if "milestone" in data:
            number = data["milestone"]
            if number is not None and str(number) not in repository["milestones"]:
                raise invalid("Issue", "milestone", value=number)
            wanted["milestone"] = None if number is None else int(number)
        assignees = data.get("assignees")
        if assignees is None and data.get("assignee"):
            assignees = [data["assignee"]]
        if assignees is not None:
            for login in assignees:
                if login not in repository["collaborators"]:
                    raise invalid("Issue", "assignees", value=assignees)
            wanted["assignees"] = list(dict.fromkeys(assignees))
        return wanted

    def make_issue(self, repository: Data, actor: Data, wanted: Data, *, pull_request: bool = False) -> Data:
        """Make an issue from checked wishes, with its events and its webhook."""
        repository["last_number"] += 1
        number = repository["last_number"]
        issue: Data = {
            "id": self.new_id(),
            "number": number,
            "title": wanted["title"],
            "body": wanted.get("body"),
            "state": "open",
            "state_reason": None,
            "labels": [],
            "milestone": None,
            "assignees": [],
            "user": actor["login"],
            "created_at": self.stamp(),
            "updated_at": self.stamp(),
            "closed_at": None,
            "closed_by": None,
            "locked": False,
            "active_lock_reason": None,
            "pull_request": pull_request,
        }
        repository["issues"][str(number)] = issue
        self._change_kept(repository, issue, actor, wanted, tell=False)
        self.tell(repository, issue, actor, "opened")
        return issue

    def change_issue(self, repository: Data, issue: Data, actor: Data, wanted: Data) -> None:
        """Carry out checked wishes on an issue. A wish that changes nothing leaves `updated_at` as it is."""
        before = {**issue, "labels": list(issue["labels"]), "assignees": list(issue["assignees"])}
        edits: Data = {}
        for name in ("title", "body"):
            if name in wanted and wanted[name] != issue[name]:
                edits[name] = {"from": issue[name] or ""}
                issue[name] = wanted[name]
        if "title" in edits:
            rename = {"from": edits["title"]["from"], "to": issue["title"]}
            self.note(repository, issue, actor, "renamed", rename=rename)
        self._change_kept(repository, issue, actor, wanted, tell=True)
        self._change_state(repository, issue, actor, wanted)
        if issue != before:
            issue["updated_at"] = self.stamp()
        if edits:
            self.tell(repository, issue, actor, "edited", changes=edits)

    def _change_state(self, repository: Data, issue: Data, actor: Data, wanted: Data) -> None:
        # GitHub ignores a reason given without a change of state.
        state = wanted.get("state", issue["state"])
        if state == issue["state"]:
            return
        closes = state == "closed"
        reason = (wanted.get("state_reason") or "completed") if closes else "reopened"
        issue |= {
            "state": state,
            "state_reason": reason,
            "closed_at": self.stamp() if closes else None,
            "closed_by": actor["login"] if closes else None,
            "updated_at": self.stamp(),
        }
        event = "closed" if closes else "reopened"
        self.note(repository, issue, actor, event, state_reason=reason if closes else None)
        self.tell(repository, issue, actor, event)

    def _change_kept(self, repository: Data, issue: Data, actor: Data, wanted: Data, *, tell: bool) -> None:
        """Labels, assignees, milestone."""
        for name in wanted.get("labels", ()):
            if name.lower() not in repository["labels"]:
                self.add_label(repository, name)
        if "labels" in wanted:
            self.set_labels(repository, issue, actor, [name.lower() for name in wanted["labels"]], tell=tell)
        if "assignees" in wanted:
            old, issue["assignees"] = issue["assignees"], wanted["assignees"]
            for event, logins in (
                ("unassigned", [one for one in old if one not in issue["assignees"]]),
                ("assigned", [one for one in issue["assignees"] if one not in old]),
            ):
                for login in logins:
                    self.note(repository, issue, actor, event, assignee=login, assigner=actor["login"])
                    self.tell(repository, issue, actor, event, assignee=self.user_json(login), on=tell)
        if "milestone" in wanted and wanted["milestone"] != issue["milestone"]:
            for event, number in (("demilestoned", issue["milestone"]), ("milestoned", wanted["milestone"])):
                if number is not None:
                    title = repository["milestones"][str(number)]["title"]
                    self.note(repository, issue, actor, event, milestone={"title": title})
            issue["milestone"] = wanted["milestone"]
            self.tell(repository, issue, actor, "milestoned" if issue["milestone"] else "demilestoned", on=tell)

    def set_labels(self, repository: Data, issue: Data, actor: Data, names: list[str], *, tell: bool = True) -> None:
        """Make these the labels of an issue (lower-case names, all known)."""
        old, issue["labels"] = issue["labels"], list(dict.fromkeys(names))
        gone = [name for name in old if name not in issue["labels"]]
        new = [name for name in issue["labels"] if name not in old]
        for event, changed in (("unlabeled", gone), ("labeled", new)):
            for name in changed:
                label = repository["labels"][name]
                self.note(repository, issue, actor, event, label={"name": label["name"], "color": label["color"]})
                self.tell(repository, issue, actor, event, label=self.label_json(repository, label), on=tell)
        if gone or new:
            issue["updated_at"] = self.stamp()

    def note(self, repository: Data, issue: Data, actor: Data, event: str, **more: Any) -> None:
        """Write an event into the issue's history."""
        repository["events"].append(
            {
                "id": self.new_id(),
                "number": issue["number"],
                "event": event,
                "actor": actor["login"],
                "created_at": self.stamp(),
                "more": more,
            }
        )

    def tell(self, repository: Data, issue: Data, actor: Data, action: str, *, on: bool = True, **more: Any) -> None:
        """Fire an `issues` webhook."""
        if on and repository["hooks"]:
            shown = self.issue_json(repository, issue)
            self.fire(repository, "issues", actor, {"action": action, "issue": shown, **more})
