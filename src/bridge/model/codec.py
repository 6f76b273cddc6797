"""Values and snapshots as plain JSON and back: what the ledger keeps is what was read, whole.

A `Document` inside a value is written as `{"$document": …}`; everything else already is plain JSON.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Any

from bridge.model import document as rich
from bridge.model.document import Node
from bridge.model.marker import Marker
from bridge.model.ticket import (
    NOBODY,
    Attachment,
    Comment,
    Life,
    Person,
    Presence,
    Reading,
    Snapshot,
    Thread,
    TicketRef,
    Version,
)
from bridge.model.words import Visibility

DOCUMENT_KEY = "$document"


def encode(value: Any) -> Any:
    """A native or canonical value as plain JSON. Tuples become lists."""
    if isinstance(value, Node):
        return {DOCUMENT_KEY: rich.to_json(value)}
    if isinstance(value, Mapping):
        return {str(name): encode(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [encode(part) for part in value]
    return value


def decode(value: Any) -> Any:
    """The inverse of `encode`, lists staying lists."""
    if isinstance(value, dict):
        if DOCUMENT_KEY in value:
            return rich.from_json(value[DOCUMENT_KEY])
        return {name: decode(part) for name, part in value.items()}
    if isinstance(value, list):
        return [decode(part) for part in value]
    return value


def encode_readings(fields: Mapping[str, Reading]) -> dict[str, Any]:
    """Readings as `{name: [presence, value]}`."""
    return {name: [reading.presence.value, encode(reading.value)] for name, reading in fields.items()}


def decode_readings(value: Mapping[str, Any]) -> dict[str, Reading]:
    """The inverse of `encode_readings`."""
    return {name: Reading(Presence(presence), decode(part)) for name, (presence, part) in value.items()}


def encode_marker(marker: Marker | None) -> Any:
    """A marker as a list, or None."""
    if marker is None:
        return None
    return [marker.route, marker.source, marker.kind, marker.item, marker.part, marker.generation, marker.mac]


def decode_marker(value: Any) -> Marker | None:
    """The inverse of `encode_marker`."""
    return None if value is None else Marker(*value)


def encode_person(person: Person) -> Any:
    """A person as a list; the flags as one string."""
    flags = "".join(letter for letter, on in (("s", person.staff), ("o", person.ours), ("x", person.suspended)) if on)
    return [person.id, person.name, person.email, flags]


def decode_person(value: Any) -> Person:
    """The inverse of `encode_person`."""
    ident, name, email, flags = value
    person = Person(ident, name, email, staff="s" in flags, ours="o" in flags, suspended="x" in flags)
    return NOBODY if person == NOBODY else person


def encode_attachment(file: Attachment) -> Any:
    """A file as a list."""
    return [file.id, file.name, file.url, file.size, file.media_type, file.inline, file.malware, file.ours]


def decode_attachment(value: Any) -> Attachment:
    """The inverse of `encode_attachment`."""
    return Attachment(*value)


def _encode_comment(comment: Comment) -> Any:
    return {
        "id": comment.id,
        "at": comment.created_at.isoformat(),
        "author": encode_person(comment.author),
        "body": rich.to_json(comment.body),
        "visibility": comment.visibility.value,
        "edited": comment.edited_at.isoformat() if comment.edited_at else None,
        "files": [encode_attachment(file) for file in comment.attachments],
        "marker": encode_marker(comment.marker),
        "channel": comment.channel,
        "auto": comment.auto,
        "redacted": comment.redacted,
    }


def _decode_comment(value: Mapping[str, Any]) -> Comment:
    return Comment(
        id=value["id"],
        created_at=datetime.fromisoformat(value["at"]),
        author=decode_person(value["author"]),
        body=rich.from_json(value["body"]),
        visibility=Visibility(value["visibility"]),
        edited_at=datetime.fromisoformat(value["edited"]) if value["edited"] else None,
        attachments=tuple(decode_attachment(file) for file in value["files"]),
        marker=decode_marker(value["marker"]),
        channel=value["channel"],
        auto=value["auto"],
        redacted=value.get("redacted", False),
    )


def encode_snapshot(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as plain JSON, without its `ref`, which is the ledger's key for it."""
    thread = snapshot.thread
    return {
        "key": snapshot.key,
        "url": snapshot.url,
        "version": [snapshot.version.at.isoformat(), snapshot.version.tag],
        "read": snapshot.read_at.isoformat(),
        "created": snapshot.created_at.isoformat(),
        "fields": encode_readings(snapshot.fields),
        "thread": None if thread is None else [thread.complete, [_encode_comment(one) for one in thread.comments]],
        "sender": encode_person(snapshot.sender),
        "marker": encode_marker(snapshot.marker),
        "life": snapshot.life.value,
        "scope": dict(snapshot.scope),
        "merged_into": snapshot.merged_into,
        "duplicate_of": snapshot.duplicate_of,
        "follows": snapshot.follows,
        "files": [encode_attachment(file) for file in snapshot.attachments],
    }


def decode_snapshot(ref: TicketRef, value: Mapping[str, Any]) -> Snapshot:
    """The inverse of `encode_snapshot`."""
    thread = value["thread"]
    at, tag = value["version"]
    return Snapshot(
        ref=ref,
        key=value["key"],
        url=value["url"],
        version=Version(datetime.fromisoformat(at), tag),
        read_at=datetime.fromisoformat(value["read"]),
        created_at=datetime.fromisoformat(value["created"]),
        fields=MappingProxyType(decode_readings(value["fields"])),
        thread=None if thread is None else Thread(tuple(_decode_comment(one) for one in thread[1]), thread[0]),
        sender=decode_person(value["sender"]),
        marker=decode_marker(value["marker"]),
        life=Life(value["life"]),
        scope=MappingProxyType(dict(value["scope"])),
        merged_into=value.get("merged_into", ""),
        duplicate_of=value.get("duplicate_of", ""),
        follows=value.get("follows", ""),
        attachments=tuple(decode_attachment(file) for file in value.get("files", ())),
    )
