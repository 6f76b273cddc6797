"""How the simulated GitHub shows its records: users, repositories, issues, comments, labels, milestones, events."""

from __future__ import annotations

from typing import Any

from bridge.sandbox.github.account import Account, Data

WEB = "https://github.example"
REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
_USER_LISTS = {
    "followers_url": "/followers",
    "following_url": "/following{/other_user}",
    "gists_url": "/gists{/gist_id}",
    "starred_url": "/starred{/owner}{/repo}",
    "subscriptions_url": "/subscriptions",
    "organizations_url": "/orgs",
    "repos_url": "/repos",
    "events_url": "/events{/privacy}",
    "received_events_url": "/received_events",
}
_REPOSITORY_LISTS = {
    "labels_url": "/labels{/name}",
    "milestones_url": "/milestones{/number}",
    "issues_url": "/issues{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "issue_events_url": "/issues/events{/number}",
    "hooks_url": "/hooks",
    "releases_url": "/releases{/id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "assignees_url": "/assignees{/user}",
    "events_url": "/events",
}
_ISSUE_LISTS = {
    "labels_url": "/labels{/name}",
    "comments_url": "/comments",
    "events_url": "/events",
    "timeline_url": "/timeline",
}


class Shapes(Account):
    """Records as GitHub shows them."""

    def user_json(self, login: str) -> Data:
        """A user inside another object."""
        user = self.data["users"][login]
        url = f"{self.url}/users/{login}"
        return {
            "login": login,
            "id": user["id"],
            "node_id": self.node_id("U", user["id"]),
            "avatar_url": f"{WEB}/avatars/u/{user['id']}?v=4",
            "gravatar_id": "",
            "url": url,
            "html_url": f"{WEB}/{login}",
            **{name: url + rest for name, rest in _USER_LISTS.items()},
            "type": user["type"],
            "user_view_type": "public",
            "site_admin": False,
        }

    def maybe_user(self, login: str | None) -> Data | None:
        """A user, or null for nobody."""
        return self.user_json(login) if login else None

    def repository_url(self, repository: Data) -> str:
        """The API's address of a repository."""
        return f"{self.url}/repos/{repository['full_name']}"

    def repository_json(self, repository: Data) -> Data:
        """A repository, by itself and inside webhooks."""
        owner, name = repository["full_name"].split("/")
        url = self.repository_url(repository)
        still_open = sum(issue["state"] == "open" for issue in repository["issues"].values())
        return {
            "id": repository["id"],
            "node_id": self.node_id("R", repository["id"]),
            "name": name,
            "full_name": repository["full_name"],
            "private": repository["private"],
            "visibility": "private" if repository["private"] else "public",
            "owner": self.user_json(owner),
            "html_url": f"{WEB}/{repository['full_name']}",
            "description": None,
            "fork": False,
            "url": url,
            **{key: url + rest for key, rest in _REPOSITORY_LISTS.items()},
            "created_at": repository["created_at"],
            "updated_at": repository["created_at"],
            "pushed_at": repository["created_at"],
            "default_branch": "main",
            "has_issues": repository["has_issues"],
            "archived": False,
            "disabled": False,
            "open_issues": still_open,
            "open_issues_count": still_open,
        }

    def label_json(self, repository: Data, label: Data) -> Data:
        """A label."""
        return {
            "id": label["id"],
            "node_id": self.node_id("LA", label["id"]),
            "url": f"{self.repository_url(repository)}/labels/{label['name']}",
            "name": label["name"],
            "color": label["color"],
            "default": label["default"],
            "description": label["description"],
        }

    def milestone_json(self, repository: Data, milestone: Data) -> Data:
        """A milestone with its counts."""
        number = milestone["number"]
        states = [one["state"] for one in repository["issues"].values() if one["milestone"] == number]
        url = f"{self.repository_url(repository)}/milestones/{number}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repository['full_name']}/milestone/{number}",
            "labels_url": f"{url}/labels",
            "node_id": self.node_id("MI", milestone["id"]),
            "open_issues": states.count("open"),
            "closed_issues": states.count("closed"),
            **{key: value for key, value in milestone.items() if key != "creator"},
            "creator": self.user_json(milestone["creator"]),
        }

    def association(self, repository: Data, login: str) -> str:
        """How GitHub says who somebody is to a repository."""
        if login == repository["full_name"].split("/")[0]:
            return "OWNER"
        return "COLLABORATOR" if login in repository["collaborators"] else "NONE"

    def reactions_json(self, url: str) -> Data:
        """Nobody reacts here."""
        return {"url": f"{url}/reactions", "total_count": 0, **dict.fromkeys(REACTIONS, 0)}

    def issue_json(self, repository: Data, issue: Data) -> Data:
        """An issue, in lists and by itself."""
        number = issue["number"]
        url = f"{self.repository_url(repository)}/issues/{number}"
        milestone = repository["milestones"].get(str(issue["milestone"]))
        kind = "pull" if issue["pull_request"] else "issues"
        shown: Data = {
            "url": url,
            "repository_url": self.repository_url(repository),
            **{name: url + rest for name, rest in _ISSUE_LISTS.items()},
            "html_url": f"{WEB}/{repository['full_name']}/{kind}/{number}",
            "id": issue["id"],
            "node_id": self.node_id("I", issue["id"]),
            "number": number,
            "title": issue["title"],
            "user": self.user_json(issue["user"]),
            "labels": [self.label_json(repository, repository["labels"][name]) for name in issue["labels"]],
            "state": issue["state"],
            "locked": issue["locked"],
            "assignee": self.maybe_user(next(iter(issue["assignees"]), None)),
            "assignees": [self.user_json(login) for login in issue["assignees"]],
            "milestone": self.milestone_json(repository, milestone) if milestone else None,
            "comments": len(repository["threads"].get(str(number), ())),
            "created_at": issue["created_at"],
            "updated_at": issue["updated_at"],
            "closed_at": issue["closed_at"],
            "author_association": self.association(repository, issue["user"]),
            "type": None,
            "active_lock_reason": issue["active_lock_reason"],
            "body": issue["body"],
            "closed_by": self.maybe_user(issue["closed_by"]),
            "reactions": self.reactions_json(url),
            "performed_via_github_app": None,
            "state_reason": issue["state_reason"],
        }
        if issue["pull_request"]:
            shown["draft"] = False
            shown["pull_request"] = {"url": url.replace("/issues/", "/pulls/"), "html_url": shown["html_url"]}
        return shown

    def comment_json(self, repository: Data, comment: Data) -> Data:
        """A comment on an issue."""
        base = self.repository_url(repository)
        url = f"{base}/issues/comments/{comment['id']}"
        return {
            "url": url,
            "html_url": f"{WEB}/{repository['full_name']}/issues/{comment['number']}#issuecomment-{comment['id']}",
            "issue_url": f"{base}/issues/{comment['number']}",
            "id": comment["id"],
            "node_id": self.node_id("IC", comment["id"]),
            "user": self.user_json(comment["user"]),
            "created_at": comment["created_at"],
            "updated_at": comment["updated_at"],
            "body": comment["body"],
            "author_association": self.association(repository, comment["user"]),
            "reactions": self.reactions_json(url),
            "performed_via_github_app": None,
        }

    def event_json(self, repository: Data, event: Data, *, with_issue: bool) -> Data:
        """An event of an issue; the repository's list shows the whole issue with each."""
        shown: dict[str, Any] = {
            "id": event["id"],
            "node_id": self.node_id("EV", event["id"]),
            "url": f"{self.repository_url(repository)}/issues/events/{event['id']}",
            "actor": self.user_json(event["actor"]),
            "event": event["event"],
            "commit_id": None,
            "commit_url": None,
            "created_at": event["created_at"],
            "performed_via_github_app": None,
            **event["more"],
        }
        for name in ("assignee", "assigner"):
            if name in shown:
                shown[name] = self.user_json(shown[name])
        issue = repository["issues"].get(str(event["number"]))
        if with_issue:
            shown["issue"] = self.issue_json(repository, issue) if issue else None
        return shown
