"""What all connectors of one site know together in a process: our account, milestones, and what was read just now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from threading import Lock
from typing import Generic, TypeVar

from bridge.model.ticket import TicketRef
from bridge_github.client import Row

FRESH = timedelta(seconds=30)
"""How old a reading may be to count as one of now."""
_MOST = 10_000

Key = TypeVar("Key")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an issue is now. A transfer changes it; GitHub redirects the reading of the old place, and only that."""

    repository: str
    number: int

    @property
    def path(self) -> str:
        """The API's path of the issue."""
        return f"/repos/{self.repository}/issues/{self.number}"


class Recent(Generic[Key, Value]):
    """A mapping that forgets its oldest entries."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[Key, Value] = OrderedDict()

    def put(self, key: Key, value: Value) -> None:
        """Keep a value as the newest."""
        self._kept[key] = value
        self._kept.move_to_end(key)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def get(self, key: Key) -> Value | None:
        """The value of a key, if still kept."""
        return self._kept.get(key)

    def pop(self, key: Key) -> Value | None:
        """Take a value out."""
        return self._kept.pop(key, None)


class Shared:
    """Thread-safe; no I/O. Everything here can be lost: it only saves requests."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._me: tuple[str, int] | None = None
        self._milestones: dict[str, Mapping[str, int]] = {}
        self._released: dict[str, frozenset[str]] = {}
        self._releases_etags: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._rows: Recent[TicketRef, tuple[Row, datetime]] = Recent(1_000)
        self._lines: Recent[TicketRef, str] = Recent()
        self._spots: Recent[TicketRef, Spot] = Recent()
        self._seen: Recent[TicketRef, datetime] = Recent()
        self._moved: Recent[tuple[str, int], TicketRef] = Recent()

    @property
    def me(self) -> tuple[str, int] | None:
        """The login and id of our account, once somebody asked."""
        with self._lock:
            return self._me

    def know_me(self, login: str, ident: int) -> None:
        """Remember our account."""
        with self._lock:
            self._me = (login, ident)

    def milestone(self, repository: str, title: str) -> int | None:
        """The number of a milestone by its title, None if not known."""
        with self._lock:
            return self._milestones.get(repository, {}).get(title)

    def know_milestones(self, repository: str, numbers: Mapping[str, int]) -> None:
        """Remember a repository's milestones, title → number."""
        with self._lock:
            self._milestones[repository] = dict(numbers)

    def released(self, repository: str) -> frozenset[str] | None:
        """The tags of a repository's published releases, None if nobody looked yet."""
        with self._lock:
            return self._released.get(repository)

    def know_released(self, repository: str, tags: frozenset[str], *, etag: str = "") -> None:
        """Remember more published tags of a repository, and what the list they stood in was."""
        with self._lock:
            self._released[repository] = self._released.get(repository, frozenset()) | tags
            self._releases_etags[repository] = etag or self._releases_etags.get(repository, "")

    def releases_etag(self, repository: str) -> str:
        """What the list of releases was when last read, empty if never."""
        with self._lock:
            return self._releases_etags.get(repository, "")

    def know_name(self, configured: str, present: str) -> None:
        """Remember that a repository the config calls so has another name now."""
        with self._lock:
            self._names[present] = configured

    def configured_name(self, present: str) -> str:
        """What the config calls a repository."""
        with self._lock:
            return self._names.get(present, present)

    def keep_row(self, ref: TicketRef, row: Row, read_at: datetime) -> None:
        """Keep an issue as a feed page showed it, for the `fetch` that will want its comments."""
        with self._lock:
            self._rows.put(ref, (row, read_at))

    def take_row(self, ref: TicketRef, now: datetime) -> tuple[Row, datetime] | None:
        """The kept row, if fresh. It serves once: whoever asks again wants to know what is now."""
        with self._lock:
            kept = self._rows.pop(ref)
        return kept if kept is not None and now - kept[1] <= FRESH else None

    def forget_row(self, ref: TicketRef) -> None:
        """The ticket was written, or may have changed: what was kept is old."""
        with self._lock:
            self._rows.pop(ref)

    def note(self, ref: TicketRef, *, line: str, spot: Spot, updated_at: datetime) -> None:
        """Remember of a ticket read: its body's marker line, where it is, when it changed last."""
        with self._lock:
            self._lines.put(ref, line)
            self._spots.put(ref, spot)
            self._seen.put(ref, updated_at)
            home = self._names.get(spot.repository, spot.repository)
            if ref.id != f"{home}#{spot.number}":
                self._moved.put((home, spot.number), ref)

    def moved_to(self, repository: str, number: int) -> TicketRef | None:
        """The ticket that a transfer brought to this place, as far as one was read here: it keeps its first name."""
        with self._lock:
            return self._moved.get((repository, number))

    def line(self, ref: TicketRef) -> str | None:
        """The marker line of a ticket's body ("" for none), None if it was never read here."""
        with self._lock:
            return self._lines.get(ref)

    def spot(self, ref: TicketRef) -> Spot | None:
        """Where a ticket was last read."""
        with self._lock:
            return self._spots.get(ref)

    def updated_at(self, ref: TicketRef) -> datetime | None:
        """When a ticket had last changed, as far as known."""
        with self._lock:
            return self._seen.get(ref)
