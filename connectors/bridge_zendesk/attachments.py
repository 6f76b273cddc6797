"""Files at Zendesk: those of a comment, how they are read, and how they go up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from bridge.connect.files import Body, FileReader, FileStream
from bridge.connect.port import SiteSettings
from bridge.connect.wire import Wire
from bridge.errors import UnknownOutcomeError
from bridge.model.operation import Upload, Uploaded
from bridge.model.ticket import Attachment
from bridge_zendesk.client import DIALECT, Client
from bridge_zendesk.text import read_body

CONTENT_HOSTS = frozenset({"*.zdusercontent.com"})
"""Where Zendesk keeps files; its own addresses redirect there with a signature."""
MOST_BYTES = 50 * 1024 * 1024
"""https://developer.zendesk.com/api-reference/ticketing/tickets/ticket-attachments"""
_TOKEN_PATH = "/attachments/token/"


class Files:
    """Reads and sends files for one connector."""

    def __init__(self, settings: SiteSettings, wire: Wire, client: Client) -> None:
        self._settings = settings
        self._client = client
        self._reader = FileReader(wire, DIALECT, CONTENT_HOSTS | settings.content_hosts)

    def open(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """Read a file."""
        return self._reader.open(file, self._client.get_file)

    def limit(self) -> int:
        """What the config says, else what Zendesk documents: it tells no program what an account takes."""
        told = self._settings.attachment_limit
        return MOST_BYTES if told is None else told

    def upload(self, file: Upload) -> Uploaded:
        """Send a file; Zendesk keeps it for an hour, until a comment names its token."""
        body = Body(file.chunks, file.size)
        query = {"filename": file.name}
        upload = self._client.send_file("uploads.json", body, file.media_type or "application/octet-stream", query).get(
            "upload"
        )
        if not isinstance(upload, dict) or not isinstance(upload.get("attachment"), dict):
            message = f"{self._settings.name} accepted POST uploads with an answer that cannot be read"
            raise UnknownOutcomeError(message, horizon_s=0.0, site=self._settings.name)
        made = upload["attachment"]
        url = own_address(made, self._settings.url)
        return Uploaded(file.name, file.size, str(made["id"]), url, str(upload["token"]), body.digest)

    def close(self) -> None:
        """Let connections go."""
        self._reader.close()


def read_files(comment: Mapping[str, Any], site_url: str) -> tuple[Attachment, ...]:
    """The files of a comment: those listed, and the site's own pictures in its text that are not."""
    rows = comment.get("attachments") or ()
    listed = [_attachment(row, site_url) for row in rows if not row.get("deleted")]
    known = {file.url for file in listed}
    return (*listed, *(file for file in _shown(comment, site_url) if file.url not in known))


def _attachment(row: Mapping[str, Any], site_url: str) -> Attachment:
    return Attachment(
        id=str(row["id"]),
        name=row.get("file_name") or "",
        url=own_address(row, site_url),
        size=int(row.get("size") or 0),
        media_type=row.get("content_type") or "",
        inline=bool(row.get("inline")),
        malware=row.get("malware_scan_result") == "malware_found",
    )


def own_address(row: Mapping[str, Any], site_url: str) -> str:
    """Where a file is: of its two addresses the one at the configured host, where there is one."""
    told = [str(row[name]) for name in ("content_url", "mapped_content_url") if row.get(name)]
    own = urlsplit(site_url).netloc
    return next((url for url in told if urlsplit(url).netloc == own), told[0] if told else "")


def _shown(comment: Mapping[str, Any], site_url: str) -> Iterator[Attachment]:
    """Pictures in the text that the list of files leaves out, as the event export does."""
    if _TOKEN_PATH not in (comment.get("html_body") or ""):
        return
    own = urlsplit(site_url).netloc
    for one in read_body(comment).walk():
        url = one.attr("url") if one.kind == "image" else ""
        parts = urlsplit(url)
        if parts.netloc == own and parts.path.startswith(_TOKEN_PATH):
            name = parse_qs(parts.query).get("name", [""])[0] or one.attr("alt")
            yield Attachment(parts.path.removeprefix(_TOKEN_PATH).strip("/"), name, url, inline=True)
