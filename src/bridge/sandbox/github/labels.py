"""Labels and milestones: of a repository, and the labels on an issue."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.comments import Comments
from bridge.sandbox.github.issues import ISSUES
from bridge.sandbox.github.pages import one_page
from bridge.sandbox.github.refusals import invalid, no_rights, not_found
from bridge.sandbox.site import Reply, route

LABELS = "/repos/<owner>/<repo>/labels"
MILESTONES = "/repos/<owner>/<repo>/milestones"


class Labels(Comments):
    """The routes of labels and milestones."""

    def _pushing(self, request: Request, actor: Data, owner: str, repo: str) -> Data:
        repository = self.repository(request, actor, owner, repo)
        if not self.may_push(repository, actor):
            raise no_rights()
        return repository

    @route("GET", LABELS)
    def list_labels(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET a repository's labels."""
        repository = self.repository(request, actor, owner, repo)
        rows, headers = one_page(request, self.url, list(repository["labels"].values()))
        return Reply(200, [self.label_json(repository, label) for label in rows], headers)

    @route("POST", LABELS)
    def create_label(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """POST a label."""
        repository = self._pushing(request, actor, owner, repo)
        data = self.body(request)
        name = str(data.get("name") or "")
        if not name:
            raise invalid("Label", "name", "missing_field")
        if name.lower() in repository["labels"]:
            raise invalid("Label", "name", "already_exists")
        color = str(data.get("color") or "ededed").removeprefix("#")
        label = self.add_label(repository, name, color=color, description=data.get("description"))
        return Reply(201, self.label_json(repository, label))

    @route("GET", LABELS + "/<name>")
    def get_label(self, request: Request, actor: Data, owner: str, repo: str, name: str) -> Data:
        """GET one label."""
        repository = self.repository(request, actor, owner, repo)
        if name.lower() not in repository["labels"]:
            raise not_found()
        return self.label_json(repository, repository["labels"][name.lower()])

    def _names(self, request: Request) -> list[str]:
        data: Any = request.get_json() if request.get_data() else {}
        rows = data.get("labels", []) if isinstance(data, dict) else data
        names = [row["name"] if isinstance(row, dict) else row for row in ([rows] if isinstance(rows, str) else rows)]
        for name in names:
            self.check_text("Label", "name", name, 50)
        return names

    def _labelled(self, request: Request, actor: Data, place: tuple[str, str, int], names: list[str]) -> list[Data]:
        repository = self._pushing(request, actor, place[0], place[1])
        issue = self.issue(repository, place[2])
        for name in names:
            if name.lower() not in repository["labels"]:
                self.add_label(repository, name)
        self.set_labels(repository, issue, actor, [name.lower() for name in names])
        return [self.label_json(repository, repository["labels"][name]) for name in issue["labels"]]

    def _present(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> list[str]:
        return list(self.issue(self.repository(request, actor, owner, repo), number)["labels"])

    @route("GET", ISSUES + "/<int:number>/labels")
    def list_issue_labels(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> list[Data]:
        """GET an issue's labels."""
        repository = self.repository(request, actor, owner, repo)
        return [
            self.label_json(repository, repository["labels"][name]) for name in self.issue(repository, number)["labels"]
        ]

    @route("POST", ISSUES + "/<int:number>/labels")
    def add_issue_labels(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> list[Data]:
        """POST more labels onto an issue."""
        names = self._present(request, actor, owner, repo, number) + self._names(request)
        return self._labelled(request, actor, (owner, repo, number), names)

    @route("PUT", ISSUES + "/<int:number>/labels")
    def put_issue_labels(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> list[Data]:
        """PUT an issue's labels as a whole."""
        return self._labelled(request, actor, (owner, repo, number), self._names(request))

    @route("DELETE", ISSUES + "/<int:number>/labels")
    def clear_issue_labels(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """DELETE all labels of an issue."""
        self._labelled(request, actor, (owner, repo, number), [])
        return Reply(204)

    @route("DELETE", ISSUES + "/<int:number>/labels/<name>")
    def drop_issue_label(
        self, request: Request, actor: Data, owner: str, repo: str, number: int, name: str
    ) -> list[Data]:
        """DELETE one label of an issue."""
        present = self._present(request, actor, owner, repo, number)
        if name.lower() not in present:
            raise not_found()
        present.remove(name.lower())
        return self._labelled(request, actor, (owner, repo, number), present)

    @route("GET", MILESTONES)
    def list_milestones(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET milestones: open ones unless `state` says otherwise."""
        repository = self.repository(request, actor, owner, repo)
        state = request.args.get("state", "open")
        found = [one for one in repository["milestones"].values() if state in ("all", one["state"])]
        rows, headers = one_page(request, self.url, found)
        return Reply(200, [self.milestone_json(repository, milestone) for milestone in rows], headers)

    @route("POST", MILESTONES)
    def create_milestone(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """POST a milestone; titles are unique in a repository."""
        repository = self._pushing(request, actor, owner, repo)
        data = self.body(request)
        if not data.get("title"):
            raise invalid("Milestone", "title", "missing_field")
        if any(one["title"] == data["title"] for one in repository["milestones"].values()):
            raise invalid("Milestone", "title", "already_exists")
        return Reply(201, self.milestone_json(repository, self.make_milestone(repository, actor, data)))

    def make_milestone(self, repository: Data, actor: Data, data: Data) -> Data:
        """Make a milestone from `title` and, if given, `description`, `state`, `due_on`."""
        milestone = {
            "id": self.new_id(),
            "number": len(repository["milestones"]) + 1,
            "title": data["title"],
            "description": data.get("description"),
            "state": data.get("state", "open"),
            "due_on": data.get("due_on"),
            "creator": actor["login"],
            "created_at": self.stamp(),
            "updated_at": self.stamp(),
            "closed_at": None,
        }
        repository["milestones"][str(milestone["number"])] = milestone
        return milestone

    def _milestone(self, repository: Data, number: int) -> Data:
        milestone: Data | None = repository["milestones"].get(str(number))
        if milestone is None:
            raise not_found()
        return milestone

    @route("GET", MILESTONES + "/<int:number>")
    def get_milestone(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Data:
        """GET one milestone."""
        repository = self.repository(request, actor, owner, repo)
        return self.milestone_json(repository, self._milestone(repository, number))

    @route("PATCH", MILESTONES + "/<int:number>")
    def update_milestone(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Data:
        """PATCH a milestone."""
        repository = self._pushing(request, actor, owner, repo)
        milestone = self._milestone(repository, number)
        data = self.body(request)
        milestone |= {key: data[key] for key in ("title", "description", "due_on", "state") if key in data}
        milestone["closed_at"] = self.stamp() if milestone["state"] == "closed" else None
        milestone["updated_at"] = self.stamp()
        return self.milestone_json(repository, milestone)
