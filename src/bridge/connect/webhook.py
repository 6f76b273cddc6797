"""How one vendor vouches for its webhook deliveries.

A connector's kind answers `door(settings)` with a `WebhookScheme`: how a delivery to that site is told from a forged, an
old or a repeated one. What a delivery says is read by `Connector.parse_webhook`, and only after this was asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime


def no_time(headers: Mapping[str, str]) -> datetime | None:
    """For a vendor that signs no time."""
    return None


def no_id(headers: Mapping[str, str]) -> str:
    """For a vendor that gives its deliveries no id."""
    return ""


def no_signature(secret: bytes, headers: Mapping[str, str], body: bytes) -> bool:
    """For a vendor that signs nothing: no headers and no body prove where they come from."""
    return False


@dataclass(frozen=True, slots=True)
class WebhookScheme:
    """How deliveries to one site are verified. Pure; headers are looked up whatever their case.

    `is_genuine(secret, headers, raw body)` compares in constant time and parses nothing. `delivery_id(headers)` stays
    the same when a delivery is sent again; "" if there is none. `sent_at(headers)` is the aware time that the signature
    covers; None where none is signed, and where one should be, `is_genuine` is false without it. `in_path`: the vendor
    signs nothing, so the secret is the unguessable last part of the address, and `is_genuine` is not asked.
    `makes_secret`: the vendor makes the signing secret itself, to be read where the webhook was registered.
    """

    is_genuine: Callable[[bytes, Mapping[str, str], bytes], bool] = no_signature
    delivery_id: Callable[[Mapping[str, str]], str] = no_id
    sent_at: Callable[[Mapping[str, str]], datetime | None] = no_time
    in_path: bool = False
    makes_secret: bool = False


def header(headers: Mapping[str, str], name: str) -> str:
    """A header by its name in lower case; "" if it is not there."""
    return next((value for given, value in headers.items() if given.lower() == name), "")
