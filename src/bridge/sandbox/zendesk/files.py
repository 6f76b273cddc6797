"""Uploads and attachments: a file goes up first, its token is used once in a comment within the hour."""

from __future__ import annotations

import base64
from typing import Any

from werkzeug.wrappers import Request

from bridge.sandbox.site import Refusal, Reply, route
from bridge.sandbox.zendesk.account import Account, api, not_found
from bridge.sandbox.zendesk.state import Json

EXPIRES_S = 3600
MOST_BYTES = 50 * 1024 * 1024


class Files(Account):
    """Handlers of uploads and attachments."""

    @api("POST", "/uploads")
    def upload(self, request: Request, actor: Json) -> Any:
        name = request.args.get("filename")
        body = request.get_data()
        if not name or not body:
            raise Refusal(400, {"error": "RequiredParameterMissing", "description": "filename and a body are required"})
        if len(body) > MOST_BYTES:
            raise Refusal(413, {"error": "RequestEntityTooLarge", "description": "The file exceeds 50 MB"})
        attachment = self._keep(name, request.mimetype or "application/octet-stream", body)
        token = request.args.get("token") or f"{self.world.random.getrandbits(128):032x}"
        kept = self.data["uploads"].setdefault(token, {"attachments": [], "user_id": actor["id"]})
        kept["expires"] = int(self.world.now().timestamp()) + EXPIRES_S
        kept["attachments"].append(attachment)
        upload = {"token": token, "attachment": attachment, "attachments": kept["attachments"]}
        return Reply(201, {"upload": upload})

    def _keep(self, name: str, media_type: str, body: bytes) -> Json:
        ident = self.take_id()
        secret = f"{self.world.random.getrandbits(80):020x}"
        address = f"{self.url}/attachments/token/{secret}/?name={name}"
        attachment = {
            "url": f"{self.url}/api/v2/attachments/{ident}.json",
            "id": ident,
            "file_name": name,
            "content_url": address,
            "mapped_content_url": address,
            "content_type": media_type,
            "size": len(body),
            "width": None,
            "height": None,
            "inline": False,
            "deleted": False,
            "malware_access_override": False,
            "malware_scan_result": self.settings.get("malware", {}).get(name, "malware_not_found"),
            "thumbnails": [],
        }
        self.data["attachments"][str(ident)] = {
            "shown": attachment,
            "secret": secret,
            "body": base64.b64encode(body).decode(),
        }
        return attachment

    @api("DELETE", "/uploads/<token>")
    def drop_upload(self, request: Request, actor: Json, token: str) -> Any:
        if self.data["uploads"].pop(token, None) is None:
            raise not_found()
        return Reply(204)

    @api("GET", "/attachments/<int:attachment_id>")
    def get_attachment(self, request: Request, actor: Json, attachment_id: int) -> Any:
        return {"attachment": self.record("attachments", attachment_id)["shown"]}

    @route("GET", "/attachments/token/<secret>/")
    def download(self, request: Request, actor: Json, secret: str) -> Any:
        for kept in self.data["attachments"].values():
            if kept["secret"] == secret and not kept["shown"]["deleted"]:
                return Reply(200, base64.b64decode(kept["body"]), {"Content-Type": kept["shown"]["content_type"]})
        raise not_found()

    @api("PUT", "/tickets/<int:ticket_id>/comments/<int:comment_id>/attachments/<int:attachment_id>/redact")
    def redact_attachment(
        self, request: Request, actor: Json, ticket_id: int, comment_id: int, attachment_id: int
    ) -> Any:
        self.need_staff(actor)
        kept = self.record("attachments", attachment_id)
        gone = {"deleted": True, "file_name": "redacted.txt", "size": 1, "content_type": "text/plain"}
        for comment in self.data["comments"].get(str(ticket_id), ()):
            for attachment in comment["attachments"]:
                if comment["id"] == comment_id and attachment["id"] == attachment_id:
                    attachment.update(gone)
        kept["shown"].update(gone)
        return {"attachment": kept["shown"]}
