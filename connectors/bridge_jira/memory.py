"""What all connectors of one Jira site know together in a process. Thread-safe; lost on restart without harm."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Lock, RLock
from typing import Generic, TypeVar

from bridge.model.marker import Marker
from bridge.model.ticket import Person
from bridge_jira.fields import Catalogue

_MARKERS = 50_000

Value = TypeVar("Value")


class Once(Generic[Value]):
    """A value that is read at the first need, by one thread while the others wait."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._kept: list[Value] = []

    def get(self, read: Callable[[], Value]) -> Value:
        """The value; `read` is called when there is none yet. What it raises leaves things as they were."""
        if self._kept:
            return self._kept[0]
        with self._lock:
            if not self._kept:
                self._kept.append(read())
            return self._kept[0]


@dataclass(frozen=True, slots=True)
class Hop:
    """One transition as once seen: which status it leads to, whether it leads into a finished one or asks for a
    resolution, and the ids of the other fields its screen requires."""

    to: str
    finishes: bool
    needs: frozenset[str] = frozenset()


@dataclass(slots=True)
class SiteMemory:
    """`hops` holds, by workflow (project and issue type) and status, where transitions were seen to lead; `media` the
    ids of attachments in the media store."""

    catalogue: Once[Catalogue] = field(default_factory=Once)
    myself: Once[Person] = field(default_factory=Once)
    lock: RLock = field(default_factory=RLock)
    hops: dict[str, dict[str, tuple[Hop, ...]]] = field(default_factory=dict)
    statuses: dict[str, frozenset[str]] = field(default_factory=dict)
    accounts: dict[str, str] = field(default_factory=dict)
    media: dict[str, str] = field(default_factory=dict)
    file_limit: Once[int] = field(default_factory=Once)
    markers: OrderedDict[str, Marker | None] = field(default_factory=OrderedDict)
    ahead: timedelta = timedelta()

    def note_time(self, site_at: datetime) -> None:
        """Take the site's present from an answer's `Date` (whole seconds)."""
        with self.lock:
            self.ahead = site_at - datetime.now(UTC)

    def site_now(self) -> datetime:
        """The site's present, as far as its last answer told."""
        return datetime.now(UTC) + self.ahead

    def keep_marker(self, comment_id: str, marker: Marker | None) -> None:
        """Remember what stands in a comment's slot; a comment's marker never changes."""
        with self.lock:
            self.markers[comment_id] = marker
            while len(self.markers) > _MARKERS:
                self.markers.popitem(last=False)

    def knows_marker(self, comment_id: str) -> bool:
        """Whether this comment's slot was read before."""
        return comment_id in self.markers

    def marker(self, comment_id: str) -> Marker | None:
        """The marker of a comment whose slot was read before."""
        return self.markers.get(comment_id)
