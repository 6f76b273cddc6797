"""Keeping bridge's own webhook at a site: exactly one, whatever became of it since it was last looked at.

What a vendor shows of its webhooks is compared with what is wished for; a webhook that is not ours is never touched. A
reply that was lost needs no care of its own: the next look finds what the request made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True)
class HookWish:
    """The one webhook a site should have for us.

    `base` is the public address of the site's door; `address` begins with it and is where deliveries go: it may end in
    a secret word, and its query bears `mark`, which no other installation of bridge has. `name` bears the mark too.
    `secret` is what the site shall sign with (where it makes its own, that is read instead). `renew`: the secret has
    changed since it was last given, or was never given; a site does not show it, so nothing else would tell.
    `fingerprint` stands for address and secret, and tells neither.
    """

    name: str
    base: str
    address: str = field(repr=False)
    mark: str
    secret: str = field(repr=False)
    fingerprint: str = ""
    renew: bool = False

    def is_ours(self, name: str, address: str) -> bool:
        """Whether a webhook is ours: it bears our mark, or it delivers to this very door."""
        parts = urlsplit(address)
        place = f"{parts.scheme}://{parts.netloc}{parts.path}".rstrip("/")
        bears_mark = self.mark in (name.rpartition(" ")[2], parts.query.partition("=")[2])
        return bears_mark or place == self.base or place.startswith(f"{self.base}/")


@dataclass(frozen=True, slots=True)
class Kept:
    """What keeping a webhook came to. `did` says what had to be done (`made`, `repaired`, `removed a duplicate`), nothing
    if all was well. `secret` is what the site signs with from now on."""

    secret: str = field(repr=False)
    did: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Standing:
    """A webhook of ours as it stands at a site. `is_right`: it shows everything wished for, as far as the site shows it."""

    id: str
    is_right: bool


def keep_one(
    standing: Iterable[Standing],
    *,
    make: Callable[[], object],
    mend: Callable[[str], object],
    remove: Callable[[str], object],
    renew: bool = False,
) -> tuple[str, ...]:
    """Leave exactly one webhook, and that one right; what had to be done. Sends nothing when all is well.

    A right one is preferred to one that has to be mended, so that a second look undoes nothing of the first.
    """
    ours = sorted(standing, key=lambda one: not one.is_right)
    if not ours:
        make()
        return ("made",)
    first, *others = ours
    did = []
    if renew or not first.is_right:
        mend(first.id)
        did.append("repaired")
    for other in others:
        remove(other.id)
        did.append("removed a duplicate")
    return tuple(did)
