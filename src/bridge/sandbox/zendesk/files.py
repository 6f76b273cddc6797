"""Uploads and attachments: a file goes up first, its token is used once in a comment within the hour."""

from __future__ import annotations

from hashlib import sha256
from typing import IO, Any
from urllib.parse import quote

from werkzeug.wrappers import Request

from bridge.sandbox.site import CONTENT, Refusal, Reply, body_of, route
from bridge.sandbox.zendesk.account import Account, api, not_found
from bridge.sandbox.zendesk.state import Json

EXPIRES_S = 3600
MOST_BYTES = 50 * 1024 * 1024


class Files(Account):
    """Handlers of uploads and attachments. Settings: `malware` (file name → scan result), `most_bytes`."""

    @api("POST", "/uploads")
    def upload(self, request: Request, actor: Json) -> Any:
        name = request.args.get("filename")
        size = request.content_length or 0
        if not name or not size:
            raise Refusal(400, {"error": "RequiredParameterMissing", "description": "filename and a body are required"})
        if size > int(self.settings.get("most_bytes", MOST_BYTES)):
            raise Refusal(413, {"error": "RequestEntityTooLarge", "description": "The file exceeds 50 MB"})
        attachment = self._keep(name, request.mimetype or "application/octet-stream", body_of(request))
        token = request.args.get("token") or f"{self.world.random.getrandbits(128):032x}"
        kept = self.data["uploads"].setdefault(token, {"attachments": [], "user_id": actor["id"]})
        kept["expires"] = int(self.world.now().timestamp()) + EXPIRES_S
        kept["attachments"].append(attachment)
        upload = {"token": token, "attachment": attachment, "attachments": kept["attachments"]}
        return Reply(201, {"upload": upload})

    def _keep(self, name: str, media_type: str, body: IO[bytes]) -> Json:
        blob, size = self.world.blobs.keep(body)
        ident = self.take_id()
        secret = f"{self.world.random.getrandbits(80):020x}"
        address = f"{self.url}/attachments/token/{secret}/?name={quote(name)}"
        attachment = {
            "url": f"{self.url}/api/v2/attachments/{ident}.json",
            "id": ident,
            "file_name": name,
            "content_url": address,
            "mapped_content_url": address,
            "content_type": media_type,
            "size": size,
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
            "blob": blob,
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
        """Sends whoever may read the file on to the content host, by a signed address. Nobody may read malware."""
        kept = self._kept(secret)
        if kept is None:
            raise not_found()
        if kept["shown"]["malware_scan_result"] == "malware_found":
            raise Refusal(403, b"This file was found to hold malware.", {"Content-Type": "text/plain"})
        return Reply(302, None, {"Location": self.content_url(f"{secret}?token={_signature(secret)}")})

    def content(self, request: Request) -> Reply:
        secret = request.path.removeprefix(CONTENT)
        kept = self._kept(secret)
        if kept is None or request.args.get("token") != _signature(secret):
            return Reply(403, b"Access denied", {"Content-Type": "text/plain"})
        return Reply(200, self.world.blobs.path(kept["blob"]), {"Content-Type": kept["shown"]["content_type"]})

    def _kept(self, secret: str) -> Json | None:
        records: list[Json] = list(self.data["attachments"].values())
        return next((one for one in records if one["secret"] == secret and not one["shown"]["deleted"]), None)

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


def _signature(secret: str) -> str:
    return sha256(f"signed {secret}".encode()).hexdigest()[:32]
