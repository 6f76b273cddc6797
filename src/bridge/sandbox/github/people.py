"""Accounts and rights: who am I, who is that, who may do what here, and how much of the limit is left."""

from __future__ import annotations

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.events import Events
from bridge.sandbox.github.pages import one_page
from bridge.sandbox.github.refusals import not_found
from bridge.sandbox.site import Reply, route

REPOSITORY = "/repos/<owner>/<repo>"


class People(Events):
    """The routes of users, collaborators and repositories themselves."""

    def _whole(self, login: str) -> Data:
        user = self.data["users"][login]
        counts = dict.fromkeys(("public_repos", "public_gists", "followers", "following"), 0)
        unknown = dict.fromkeys(("company", "location", "email", "hireable", "bio", "twitter_username"))
        return {
            **self.user_json(login),
            "name": user["name"],
            "blog": "",
            **unknown,
            **counts,
            "created_at": user["created_at"],
            "updated_at": user["created_at"],
        }

    @route("GET", "/user")
    def get_self(self, request: Request, actor: Data) -> Data:
        """GET the account of the token."""
        return self._whole(actor["login"])

    @route("GET", "/users/<login>")
    def get_user(self, request: Request, actor: Data, login: str) -> Data:
        """GET a user. GitHub shows no mail address unless its owner does."""
        found = next((name for name in self.data["users"] if name.lower() == login.lower()), None)
        if found is None:
            raise not_found()
        return self._whole(found)

    @route("GET", "/rate_limit")
    def get_rate_limit(self, request: Request, actor: Data) -> Data:
        """GET what is left of the limit. Costs none of it."""
        window = self.data["limits"][actor["login"]]
        most = int(self.settings.get("limit_per_hour", 5000))
        core = {"limit": most, "used": window["used"], "remaining": max(0, most - window["used"])}
        return {"resources": {"core": {**core, "reset": window["reset"]}}, "rate": {**core, "reset": window["reset"]}}

    @route("GET", REPOSITORY)
    def get_repository(self, request: Request, actor: Data, owner: str, repo: str) -> Data:
        """GET a repository, with what the account may do there."""
        repository = self.repository(request, actor, owner, repo)
        role = self.role(repository, actor["login"])
        pushing = self.may_push(repository, actor)
        rights = {"admin": role == "admin", "maintain": role in ("maintain", "admin"), "push": pushing}
        return {**self.repository_json(repository), "permissions": {**rights, "triage": pushing, "pull": True}}

    @route("GET", REPOSITORY + "/collaborators")
    def list_collaborators(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET the collaborators."""
        repository = self.repository(request, actor, owner, repo)
        rows, headers = one_page(request, self.url, list(repository["collaborators"].items()))
        return Reply(200, [{**self.user_json(login), "role_name": role} for login, role in rows], headers)

    @route("GET", REPOSITORY + "/collaborators/<login>/permission")
    def get_permission(self, request: Request, actor: Data, owner: str, repo: str, login: str) -> Data:
        """GET what a user may do here."""
        repository = self.repository(request, actor, owner, repo)
        if login not in self.data["users"]:
            raise not_found()
        role = self.role(repository, login)
        broad = {"maintain": "write", "triage": "read"}.get(role, role)
        return {"permission": broad, "role_name": role, "user": {**self.user_json(login), "role_name": role}}

    @route("GET", REPOSITORY + "/assignees")
    def list_assignees(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET who can be assigned."""
        repository = self.repository(request, actor, owner, repo)
        rows, headers = one_page(request, self.url, list(repository["collaborators"]))
        return Reply(200, [self.user_json(login) for login in rows], headers)
