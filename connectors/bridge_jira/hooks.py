"""Our webhook at a Jira site: one that an administrator registers, which does not expire.

https://developer.atlassian.com/cloud/jira/platform/webhooks/ ("Registering a webhook using the REST API")
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bridge.connect.hooks import HookWish, Kept, Standing, keep_one
from bridge_jira.client import JiraClient, Json

EVENTS = tuple(
    [f"jira:issue_{what}" for what in ("created", "updated", "deleted")]
    + [f"comment_{what}" for what in ("created", "updated", "deleted")]
)
_FILTER = "issue-related-events-section"
_BASE = "{server}/rest/webhooks/1.0/{path}"


def keep_webhook(client: JiraClient, projects: Sequence[str], wish: HookWish) -> Kept:
    """See `bridge.connect.port.Connector.keep_webhook`. On Data Center nothing is signed: the address is the secret."""
    wanted: Json = {
        "name": wish.name,
        "url": wish.address,
        "events": list(EVENTS),
        "filters": {_FILTER: f"project in ({', '.join(projects)})"},
        "excludeBody": False,
        "enabled": True,
    }
    sent = {**wanted, "secret": wish.secret} if client.cloud else wanted

    def write(method: str, below: str = "", body: Json | None = None) -> None:
        client.send(method, f"webhook{below}", endpoint="webhook", body=body, writes=True, base=_BASE)

    standing: list[Json] = client.read("webhook", endpoint="webhook", base=_BASE)
    did = keep_one(
        [
            Standing(_ident(one), _is_right(one, wanted, signed=client.cloud))
            for one in standing
            if wish.is_ours(str(one.get("name", "")), str(one.get("url", "")))
        ],
        make=lambda: write("POST", body=sent),
        mend=lambda ident: write("PUT", f"/{ident}", sent),
        remove=lambda ident: write("DELETE", f"/{ident}"),
        renew=wish.renew and client.cloud,
    )
    return Kept(wish.secret, did)


def _ident(one: Json) -> str:
    # Jira names a webhook by its address only.
    return str(one["self"]).rstrip("/").rpartition("/")[2]


def _is_right(one: Json, wanted: Json, *, signed: bool) -> bool:
    def same(key: str, value: Any) -> bool:
        shown = one.get(key)
        return set(shown or ()) == set(value) if key == "events" else shown == value

    return all(same(key, value) for key, value in wanted.items()) and (not signed or one.get("isSigned", True))
