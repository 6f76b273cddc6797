"""The webhooks API: make, list, change, remove, and the signing secret."""

from __future__ import annotations

from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal, Reply
from bridge.sandbox.zendesk.account import Account, api, forbidden
from bridge.sandbox.zendesk.pages import cut_page
from bridge.sandbox.zendesk.state import Json

_KEYS = (
    "name",
    "description",
    "status",
    "endpoint",
    "http_method",
    "request_format",
    "subscriptions",
    "authentication",
)


class Webhooks(Account):
    """Handlers below `/api/v2/webhooks`."""

    @api("POST", "/webhooks")
    def post_webhook(self, request: Request, actor: Json) -> Any:
        self._need_admin(actor)
        asked = self.read_body(request, "webhook")
        missing = [key for key in ("name", "status", "endpoint", "http_method", "request_format") if not asked.get(key)]
        if missing or asked["http_method"] != "POST" or asked["request_format"] != "json":
            title = f"Invalid {', '.join(missing) or 'http_method or request_format'}"
            raise Refusal(400, {"errors": [{"code": "InvalidParameter", "title": title}]})
        now = self.stamp()
        ident = f"{self.world.random.getrandbits(130):026X}"
        hook = {
            "id": ident,
            "created_at": now,
            "updated_at": now,
            "created_by": str(actor["id"]),
            "subscriptions": ["conditional_ticket_events"],
            **{key: asked[key] for key in _KEYS if key in asked},
            "_secret": f"{self.world.random.getrandbits(200):050x}",
        }
        self.data["webhooks"][ident] = hook
        return Reply(201, {"webhook": _shown(hook)})

    @api("GET", "/webhooks")
    def list_webhooks(self, request: Request, actor: Json) -> Any:
        self._need_admin(actor)
        return cut_page(request, [_shown(hook) for hook in self.data["webhooks"].values()], "webhooks", self.url)

    @api("GET", "/webhooks/<webhook_id>")
    def get_webhook(self, request: Request, actor: Json, webhook_id: str) -> Any:
        self._need_admin(actor)
        return {"webhook": _shown(self._webhook(webhook_id))}

    @api("PUT", "/webhooks/<webhook_id>")
    def put_webhook(self, request: Request, actor: Json, webhook_id: str) -> Any:
        return self._change(request, actor, webhook_id)

    @api("PATCH", "/webhooks/<webhook_id>")
    def patch_webhook(self, request: Request, actor: Json, webhook_id: str) -> Any:
        return self._change(request, actor, webhook_id)

    def _change(self, request: Request, actor: Json, webhook_id: str) -> Reply:
        self._need_admin(actor)
        hook = self._webhook(webhook_id)
        asked = self.read_body(request, "webhook")
        hook.update({key: asked[key] for key in _KEYS if key in asked}, updated_at=self.stamp())
        return Reply(204)

    @api("DELETE", "/webhooks/<webhook_id>")
    def delete_webhook(self, request: Request, actor: Json, webhook_id: str) -> Any:
        self._need_admin(actor)
        hook = self._webhook(webhook_id)
        del self.data["webhooks"][hook["id"]]
        return Reply(204)

    @api("GET", "/webhooks/<webhook_id>/signing_secret")
    def get_secret(self, request: Request, actor: Json, webhook_id: str) -> Any:
        self._need_admin(actor)
        return {"signing_secret": {"algorithm": "SHA256", "secret": self._webhook(webhook_id)["_secret"]}}

    def _webhook(self, ident: str) -> Json:
        return self.record("webhooks", ident.removesuffix(".json"))

    def _need_admin(self, actor: Json) -> None:
        if actor["role"] != "admin":
            raise forbidden()


def _shown(hook: Json) -> Json:
    return {key: value for key, value in hook.items() if not key.startswith("_")}
