"""Comments on issues: by issue and by repository. Every change of one bumps its issue's `updated_at`."""

from __future__ import annotations

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.changes import BODY_LIMIT
from bridge.sandbox.github.issues import ISSUES, Issues
from bridge.sandbox.github.pages import one_page, since
from bridge.sandbox.github.refusals import invalid, no_rights, not_found
from bridge.sandbox.site import Reply, route

COMMENT = ISSUES + "/comments/<int:comment_id>"


class Comments(Issues):
    """The routes of comments."""

    def _checked_body(self, request: Request) -> str:
        data = self.body(request)
        if data.get("body") is None:
            raise invalid("IssueComment", "body", "missing_field")
        self.check_text("IssueComment", "body", data["body"], BODY_LIMIT)
        if not data["body"].strip():
            raise invalid("IssueComment", "data", "unprocessable", message="Body cannot be blank")
        return str(data["body"])

    @route("GET", ISSUES + "/<int:number>/comments")
    def list_comments(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """GET the comments of an issue, oldest first."""
        repository = self.repository(request, actor, owner, repo)
        self.issue(repository, number)
        after = since(request, "IssueComment")
        thread = (repository["comments"][str(ident)] for ident in repository["threads"].get(str(number), ()))
        rows = [comment for comment in thread if comment["updated_at"] >= after]
        page, headers = one_page(request, self.url, rows)
        return Reply(200, [self.comment_json(repository, comment) for comment in page], headers)

    @route("GET", ISSUES + "/comments")
    def list_all_comments(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET the comments of a repository: by id, or by `sort` and `direction`."""
        repository = self.repository(request, actor, owner, repo)
        after = since(request, "IssueComment")
        rows = [comment for comment in repository["comments"].values() if comment["updated_at"] >= after]
        sort = {"created": "created_at", "updated": "updated_at"}.get(request.args.get("sort", ""))
        down = bool(sort) and request.args.get("direction", "desc") != "asc"
        rows.sort(key=lambda comment: (comment[sort] if sort else "", comment["id"]), reverse=down)
        page, headers = one_page(request, self.url, rows)
        return Reply(200, [self.comment_json(repository, comment) for comment in page], headers)

    @route("POST", ISSUES + "/<int:number>/comments")
    def create_comment(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """POST a comment. A locked issue takes them from collaborators only."""
        repository = self.repository(request, actor, owner, repo)
        issue = self.issue(repository, number)
        body = self._checked_body(request)
        if issue["locked"] and not self.may_push(repository, actor):
            raise no_rights("Unable to create comment because issue is locked.")
        self.count_creation(actor)
        return Reply(201, self.comment_json(repository, self.make_comment(repository, issue, actor, body)))

    def make_comment(self, repository: Data, issue: Data, actor: Data, body: str) -> Data:
        """Write a comment, with its webhook."""
        at = self.stamp()
        comment: Data = {
            "id": self.new_id(),
            "number": issue["number"],
            "body": body,
            "user": actor["login"],
            "created_at": at,
            "updated_at": at,
        }
        repository["comments"][str(comment["id"])] = comment
        repository["threads"].setdefault(str(issue["number"]), []).append(comment["id"])
        self._tell_comment(repository, comment, actor, "created")
        return comment

    def _tell_comment(self, repository: Data, comment: Data, actor: Data, action: str) -> None:
        issue = repository["issues"][str(comment["number"])]
        issue["updated_at"] = self.stamp()
        if not repository["hooks"]:
            return
        payload = {
            "action": action,
            "issue": self.issue_json(repository, issue),
            "comment": self.comment_json(repository, comment),
        }
        self.fire(repository, "issue_comment", actor, payload)

    def _comment(self, repository: Data, comment_id: int) -> Data:
        comment: Data | None = repository["comments"].get(str(comment_id))
        if comment is None:
            raise not_found()
        return comment

    @route("GET", COMMENT)
    def get_comment(self, request: Request, actor: Data, owner: str, repo: str, comment_id: int) -> Data:
        """GET one comment."""
        repository = self.repository(request, actor, owner, repo)
        return self.comment_json(repository, self._comment(repository, comment_id))

    @route("PATCH", COMMENT)
    def update_comment(self, request: Request, actor: Data, owner: str, repo: str, comment_id: int) -> Data:
        """PATCH a comment's text."""
        repository = self.repository(request, actor, owner, repo)
        comment = self._own(repository, actor, comment_id)
        comment |= {"body": self._checked_body(request), "updated_at": self.stamp()}
        self._tell_comment(repository, comment, actor, "edited")
        return self.comment_json(repository, comment)

    @route("DELETE", COMMENT)
    def delete_comment(self, request: Request, actor: Data, owner: str, repo: str, comment_id: int) -> Reply:
        """DELETE a comment."""
        repository = self.repository(request, actor, owner, repo)
        comment = self._own(repository, actor, comment_id)
        del repository["comments"][str(comment_id)]
        repository["threads"][str(comment["number"])].remove(comment_id)
        self._tell_comment(repository, comment, actor, "deleted")
        return Reply(204)

    def _own(self, repository: Data, actor: Data, comment_id: int) -> Data:
        comment = self._comment(repository, comment_id)
        if not (self.may_push(repository, actor) or comment["user"] == actor["login"]):
            raise no_rights()
        return comment
