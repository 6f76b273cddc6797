"""What every part of the simulated GitHub stands on: state, credentials, limits, repositories and who may do what."""

from __future__ import annotations

import hashlib
import json
from base64 import b64encode
from collections.abc import Iterable
from typing import Any, ClassVar

from werkzeug.wrappers import Request

from bridge.sandbox.github.pages import stamp
from bridge.sandbox.github.refusals import bad_credentials, not_found, refuse, wrong_type
from bridge.sandbox.site import Refusal, Reply, Site

Data = dict[str, Any]

USUAL_REPOSITORIES = ({"full_name": "vendor/platform", "private": True, "readers": ("reporter",)},)
USUAL_LABELS = {"bug": "d73a4a", "duplicate": "cfd3d7", "enhancement": "a2eeef", "question": "d876e3"}
PUSHING = frozenset({"write", "maintain", "admin"})


class Account(Site):
    """State and rights. Settings, all optional:

    `repositories` (names, or mappings with `full_name`, `private`, `has_issues`, `readers`), `users` (more logins,
    collaborators of nothing), `limit_per_hour` (5000), `creations_per_minute` and `creations_per_hour` (0: off),
    `hook_delay_s` (0), `search_lag_s` (0: how far the search index is behind).
    """

    kind: ClassVar[str] = "github"
    api: ClassVar[str] = "github"

    def reset(self) -> None:
        """Bridge's account, an engineer, a lead and a stranger; the configured repositories without issues."""
        self.data = {"next_id": 1000, "users": {}, "repositories": {}, "renamed": {}, "limits": {}, "creations": {}}
        for login, name in (
            ("vendor-bridge", "Bridge"),
            ("engineer", "Support Engineer"),
            ("lead", "Team Lead"),
            ("reporter", "A Reporter"),
        ):
            self.add_user(login, name=name)
        for login in self.settings.get("users", ()):
            self.add_user(login)
        for entry in self.settings.get("repositories", USUAL_REPOSITORIES):
            told = {"full_name": entry} if isinstance(entry, str) else dict(entry)
            self.add_repository(told.pop("full_name"), **told)

    def add_user(self, login: str, *, name: str = "", kind: str = "User") -> Data:
        """An account with this login; its token is `sandbox:<login>`."""
        user = {"id": self.new_id(), "login": login, "name": name or login, "type": kind, "created_at": self.stamp()}
        self.data["users"][login] = user
        return user

    def add_repository(
        self, full_name: str, *, private: bool = False, has_issues: bool = True, readers: Iterable[str] = ()
    ) -> Data:
        """An empty repository whose collaborators are bridge, the engineer and the lead; `readers` may read it."""
        owner = full_name.split("/")[0]
        if owner not in self.data["users"]:
            self.add_user(owner, kind="Organization")
        repository: Data = {
            "id": self.new_id(),
            "full_name": full_name,
            "private": private,
            "has_issues": has_issues,
            "created_at": self.stamp(),
            "last_number": 0,
            "collaborators": {
                **dict.fromkeys(readers, "read"),
                "vendor-bridge": "write",
                "engineer": "write",
                "lead": "admin",
            },
            "labels": {},
            "milestones": {},
            "issues": {},
            "comments": {},
            "threads": {},
            "events": [],
            "releases": {},
            "hooks": {},
            "moved": {},
            "deleted": [],
        }
        self.data["repositories"][full_name] = repository
        for label, color in USUAL_LABELS.items():
            self.add_label(repository, label, color=color, default=True)
        return repository

    def add_label(
        self,
        repository: Data,
        name: str,
        *,
        color: str = "ededed",
        description: str | None = None,
        default: bool = False,
    ) -> Data:
        """A label of a repository. Names are told apart without regard to case."""
        label = {"id": self.new_id(), "name": name, "color": color, "description": description, "default": default}
        repository["labels"][name.lower()] = label
        return label

    def rename_repository(self, old: str, new: str) -> None:
        """Give a repository another name; requests to the old one are answered with 301."""
        repository = self.data["repositories"].pop(old)
        repository["full_name"] = new
        self.data["repositories"][new] = repository
        self.data["renamed"][old.lower()] = repository["id"]

    def new_id(self) -> int:
        """An id nothing else of this site has."""
        self.data["next_id"] += 1
        return int(self.data["next_id"])

    def node_id(self, kind: str, ident: int) -> str:
        """The opaque second id every GitHub object has."""
        return f"{kind}_{b64encode(str(ident).encode()).decode().rstrip('=')}"

    def stamp(self) -> str:
        """The present as GitHub writes it."""
        return stamp(self.world.now())

    def authenticate(self, request: Request) -> Data:
        """The user behind `Authorization: token …` or `Bearer …`."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() not in ("token", "bearer"):
            raise refuse(401, "Requires authentication")
        login = "vendor-bridge" if token == "sandbox" else token.removeprefix("sandbox:") if ":" in token else ""
        user: Data | None = self.data["users"].get(login)
        if user is None or user["type"] == "Organization":
            raise bad_credentials()
        return user

    def limit(self, request: Request, actor: Data) -> dict[str, str]:
        """The primary limit: so many requests an hour for each user. Answers of 304 are given back in `handle`."""
        most = int(self.settings.get("limit_per_hour", 5000))
        now_s = self.world.now().timestamp()
        window = self.data["limits"].get(actor["login"])
        if window is None or window["reset"] <= now_s:
            window = self.data["limits"][actor["login"]] = {"used": 0, "reset": int(now_s) + 3600}
        if request.path == "/rate_limit":
            return self._limit_headers(window, most)
        if window["used"] >= most:
            raise refuse(
                403, f"API rate limit exceeded for user ID {actor['id']}.", headers=self._limit_headers(window, most)
            )
        window["used"] += 1
        return self._limit_headers(window, most)

    def _limit_headers(self, window: Data, most: int) -> dict[str, str]:
        return {
            "X-RateLimit-Limit": str(most),
            "X-RateLimit-Remaining": str(max(0, most - window["used"])),
            "X-RateLimit-Used": str(window["used"]),
            "X-RateLimit-Reset": str(window["reset"]),
            "X-RateLimit-Resource": "core",
        }

    def count_creation(self, actor: Data) -> None:
        """The secondary limits on created content. Raises Refusal(403) with Retry-After."""
        now_s = self.world.now().timestamp()
        made = [at for at in self.data["creations"].get(actor["login"], ()) if at > now_s - 3600]
        for name, span_s in (("creations_per_minute", 60), ("creations_per_hour", 3600)):
            most = int(self.settings.get(name, 0))
            within = [at for at in made if at > now_s - span_s]
            if most and len(within) >= most:
                wait_s = max(1, round(within[-most] + span_s - now_s))
                message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
                raise refuse(403, message, headers={"Retry-After": str(wait_s)})
        self.data["creations"][actor["login"]] = [*made, now_s]

    def handle(self, request: Request) -> tuple[Reply, bool]:
        """Answer a request; a GET whose ETag the client already has becomes 304, which costs no limit.

        `/repositories/<id>/…`, where redirects lead, is another spelling of `/repos/<owner>/<repo>/…`.
        """
        parts = request.path.split("/", 3)
        if parts[1] == "repositories" and len(parts) == 4:
            for full_name, repository in self.data["repositories"].items():
                if str(repository["id"]) == parts[2]:
                    request.path = f"/repos/{full_name}/{parts[3]}"
        reply, reads = super().handle(request)
        if request.method != "GET" or reply.status != 200:
            return reply, reads
        shown = json.dumps([reply.body, reply.headers.get("Link")], sort_keys=True).encode()
        tag = f'"{hashlib.sha256(shown).hexdigest()}"'
        reply.headers |= {"ETag": f"W/{tag}", "Cache-Control": "private, max-age=60, s-maxage=60"}
        if tag not in [part.strip().removeprefix("W/") for part in request.headers.get("If-None-Match", "").split(",")]:
            return reply, reads
        window = self.data["limits"][request.environ["sandbox.actor"]]
        window["used"] = max(0, window["used"] - 1)
        headers = reply.headers | self._limit_headers(window, int(self.settings.get("limit_per_hour", 5000)))
        return Reply(304, None, headers), reads

    def not_found(self) -> Reply:
        """404 in GitHub's shape."""
        return not_found().reply

    def malformed(self, reason: str) -> Reply:
        """400 in GitHub's shape."""
        return refuse(400, "Problems parsing JSON").reply

    def body(self, request: Request) -> Data:
        """The JSON object a request carries; an empty body is an empty object. Raises Refusal(400 or 422)."""
        data = request.get_json() if request.get_data() else {}
        if not isinstance(data, dict):
            raise wrong_type("", data, "an object")
        return data

    def role(self, repository: Data, login: str) -> str:
        """What a login may do in a repository: `admin`, `maintain`, `write`, `triage`, `read` or `none`."""
        if login == repository["full_name"].split("/")[0]:
            return "admin"
        usual = "none" if repository["private"] else "read"
        return str(repository["collaborators"].get(login, usual))

    def may_push(self, repository: Data, actor: Data) -> bool:
        """Whether an account may label, assign and close in a repository."""
        return self.role(repository, actor["login"]) in PUSHING

    def repository(self, request: Request, actor: Data, owner: str, repo: str) -> Data:
        """The repository asked for. Raises Refusal: 404 unless the account may see it, 301 after a renaming."""
        wanted = f"{owner}/{repo}".lower()
        for full_name, repository in self.data["repositories"].items():
            if full_name.lower() == wanted:
                if self.role(repository, actor["login"]) == "none":
                    raise not_found()
                found: Data = repository
                return found
        if wanted in self.data["renamed"]:
            rest = request.full_path.removeprefix(f"/repos/{owner}/{repo}").rstrip("?")
            raise self.moved(f"{self.url}/repositories/{self.data['renamed'][wanted]}{rest}")
        raise not_found()

    def moved(self, location: str) -> Refusal:
        """301 to where something is now."""
        body = {"message": "Moved Permanently", "url": location, "documentation_url": "https://docs.github.com/rest"}
        return Refusal(301, body, {"Location": location})
