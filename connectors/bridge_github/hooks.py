"""Our webhook in each repository of a GitHub site."""

from __future__ import annotations

from typing import Any

from bridge.connect.hooks import HookWish, Kept, Standing, keep_one
from bridge_github.client import GitHubClient, Row

EVENTS = ("issues", "issue_comment")


def keep_webhooks(client: GitHubClient, repositories: tuple[str, ...], wish: HookWish) -> Kept:
    """See `bridge.connect.port.Connector.keep_webhook`. One hook a repository; GitHub calls every one of them `web`.

    Source: docs.github.com, REST API, "Repository webhooks". Reading them needs the right to administer the repository;
    without it GitHub answers 404.
    """
    did: list[str] = []
    for repository in repositories:
        did += [
            what if len(repositories) == 1 else f"{what} in {repository}" for what in _keep(client, repository, wish)
        ]
    return Kept(wish.secret, tuple(did))


def _keep(client: GitHubClient, repository: str, wish: HookWish) -> tuple[str, ...]:
    path = f"/repos/{repository}/hooks"
    config = {"url": wish.address, "content_type": "json", "insecure_ssl": "0", "secret": wish.secret}
    body: dict[str, Any] = {"name": "web", "active": True, "events": list(EVENTS), "config": config}
    hooks = [row for answer in client.pages(path, {}, endpoint="hooks") for row in answer.rows]
    ours = [row for row in hooks if wish.is_ours("", str(row["config"].get("url", "")))]
    return keep_one(
        [Standing(str(row["id"]), _is_right(row, config)) for row in ours],
        make=lambda: client.write("POST", path, body, endpoint="hooks"),
        mend=lambda ident: client.write("PATCH", f"{path}/{ident}", body, endpoint="hook"),
        remove=lambda ident: client.remove(f"{path}/{ident}", endpoint="hook"),
        renew=wish.renew,
    )


def _is_right(row: Row, config: dict[str, str]) -> bool:
    shown: dict[str, Any] = row["config"]
    same = all(str(shown.get(key, "")) == value for key, value in config.items() if key != "secret")
    return bool(row["active"]) and set(row["events"]) == set(EVENTS) and same and bool(shown.get("secret"))
