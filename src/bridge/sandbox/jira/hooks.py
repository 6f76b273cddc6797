"""Webhooks an administrator registers, and their deliveries.

On Cloud a delivery is signed when the webhook has a secret: `X-Hub-Signature: sha256=<hex>` over the raw body (Atlassian,
"Webhooks", section "Secure admin webhooks"). Data Center signs nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.jira.core import Json, refusal
from bridge.sandbox.jira.files import JiraFiles
from bridge.sandbox.jira.jql import JqlError, parse
from bridge.sandbox.jira.jql_match import Setting, select
from bridge.sandbox.site import Refusal, Reply, route

_PATH = "/rest/webhooks/1.0/webhook"
_FILTER = "issue-related-events-section"


class JiraHooks(JiraFiles):
    """Registers webhooks and tells them what happened."""

    def _check_admin(self, actor: str) -> None:
        if not self.data["users"][actor]["admin"]:
            raise Refusal(403, {"errorMessages": ["Only administrators may register webhooks."], "errors": {}})

    @route("GET", _PATH)
    def list_webhooks(self, request: Request, actor: str) -> list[Json]:
        """The registered webhooks, without their secrets."""
        self._check_admin(actor)
        return [self._show_webhook(one) for one in self.data["webhooks"].values()]

    def _show_webhook(self, one: Json) -> Json:
        shown = {name: value for name, value in one.items() if name not in ("secret", "id")}
        return {**shown, "isSigned": bool(one["secret"]), "self": f"{self.url}{_PATH}/{one['id']}"}

    @route("POST", _PATH)
    def create_webhook(self, request: Request, actor: str) -> Reply:
        """Register a webhook: `name`, `url`, `events`, and optionally `secret`, `filters`, `excludeBody`, `enabled`."""
        self._check_admin(actor)
        ident = self.next_id("webhook")
        one = self.data["webhooks"][ident] = {"id": ident, "secret": "", **self._read_webhook(request)}
        return Reply(201, self._show_webhook(one))

    @route("PUT", f"{_PATH}/<ident>")
    def replace_webhook(self, request: Request, actor: str, ident: str) -> Json:
        """Change a webhook: what is not told falls back, but for the secret, which stands until another is given."""
        self._check_admin(actor)
        one: Json | None = self.data["webhooks"].get(ident)
        if one is None:
            raise refusal(404, "Webhook not found.")
        one.update(self._read_webhook(request))
        return self._show_webhook(one)

    def _read_webhook(self, request: Request) -> Json:
        body = self.read_body(request)
        if not str(body.get("url", "")).startswith(("http://", "https://")) or not body.get("name"):
            raise refusal(400, "A webhook needs a name and a url.")
        filters = body.get("filters") or {}
        try:
            parse(str(filters.get(_FILTER, "")))
        except JqlError as error:
            raise refusal(400, str(error)) from error
        one = {
            "name": body["name"],
            "url": body["url"],
            "events": list(body.get("events") or ()),
            "filters": filters,
            "excludeBody": bool(body.get("excludeBody")),
            "enabled": body.get("enabled", True),
        }
        return {**one, "secret": body["secret"]} if body.get("secret") else one

    @route("DELETE", f"{_PATH}/<ident>")
    def delete_webhook(self, request: Request, actor: str, ident: str) -> Reply:
        """Take a webhook away."""
        self._check_admin(actor)
        if self.data["webhooks"].pop(ident, None) is None:
            raise refusal(404, "Webhook not found.")
        return Reply(204)

    def announce(self, event: str, issue: Json, **more: Any) -> None:
        self._tell(event, self._issue_payload(event, issue, more), issue)

    def _issue_payload(self, event: str, issue: Json, more: Json) -> Json:
        payload: Json = {"timestamp": self.stamp(), "webhookEvent": event}
        brief = frozenset({"summary", "issuetype", "project", "priority", "status", "updated"})
        if event.startswith("comment_"):
            payload["comment"] = self.show_comment(more["comment"])
            payload["issue"] = self.show_issue(issue, brief)
            return payload
        payload["issue_event_type_name"] = more.get("issue_event_type_name", "issue_updated")
        payload["user"] = self.show_user(more["actor"])
        payload["issue"] = self.show_issue(issue, None)
        if more.get("items"):
            payload["changelog"] = {"id": str(self.data["sequence"]["history"]), "items": more["items"]}
        return payload

    def announce_version(self, event: str, version: Json) -> None:
        self._tell(
            event, {"timestamp": self.stamp(), "webhookEvent": event, "version": self.show_version(version)}, None
        )

    def _tell(self, event: str, payload: Json, issue: Json | None) -> None:
        for one in self.data["webhooks"].values():
            if not one["enabled"] or (one["events"] and event not in one["events"]):
                continue
            if issue is not None and not self._is_meant(one, issue):
                continue
            key, ident = (issue["key"], issue["id"]) if issue else ("", "")
            url = one["url"].replace("${issue.key}", key).replace("${issue.id}", ident)
            raw = b"" if one["excludeBody"] else json.dumps(payload).encode()
            headers = {"Content-Type": "application/json; charset=UTF-8", "User-Agent": "Atlassian Webhook HTTP Client"}
            if self.cloud:
                number = self.next_id("delivery")
                headers["X-Atlassian-Webhook-Identifier"] = f"{self.name}-{number}"
                headers["X-Atlassian-Webhook-Flow"] = "Primary"
                if one["secret"]:
                    mac = hmac.new(one["secret"].encode(), raw, hashlib.sha256).hexdigest()
                    headers["X-Hub-Signature"] = f"sha256={mac}"
            self.world.deliver(url, headers, raw)

    def _is_meant(self, one: Json, issue: Json) -> bool:
        """Whether the webhook's JQL, if it has any, selects the issue. A deleted one is asked for as it was."""
        jql = str(one["filters"].get(_FILTER, ""))
        return not jql or bool(select(parse(jql), [self._row(issue)], Setting(self.world.now())))
