"""Webhooks of a repository: kept, fired, signed, and shown with their deliveries. GitHub never retries by itself."""

from __future__ import annotations

import hashlib
import hmac
import json
import uuid
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.github.account import Data
from bridge.sandbox.github.pages import one_page
from bridge.sandbox.github.refusals import invalid, not_found
from bridge.sandbox.github.shapes import Shapes
from bridge.sandbox.site import Reply, route

HOOKS = "/repos/<owner>/<repo>/hooks"


class Hooks(Shapes):
    """Registrations and deliveries."""

    def fire(self, repository: Data, event: str, actor: Data, payload: Data) -> None:
        """Send an event to every active hook that asked for it, after the request was answered."""
        if not repository["hooks"]:
            return
        whole = {**payload, "repository": self.repository_json(repository), "sender": self.user_json(actor["login"])}
        for hook in repository["hooks"].values():
            if hook["active"] and ("*" in hook["events"] or event in hook["events"]):
                self._send(repository, hook, event, whole)

    def _send(self, repository: Data, hook: Data, event: str, payload: Data, *, guid: str = "") -> None:
        body = json.dumps(payload).encode()
        headers = self._headers(repository, hook, event, body, guid)
        delivery: Data = {
            "id": self.new_id(),
            "guid": headers["X-GitHub-Delivery"],
            "delivered_at": self.stamp(),
            "redelivery": bool(guid),
            "duration": 0.0,
            "status": "pending",
            "status_code": 0,
            "event": event,
            "action": payload.get("action"),
            "installation_id": None,
            "repository_id": repository["id"],
            "request": {"headers": headers, "payload": payload},
            "response": {"headers": {}, "payload": ""},
        }
        hook["deliveries"].insert(0, delivery)
        del hook["deliveries"][100:]

        def answered(status: int) -> None:
            delivery["status_code"] = status
            delivery["status"] = "OK" if 200 <= status < 300 else "Invalid HTTP Response" if status else "failed"

        url = hook["config"]["url"]
        self.world.later(
            float(self.settings.get("hook_delay_s", 0)),
            lambda: self.world.deliver(url, headers, body, answered=answered),
        )

    def _headers(self, repository: Data, hook: Data, event: str, body: bytes, guid: str) -> dict[str, str]:
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "GitHub-Hookshot/sandbox",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": guid or str(uuid.UUID(int=self.world.random.getrandbits(128), version=4)),
            "X-GitHub-Hook-ID": str(hook["id"]),
            "X-GitHub-Hook-Installation-Target-Type": "repository",
            "X-GitHub-Hook-Installation-Target-ID": str(repository["id"]),
        }
        if secret := hook["config"].get("secret", ""):
            signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            headers["X-Hub-Signature-256"] = f"sha256={signature}"
        return headers

    def hook_json(self, repository: Data, hook: Data) -> Data:
        """A hook as GitHub shows it: the secret hidden."""
        url = f"{self.repository_url(repository)}/hooks/{hook['id']}"
        config = {**hook["config"], **({"secret": "********"} if hook["config"].get("secret") else {})}
        last = hook["deliveries"][0] if hook["deliveries"] else None
        response = {"code": last["status_code"] if last else None, "status": "active" if last else "unused"}
        return {
            "type": "Repository",
            "id": hook["id"],
            "name": "web",
            "active": hook["active"],
            "events": hook["events"],
            "config": config,
            "created_at": hook["created_at"],
            "updated_at": hook["updated_at"],
            "url": url,
            "test_url": f"{url}/tests",
            "ping_url": f"{url}/pings",
            "deliveries_url": f"{url}/deliveries",
            "last_response": {**response, "message": None},
        }

    def _hooked(self, request: Request, actor: Data, owner: str, repo: str) -> Data:
        repository = self.repository(request, actor, owner, repo)
        if self.role(repository, actor["login"]) != "admin":
            raise not_found()
        return repository

    def _hook(self, repository: Data, hook_id: int) -> Data:
        hook: Data | None = repository["hooks"].get(str(hook_id))
        if hook is None:
            raise not_found()
        return hook

    @route("GET", HOOKS)
    def list_hooks(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """GET hooks."""
        repository = self._hooked(request, actor, owner, repo)
        rows, headers = one_page(request, self.url, list(repository["hooks"].values()))
        return Reply(200, [self.hook_json(repository, hook) for hook in rows], headers)

    @route("POST", HOOKS)
    def create_hook(self, request: Request, actor: Data, owner: str, repo: str) -> Reply:
        """POST hooks: one web hook for each address and set of events."""
        repository = self._hooked(request, actor, owner, repo)
        data = self.body(request)
        config = data.get("config") or {}
        if not str(config.get("url", "")).startswith(("http://", "https://")):
            raise invalid("Hook", "url", "missing_field")
        if any(hook["config"]["url"] == config["url"] for hook in repository["hooks"].values()):
            raise invalid("Hook", "base", "custom", message="Hook already exists on this repository")
        return Reply(201, self.hook_json(repository, self.make_hook(repository, data)))

    def make_hook(self, repository: Data, data: Data) -> Data:
        """Register a web hook from `config` and, if given, `events` and `active`; it is pinged."""
        hook: Data = {
            "id": self.new_id(),
            "active": bool(data.get("active", True)),
            "events": list(data.get("events") or ["push"]),
            "config": {"content_type": "form", "insecure_ssl": "0", **data["config"]},
            "created_at": self.stamp(),
            "updated_at": self.stamp(),
            "deliveries": [],
        }
        repository["hooks"][str(hook["id"])] = hook
        self._ping(repository, hook)
        return hook

    def _ping(self, repository: Data, hook: Data) -> None:
        payload = {"zen": "Keep it logically awesome.", "hook_id": hook["id"], "hook": self.hook_json(repository, hook)}
        self._send(repository, hook, "ping", {**payload, "repository": self.repository_json(repository)})

    @route("GET", HOOKS + "/<int:hook_id>")
    def get_hook(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int) -> Data:
        """GET one hook."""
        repository = self._hooked(request, actor, owner, repo)
        return self.hook_json(repository, self._hook(repository, hook_id))

    @route("PATCH", HOOKS + "/<int:hook_id>")
    def update_hook(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int) -> Data:
        """PATCH a hook: its config is replaced as a whole."""
        repository = self._hooked(request, actor, owner, repo)
        hook, data = self._hook(repository, hook_id), self.body(request)
        if "config" in data:
            if not data["config"].get("url"):
                raise invalid("Hook", "url", "missing_field")
            hook["config"] = {"content_type": "form", "insecure_ssl": "0", **data["config"]}
        events = [*(data.get("events") or hook["events"]), *(data.get("add_events") or ())]
        hook["events"] = [name for name in dict.fromkeys(events) if name not in data.get("remove_events", ())]
        hook["active"] = bool(data.get("active", hook["active"]))
        hook["updated_at"] = self.stamp()
        return self.hook_json(repository, hook)

    @route("DELETE", HOOKS + "/<int:hook_id>")
    def delete_hook(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int) -> Reply:
        """DELETE a hook."""
        repository = self._hooked(request, actor, owner, repo)
        self._hook(repository, hook_id)
        del repository["hooks"][str(hook_id)]
        return Reply(204)

    @route("POST", HOOKS + "/<int:hook_id>/pings")
    def ping_hook(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int) -> Reply:
        """POST a ping to a hook."""
        repository = self._hooked(request, actor, owner, repo)
        self._ping(repository, self._hook(repository, hook_id))
        return Reply(204)

    @route("GET", HOOKS + "/<int:hook_id>/deliveries")
    def list_deliveries(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int) -> Reply:
        """GET the deliveries of a hook, newest first."""
        hook = self._hook(self._hooked(request, actor, owner, repo), hook_id)
        rows, headers = one_page(request, self.url, hook["deliveries"])
        return Reply(200, [self._brief(row) for row in rows], headers)

    def _brief(self, delivery: Data) -> Data:
        return {key: value for key, value in delivery.items() if key not in ("request", "response")}

    def _delivery(self, hook: Data, delivery_id: int) -> Data:
        found: Data | None = next((one for one in hook["deliveries"] if one["id"] == delivery_id), None)
        if found is None:
            raise not_found()
        return found

    @route("GET", HOOKS + "/<int:hook_id>/deliveries/<int:delivery_id>")
    def get_delivery(
        self, request: Request, actor: Data, owner: str, repo: str, hook_id: int, delivery_id: int
    ) -> Data:
        """GET one delivery with what was sent."""
        return self._delivery(self._hook(self._hooked(request, actor, owner, repo), hook_id), delivery_id)

    @route("POST", HOOKS + "/<int:hook_id>/deliveries/<int:delivery_id>/attempts")
    def redeliver(self, request: Request, actor: Data, owner: str, repo: str, hook_id: int, delivery_id: int) -> Reply:
        """POST another attempt: the same payload under the same delivery id."""
        repository = self._hooked(request, actor, owner, repo)
        hook = self._hook(repository, hook_id)
        old: dict[str, Any] = self._delivery(hook, delivery_id)
        self._send(repository, hook, old["event"], old["request"]["payload"], guid=old["guid"])
        return Reply(202, {})
