"""What happened: events of an issue and of a repository, the timeline, and releases."""

from __future__ import annotations

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.issues import ISSUES
from bridge.sandbox.github.labels import Labels
from bridge.sandbox.github.pages import one_page
from bridge.sandbox.github.refusals import invalid, no_rights, not_found
from bridge.sandbox.github.shapes import WEB
from bridge.sandbox.site import Reply, route

RELEASES = "/repos/<owner>/<repo>/releases"


class Events(Labels):
    """The routes of events and releases."""

    @route("GET", ISSUES + "/events")
    def list_repository_events(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET a repository's issue events, newest first, each with its issue."""
        repository = self.repository(request, actor, owner, repo)
        rows, headers = one_page(request, self.url, repository["events"][::-1])
        return Reply(200, [self.event_json(repository, event, with_issue=True) for event in rows], headers)

    @route("GET", ISSUES + "/<int:number>/events")
    def list_issue_events(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """GET an issue's events, oldest first."""
        repository = self.repository(request, actor, owner, repo)
        self.issue(repository, number)
        found = [event for event in repository["events"] if event["number"] == number]
        rows, headers = one_page(request, self.url, found)
        return Reply(200, [self.event_json(repository, event, with_issue=False) for event in rows], headers)

    @route("GET", ISSUES + "/<int:number>/timeline")
    def list_timeline(self, request: Request, actor: Data, owner: str, repo: str, number: int) -> Reply:
        """GET an issue's events and comments, oldest first."""
        repository = self.repository(request, actor, owner, repo)
        self.issue(repository, number)
        found = [
            self.event_json(repository, event, with_issue=False)
            for event in repository["events"]
            if event["number"] == number
        ]
        for ident in repository["threads"].get(str(number), ()):
            shown = self.comment_json(repository, repository["comments"][str(ident)])
            found.append({**shown, "event": "commented", "actor": shown["user"]})
        found.sort(key=lambda row: (row["created_at"], row["id"]))
        rows, headers = one_page(request, self.url, found)
        return Reply(200, rows, headers)

    def release_json(self, repository: Data, release: Data) -> Data:
        """A release."""
        url = f"{self.repository_url(repository)}/releases/{release['id']}"
        pages = f"{WEB}/{repository['full_name']}"
        return {
            **release,
            "author": self.user_json(release["author"]),
            "url": url,
            "assets_url": f"{url}/assets",
            "upload_url": f"{url}/assets{{?name,label}}",
            "html_url": f"{pages}/releases/tag/{release['tag_name']}",
            "tarball_url": f"{self.repository_url(repository)}/tarball/{release['tag_name']}",
            "zipball_url": f"{self.repository_url(repository)}/zipball/{release['tag_name']}",
            "node_id": self.node_id("RE", release["id"]),
            "target_commitish": "main",
            "assets": [],
        }

    @route("GET", RELEASES)
    def list_releases(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET releases, newest first; drafts only for those who may push."""
        repository = self.repository(request, actor, owner, repo)
        pushing = self.may_push(repository, actor)
        found = [one for one in reversed(repository["releases"].values()) if pushing or not one["draft"]]
        rows, headers = one_page(request, self.url, found)
        return Reply(200, [self.release_json(repository, release) for release in rows], headers)

    @route("POST", RELEASES)
    def create_release(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """POST a release; a draft is not published yet."""
        repository = self.repository(request, actor, owner, repo)
        if not self.may_push(repository, actor):
            raise no_rights()
        data = self.body(request)
        if not data.get("tag_name"):
            raise invalid("Release", "tag_name", "missing_field")
        if any(one["tag_name"] == data["tag_name"] for one in repository["releases"].values()):
            raise invalid("Release", "tag_name", "already_exists")
        return Reply(201, self.release_json(repository, self.make_release(repository, actor, data)))

    def make_release(self, repository: Data, actor: Data, data: Data) -> Data:
        """Make a release from `tag_name` and, if given, `name`, `body`, `draft`, `prerelease`, with its webhook."""
        draft = bool(data.get("draft"))
        release = {
            "id": self.new_id(),
            "tag_name": data["tag_name"],
            "name": data.get("name"),
            "body": data.get("body"),
            "draft": draft,
            "prerelease": bool(data.get("prerelease")),
            "created_at": self.stamp(),
            "published_at": None if draft else self.stamp(),
            "author": actor["login"],
        }
        repository["releases"][str(release["id"])] = release
        self._tell_release(repository, release, actor)
        return release

    @route("PATCH", RELEASES + "/<int:release_id>")
    def update_release(self, request: Request, actor: Data, owner: str, repo: str, release_id: int) -> Data:
        """PATCH a release; `draft: false` publishes it."""
        repository = self.repository(request, actor, owner, repo)
        release: Data | None = repository["releases"].get(str(release_id))
        if release is None or not self.may_push(repository, actor):
            raise not_found()
        data = self.body(request)
        release |= {key: data[key] for key in ("tag_name", "name", "body", "draft", "prerelease") if key in data}
        if not release["draft"] and release["published_at"] is None:
            release["published_at"] = self.stamp()
            self._tell_release(repository, release, actor)
        return self.release_json(repository, release)

    def _tell_release(self, repository: Data, release: Data, actor: Data) -> None:
        if not release["draft"]:
            shown = self.release_json(repository, release)
            self.fire(repository, "release", actor, {"action": "published", "release": shown})
