"""The marker's signature and its one-line text form.

The text form is ASCII without `--`, `>`, quotes or backslashes, so that it stands unharmed in an HTML comment, a JSON
string, a property or the last line of a plain text.
"""

from __future__ import annotations

import re
from dataclasses import replace
from hashlib import sha256
from hmac import compare_digest
from hmac import new as hmac
from string import ascii_letters, digits
from urllib.parse import unquote_to_bytes

from bridge.model.marker import Marker

_HEAD = "bridge:1"
_MAC_DIGITS = 24
_NAMES = ("route", "source", "kind", "item", "part", "gen", "mac")
_PLAIN = frozenset((ascii_letters + digits + "_.:/,").encode())
_VALUE = re.compile(r"(?:[A-Za-z0-9_.:/,]|%[0-9A-F]{2})*")
_NUMBER = re.compile(r"0|[1-9][0-9]{0,8}")
_MAC = re.compile(rf"[0-9a-f]{{{_MAC_DIGITS}}}")
_LONGEST = 4096


def sign(key: bytes, marker: Marker) -> Marker:
    """The marker with its `mac`: HMAC-SHA256 of all other fields, each behind its length, cut to 24 hex digits."""
    return replace(marker, mac=_mac(key, marker))


def verify(key: bytes, marker: Marker) -> bool:
    """Whether `mac` is ours for these very fields. Takes the same time whichever digit differs."""
    return compare_digest(_mac(key, marker).encode(), marker.mac.encode("utf-8", "replace"))


def derive(key: bytes, purpose: str) -> str:
    """A secret for another purpose, made from the key and leading neither to it nor to any marker: 64 hex digits."""
    return hmac(key, b"bridge key 1 " + purpose.encode(), sha256).hexdigest()


def _mac(key: bytes, marker: Marker) -> str:
    fields = (marker.route, marker.source, marker.kind, marker.item, str(marker.part), str(marker.generation))
    encoded = [field.encode("utf-8", "surrogatepass") for field in fields]
    message = b"bridge marker 1" + b"".join(len(field).to_bytes(8) + field for field in encoded)
    return hmac(key, message, sha256).hexdigest()[:_MAC_DIGITS]


def write_marker(marker: Marker) -> str:
    """The marker as one line: `bridge:1 route=… source=… kind=… item=… part=… gen=… mac=…`."""
    values = (
        marker.route,
        marker.source,
        marker.kind,
        marker.item,
        str(marker.part),
        str(marker.generation),
        marker.mac,
    )
    return " ".join((_HEAD, *(f"{name}={_quote(value)}" for name, value in zip(_NAMES, values, strict=True))))


def _quote(value: str) -> str:
    # Hyphens are quoted too: two of them would end an HTML comment.
    return "".join(chr(byte) if byte in _PLAIN else f"%{byte:02X}" for byte in value.encode("utf-8", "surrogatepass"))


def read_marker(value: str) -> Marker | None:
    """The marker that this whole string is, or None. Says nothing about whether it is genuine: ask `verify`."""
    head, *pairs = value.split(" ") if len(value) <= _LONGEST else [""]
    if head != _HEAD or len(pairs) != len(_NAMES):
        return None
    values: list[str] = []
    for name, pair in zip(_NAMES, pairs, strict=True):
        key, _, quoted = pair.partition("=")
        if key != name or not _VALUE.fullmatch(quoted):
            return None
        try:
            values.append(unquote_to_bytes(quoted).decode())
        except UnicodeDecodeError:
            return None
    route, source, kind, item, part, generation, mac = values
    if not (_NUMBER.fullmatch(part) and _NUMBER.fullmatch(generation) and _MAC.fullmatch(mac)):
        return None
    marker = Marker(route, source, kind, item, int(part), int(generation), mac)
    return marker if write_marker(marker) == value else None
