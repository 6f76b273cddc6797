"""Reading many tickets so that one that cannot be read stops no other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, log2

from bridge.connect.port import Connector, Gone
from bridge.engine.patience import is_about_one
from bridge.errors import RemoteError, SkippableError
from bridge.model.ticket import Snapshot, TicketRef

_SPARE = 6
"""Failing requests beyond those that finding one bad ticket takes: with more, it is the site that fails."""


@dataclass(frozen=True, slots=True)
class Unread:
    """A ticket that could not be read, though others could. `why` is a sentence."""

    ref: TicketRef
    why: str


Answer = Snapshot | Gone | Unread


def read_apart(
    connector: Connector, refs: list[TicketRef], *, threads: bool, insists: bool = False
) -> dict[TicketRef, Answer]:
    """Read tickets, together as long as that works, else in halves until the one is found that does not let itself be
    read. Raises RemoteError when the failure speaks of the site, or too much fails to be one ticket's fault. `insists`:
    it has failed so often that a failure that usually speaks of the site may be one ticket's."""
    search = _Search(connector, threads, insists, patience=2 * ceil(log2(max(len(refs), 2))) + _SPARE)
    search.read(refs)
    return search.found


@dataclass(slots=True)
class _Search:
    connector: Connector
    threads: bool
    insists: bool
    patience: int
    found: dict[TicketRef, Answer] = field(default_factory=dict)

    def read(self, refs: list[TicketRef]) -> None:
        """Read these, in halves if they cannot be read together."""
        if not refs:
            return
        try:
            answers: Mapping[TicketRef, Snapshot | Gone] = self.connector.fetch(refs, threads=self.threads)
        except SkippableError as error:
            self._apart(refs, error)
        except RemoteError as error:
            self.patience -= 1
            if self.patience < 0 or not is_about_one(error, insists=self.insists):
                raise
            self._apart(refs, error)
        else:
            self.found.update(answers)

    def _apart(self, refs: list[TicketRef], error: RemoteError | SkippableError) -> None:
        if len(refs) == 1:
            self.found[refs[0]] = Unread(refs[0], str(error))
            return
        half = len(refs) // 2
        self.read(refs[:half])
        self.read(refs[half:])
