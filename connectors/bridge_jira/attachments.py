"""Files at Jira: those an issue has, those a comment shows, how they are read, and how they go up.

A file belongs to the issue. A comment shows it by its id in Atlassian's media store (Cloud), or by its name (Data
Center). Only files that a comment shows count as that comment's; the id alone says which, since the name beside it is
the writer's to choose.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from bridge.connect.files import Body, FileReader, FileStream
from bridge.connect.port import SiteSettings
from bridge.errors import MissingError, PermanentError, UnknownOutcomeError
from bridge.model.document import Document, Node
from bridge.model.operation import Upload, Uploaded
from bridge.model.ticket import Attachment, TicketRef
from bridge_jira.client import JiraClient, Json
from bridge_jira.text import read_text

CONTENT_HOSTS = frozenset({"api.media.atlassian.com"})
"""Where Jira Cloud keeps files. We ask it not to send us there, and follow if it does."""
_MEDIA_ID = re.compile(r"/file/([0-9a-f-]{36})/")
_MEDIA = ("media", "mediaInline")
_VERBATIM = re.compile(r"\{(noformat|code)\b[^}]*\}.*?\{\1\}", re.DOTALL)
_FILE_LINK = re.compile(r"(?<!\\)\[\^([^\]|\n]{1,255})\]")


class Files:
    """Reads and sends files for one connector."""

    def __init__(self, settings: SiteSettings, client: JiraClient) -> None:
        self._site = settings.name
        self._url = settings.url.rstrip("/")
        self._most = settings.attachment_limit
        self._client = client
        self._reader = FileReader(client.wire, client.dialect, CONTENT_HOSTS | settings.content_hosts)

    def listed(self, fields: Mapping[str, Any]) -> list[Attachment]:
        """The files of an issue whose field `attachment` was read, oldest first."""
        return [self._attachment(raw) for raw in fields.get("attachment") or ()]

    def _attachment(self, raw: Json) -> Attachment:
        return Attachment(
            id=str(raw["id"]),
            name=str(raw.get("filename") or ""),
            url=str(raw.get("content") or ""),
            size=int(raw.get("size") or 0),
            media_type=str(raw.get("mimeType") or ""),
            ours=self._client.person(raw.get("author")).ours,
        )

    def read(self, body: Any, listed: list[Attachment]) -> tuple[Document, tuple[Attachment, ...]]:
        """A comment's text and the issue's files it shows, each shown one as an image with the file's address."""
        if isinstance(body, Mapping):
            shown: dict[str, Attachment] = {}
            document = read_text(self._with_addresses(body, listed, shown))
            return document, tuple(shown.values())
        document = read_text(body)
        # Of several files with one name Jira shows the newest.
        by_name = {file.name: file for file in listed}
        images = {one.attr("name") for one in document.walk() if one.kind == "image" and not one.attr("url")}
        linked = {name.strip() for name in _FILE_LINK.findall(_VERBATIM.sub(" ", str(body or "")))}
        found = [replace(by_name[name], inline=_is_picture(by_name[name])) for name in sorted(images & by_name.keys())]
        found += [by_name[name] for name in sorted((linked - images) & by_name.keys())]
        return _addressed(document, {file.name: file.url for file in found}), tuple(found)

    def _with_addresses(self, value: Any, listed: list[Attachment], shown: dict[str, Attachment]) -> Any:
        if isinstance(value, list):
            return [self._with_addresses(one, listed, shown) for one in value]
        if not isinstance(value, Mapping):
            return value
        attrs = value.get("attrs")
        if value.get("type") in _MEDIA and isinstance(attrs, Mapping) and attrs.get("id"):
            file = self._by_media_id(str(attrs["id"]), str(attrs.get("alt") or ""), listed)
            if file is not None:
                shown[file.id] = replace(file, inline=_is_picture(file))
                return {**value, "attrs": {**attrs, "__fileName": file.name, "url": file.url}}
            return value
        if "content" not in value:
            return value
        return {**value, "content": self._with_addresses(value["content"], listed, shown)}

    def _by_media_id(self, wanted: str, name: str, listed: list[Attachment]) -> Attachment | None:
        """The file with this id in the media store; files of the name that stands beside it are asked first."""
        for file in sorted(listed, key=lambda one: one.name != name):
            if self._media_id(file) == wanted:
                return file
        return None

    def _media_id(self, file: Attachment) -> str:
        """A file's id in the media store: Jira tells it only by where it sends a reader. Asked once a process."""
        known = self._client.memory.media.get(file.id)
        if known is None:
            path = f"attachment/content/{file.id}"
            try:
                with self._client.call(endpoint="attachment/content", accept=(301, 302, 303, 307)):
                    response = self._client.get_raw(self._client.jira._get_url(path))
                response.close()
            except MissingError:
                return ""
            match = _MEDIA_ID.search(response.headers.get("Location", ""))
            known = self._client.memory.media[file.id] = match[1] if match else ""
        return known

    def open(self, file: Attachment) -> AbstractContextManager[FileStream]:
        """Read a file."""
        url = file.url
        if self._client.cloud:
            url = self._client.jira._get_url(f"attachment/content/{file.id}") + "?redirect=false"
        return self._reader.open(file, self._client.get_raw, url)

    def limit(self) -> int:
        """What Jira says it takes, or the smaller limit the config sets."""
        most = self._client.memory.file_limit.get(self._read_limit)
        return most if self._most is None else min(most, self._most)

    def _read_limit(self) -> int:
        meta = self._client.read("attachment/meta", endpoint="attachment/meta")
        return int(meta.get("uploadLimit") or 0) if meta.get("enabled") else 0

    def own(self, ref: TicketRef) -> dict[str, Uploaded]:
        """The files our account put on an issue."""
        raw = self._client.read_issue(ref.id, fields=["attachment"])
        files = self.listed((raw or {}).get("fields") or {})
        return {file.name: self._uploaded(file) for file in files if file.ours}

    def _uploaded(self, file: Attachment, sha256: str = "") -> Uploaded:
        # Pictures on Data Center are shown by name; a link would lead away from the issue.
        url = f"{self._url}/secure/attachment/{file.id}/{file.name}" if self._client.cloud else ""
        return Uploaded(file.name, file.size, file.id, url, sha256=sha256)

    def upload(self, ref: TicketRef, file: Upload) -> Uploaded:
        """Send a file to an issue."""
        mark = secrets.token_hex(16)
        media_type = (
            file.media_type if re.fullmatch(r"[\w.+-]+/[\w.+-]+", file.media_type) else "application/octet-stream"
        )
        head = (
            f'--{mark}\r\nContent-Disposition: form-data; name="file"; filename="{file.name}"\r\n'
            f"Content-Type: {media_type}\r\n\r\n"
        )
        body = Body(file.chunks, file.size, before=head.encode(), behind=f"\r\n--{mark}--\r\n".encode())
        made = self._client.send_file(ref.id, body, f"multipart/form-data; boundary={mark}")
        if not isinstance(made, list) or not made:
            message = f"{self._site} accepted a file with an answer that cannot be read; it may have taken effect"
            raise UnknownOutcomeError(message, horizon_s=0.0, site=self._site)
        kept = self._attachment(made[0])
        if kept.size != file.size:
            raise PermanentError(f"{self._site} kept {kept.size} bytes of {file.size} of {file.name}", site=self._site)
        return self._uploaded(kept, body.digest)

    def close(self) -> None:
        """Let connections go."""
        self._reader.close()


def _is_picture(file: Attachment) -> bool:
    """Jira shows any file in a text; only a picture can be seen there."""
    return file.media_type.startswith("image/")


def _addressed(document: Node, urls: Mapping[str, str]) -> Node:
    """The tree with the addresses of images that only have a name."""
    if not urls:
        return document
    if document.kind == "image" and not document.attr("url") and document.attr("name") in urls:
        attrs = dict(document.attrs) | {"url": urls[document.attr("name")]}
        return Node("image", document.text, tuple(sorted(attrs.items())))
    children = tuple(_addressed(child, urls) for child in document.children)
    return Node(document.kind, document.text, document.attrs, children)
