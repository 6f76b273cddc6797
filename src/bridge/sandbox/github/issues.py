"""Issues of a repository: listed, made, read, changed, locked; moved and deleted by methods, as only GraphQL can."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.changes import Changes
from bridge.sandbox.github.pages import one_page, since
from bridge.sandbox.github.refusals import invalid, no_rights, not_found, refuse
from bridge.sandbox.site import Reply, route

ISSUES = "/repos/<owner>/<repo>/issues"
_SORTS = {"created": "created_at", "updated": "updated_at", "comments": ""}


class Issues(Changes):
    """The routes of issues."""

    def issue(self, repository: Data, number: int, *, redirects: bool = False) -> Data:
        """An issue. Raises Refusal: 410 for a deleted one, 404 for an unknown one; 301 for a moved one if `redirects`.

        GitHub redirects only the reading of the issue itself; what lies below a moved issue is 404.
        """
        if not repository["has_issues"]:
            raise refuse(410, "Issues are disabled for this repo")
        key = str(number)
        if key in repository["issues"]:
            found: Data = repository["issues"][key]
            return found
        if key in repository["moved"] and redirects:
            raise self.moved(f"{self.url}/repositories/{repository['moved'][key]}")
        raise refuse(410, "This issue was deleted") if number in repository["deleted"] else not_found()

    @route("GET", ISSUES)
    def list_issues(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET issues and pull requests, filtered and sorted."""
        repository = self.repository(request, actor, owner, repo)
        if not repository["has_issues"]:
            raise refuse(410, "Issues are disabled for this repo")
        wanted = self._filter(request)
        rows = [issue for issue in repository["issues"].values() if wanted(issue)]
        sort = request.args.get("sort", "created")
        if sort not in _SORTS:
            raise invalid("Issue", "sort", value=sort)
        down = request.args.get("direction", "desc") != "asc"
        threads = repository["threads"]

        def place(issue: Data) -> Any:
            first = issue[_SORTS[sort]] if _SORTS[sort] else len(threads.get(str(issue["number"]), ()))
            return first, issue["number"]

        page, headers = one_page(request, self.url, sorted(rows, key=place, reverse=down))
        return Reply(200, [self.issue_json(repository, issue) for issue in page], headers)

    def _filter(self, request: Request) -> Callable[[Data], bool]:
        state = request.args.get("state", "open")
        if state not in ("open", "closed", "all"):
            raise invalid("Issue", "state", value=state)
        after = since(request, "Issue")
        milestone = request.args.get("milestone", "")
        labels = [name.strip().lower() for name in request.args.get("labels", "").split(",") if name.strip()]
        creator, assignee = request.args.get("creator", "").lower(), request.args.get("assignee", "")

        def wanted(issue: Data) -> bool:
            return (
                issue["updated_at"] >= after
                and state in ("all", issue["state"])
                and all(name in issue["labels"] for name in labels)
                and (not creator or issue["user"].lower() == creator)
                and (not milestone or _fits(milestone, str(issue["milestone"] or "")))
                and (not assignee or _fits(assignee, *issue["assignees"]))
            )

        return wanted

    @route("POST", ISSUES)
    def create_issue(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """POST an issue. Without push access labels, milestone and assignees are silently dropped."""
        repository = self.repository(request, actor, owner, repo)
        if not repository["has_issues"]:
            raise refuse(410, "Issues are disabled for this repo")
        data = self.body(request)
        if data.get("title") is None:
            raise invalid("Issue", "title", "missing_field")
        wanted = self.check_issue(repository, actor, data)
        self.count_creation(actor)
        issue = self.make_issue(repository, actor, wanted)
        return Reply(201, self.issue_json(repository, issue))

    @route("GET", ISSUES + "/<int:number>")
    def get_issue(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Data:
        """GET one issue."""
        repository = self.repository(request, actor, owner, repo)
        return self.issue_json(repository, self.issue(repository, number, redirects=True))

    @route("PATCH", ISSUES + "/<int:number>")
    def update_issue(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Data:
        """PATCH an issue: its author or a collaborator may."""
        repository = self.repository(request, actor, owner, repo)
        issue = self.issue(repository, number)
        if not (self.may_push(repository, actor) or issue["user"] == actor["login"]):
            raise no_rights()
        wanted = self.check_issue(repository, actor, self.body(request))
        self.change_issue(repository, issue, actor, wanted)
        return self.issue_json(repository, issue)

    @route("PUT", ISSUES + "/<int:number>/lock")
    def lock_issue(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """PUT a lock: from now on only collaborators may comment."""
        reason = self.body(request).get("lock_reason")
        if reason not in (None, "off-topic", "too heated", "resolved", "spam"):
            raise invalid("Issue", "lock_reason", value=reason)
        return self._lock(request, actor, (owner, repo, number), locked=True, reason=reason)

    @route("DELETE", ISSUES + "/<int:number>/lock")
    def unlock_issue(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """DELETE a lock."""
        return self._lock(request, actor, (owner, repo, number), locked=False, reason=None)

    def _lock(
        self, request: Request, actor: Data, place: tuple[str, str, int], *, locked: bool, reason: str | None
    ) -> Reply:
        repository = self.repository(request, actor, place[0], place[1])
        issue = self.issue(repository, place[2])
        if not self.may_push(repository, actor):
            raise no_rights()
        issue |= {"locked": locked, "active_lock_reason": reason, "updated_at": self.stamp()}
        action = "locked" if locked else "unlocked"
        self.note(repository, issue, actor, action, lock_reason=reason)
        self.tell(repository, issue, actor, action)
        return Reply(204)

    def transfer_issue(self, full_name: str, number: int, to: str, *, login: str = "lead") -> int:
        """Move an issue to another repository: a new number there, 301 here. Answers with the new number."""
        old, new = self.data["repositories"][full_name], self.data["repositories"][to]
        actor = self.data["users"][login]
        issue = old["issues"].pop(str(number))
        new["last_number"] += 1
        there = new["last_number"]
        for name in issue["labels"]:
            if name not in new["labels"]:
                label = old["labels"][name]
                self.add_label(new, label["name"], color=label["color"], description=label["description"])
        for ident in old["threads"].pop(str(number), []):
            new["comments"][str(ident)] = {**old["comments"].pop(str(ident)), "number": there}
            new["threads"].setdefault(str(there), []).append(ident)
        shown = self.issue_json(old, {**issue, "labels": issue["labels"]})
        issue |= {"number": there, "id": self.new_id(), "milestone": None, "updated_at": self.stamp()}
        new["issues"][str(there)] = issue
        old["moved"][str(number)] = f"{new['id']}/issues/{there}"
        self.note(new, issue, actor, "transferred")
        self.fire(old, "issues", actor, {"action": "transferred", "issue": shown})
        return int(there)

    def delete_issue(self, full_name: str, number: int, *, login: str = "lead") -> None:
        """Delete an issue for good: 410 from now on."""
        repository, actor = self.data["repositories"][full_name], self.data["users"][login]
        shown = self.issue_json(repository, repository["issues"][str(number)])
        del repository["issues"][str(number)]
        for ident in repository["threads"].pop(str(number), []):
            del repository["comments"][str(ident)]
        repository["events"] = [event for event in repository["events"] if event["number"] != number]
        repository["deleted"].append(number)
        self.fire(repository, "issues", actor, {"action": "deleted", "issue": shown})


def _fits(wanted: str, *present: str) -> bool:
    if wanted in ("none", "*"):
        return any(present) == (wanted == "*")
    return wanted in present
