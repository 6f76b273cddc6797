"""The door of one site: who may knock, and how a knock is told from a forged one."""

from __future__ import annotations

import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

from bridge.errors import ConfigurationError
from bridge.model.feed import Hint

LEAST_SECRET = 16
"""Bytes a signing secret must have: a shorter one can be guessed from a single captured delivery."""
LEAST_TOKEN = 32
"""Characters a secret in an address must have: 160 bits and more where each is random."""
_TOKEN = re.compile(rb"[A-Za-z0-9_-]+")


class Scheme(Protocol):
    """How a vendor vouches for its deliveries; a connector's kind says it."""

    @property
    def in_path(self) -> bool:
        """Whether the secret is the last part of the address, since the vendor signs nothing."""

    def is_genuine(self, secret: bytes, headers: Mapping[str, str], body: bytes, /) -> bool:
        """Whether the raw body, and the time if one is signed, were signed with the secret."""

    def delivery_id(self, headers: Mapping[str, str], /) -> str:
        """What names the delivery, the same if it is sent again; "" if nothing does."""

    def sent_at(self, headers: Mapping[str, str], /) -> datetime | None:
        """The time the signature covers, None if it covers none."""


@dataclass(slots=True)
class Door:
    """Where one site's deliveries come in. Without a secret it opens to nobody.

    `parse` reads the hints out of a verified delivery and raises SkippableError when it has none; it is called on the
    server's thread only.

    Raises ConfigurationError for a secret too short to protect anything, or one that cannot stand in an address.
    """

    site: str
    scheme: Scheme
    secret: bytes | None = field(repr=False)
    parse: Callable[[Mapping[str, str], bytes], tuple[Hint, ...]]

    def __post_init__(self) -> None:
        if self.secret is not None:
            self.trust(self.secret)

    def trust(self, secret: bytes) -> None:
        """From now on deliveries are known by this secret alone."""
        least = LEAST_TOKEN if self.scheme.in_path else LEAST_SECRET
        if len(secret) < least:
            said = f"the webhook secret of site `{self.site}` is shorter than {least} characters"
            raise ConfigurationError(said, suggestion="make a random one, for example with `openssl rand -hex 32`")
        if self.scheme.in_path and not _TOKEN.fullmatch(secret):
            said = f"the webhook token of site `{self.site}` stands in an address"
            raise ConfigurationError(said, suggestion="use letters, digits, `-` and `_` only")
        self.secret = secret

    def is_genuine(self, headers: Mapping[str, str], body: bytes) -> bool:
        """Whether a delivery bears this door's signature; where the vendor signs nothing, its address said so before."""
        if self.secret is None:
            return False
        return self.scheme.in_path or self.scheme.is_genuine(self.secret, headers, body)

    def is_opened_by(self, token: str) -> bool:
        """Whether the last part of the address is this door's secret. Takes as long for a near miss as for a far one."""
        return self.secret is not None and hmac.compare_digest(token.encode("utf-8", "replace"), self.secret)

    def names(self, headers: Mapping[str, str], body: bytes) -> tuple[bytes, ...]:
        """What a repeated delivery is known by: its id, and what was signed.

        No vendor signs the id, so the same signed words under a new id are a repetition too.
        """
        names = []
        if ident := self.scheme.delivery_id(headers):
            names.append(blake2b(ident.encode("utf-8", "replace"), digest_size=16, person=b"id").digest())
        if not self.scheme.in_path:
            stamp = self.scheme.sent_at(headers)
            signed = (stamp.isoformat() if stamp else "").encode() + body
            names.append(blake2b(signed, digest_size=16, person=b"signed").digest())
        return tuple(names)
