"""Carrying the files of a comment to the other side, before the comment that names them is sent.

A file is read from its site and sent on piece by piece. What stands on the target ticket already is not sent again: by
its source, by its stored name where the site keeps files by themselves (so that a lost reply doubles nothing), or by its
content. A file that cannot go is told of in the comment; only what may still succeed makes the comment wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from bridge.connect.port import Connector
from bridge.engine.connections import Connections
from bridge.engine.route import Route
from bridge.errors import MissingError, PermanentError, RefusedError, TemporaryError, UnknownOutcomeError
from bridge.model.codec import decode_attachment
from bridge.model.files import shown_size, source_key, stored_name
from bridge.model.operation import Operation, Upload, Uploaded
from bridge.model.ports import Clock
from bridge.model.ticket import Attachment, TicketRef
from bridge.model.words import Side, Visibility
from bridge.store.files import Copy
from bridge.store.hands import Hand
from bridge.store.ledger import Ledger

TRIES = 3
"""How often a file that is refused or not there is asked for before it is left behind."""
WAITS_S = (2.0, 8.0)
TOKEN_LASTS = timedelta(minutes=40)
"""How long a file that waits for its comment is trusted to be still there; Zendesk keeps it for an hour."""
OTHERS = "it came from another ticket"
"""Why a copy of one ticket's file does not go to another."""
RENEW = timedelta(seconds=60)
"""How often the hand on the group is renewed while bytes pass."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Carried:
    """One file of a comment and how it is found on the target: as `copy`, or not at all, which `why` tells people."""

    file: Attachment
    copy: Uploaded | None = None
    why: str = ""
    is_new: bool = False

    @property
    def is_secret(self) -> bool:
        """Whether not even its name is told: it is somebody else's."""
        return self.why == OTHERS


@dataclass(frozen=True, slots=True)
class Errand:
    """One comment's files on their way: from `origin` to `ticket`. `lease_s` is how long a renewed hand holds."""

    hand: Hand
    route: Route
    side: Side
    ticket: TicketRef
    origin: TicketRef
    operation: Operation
    lease_s: float


@dataclass(slots=True)
class _Load:
    """What one errand works with: both connectors, and what is known of files on both tickets."""

    errand: Errand
    source: Connector
    target: Connector
    here: dict[str, Copy]
    there: Mapping[str, Copy]
    own: Mapping[str, Uploaded] = field(default_factory=dict)

    @property
    def source_site(self) -> str:
        return self.errand.origin.site

    @property
    def visibility(self) -> Visibility:
        return Visibility(self.errand.operation.payload["visibility"])


class _LeftBehind(Exception):
    """A file does not go, for this reason."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """Carries files between sites."""

    ledger: Ledger
    connections: Connections
    clock: Clock

    def carry(self, errand: Errand) -> tuple[Carried, ...]:
        """Carry every file of a comment, in order.

        Raises TemporaryError: what went already is remembered, and the comment itself had certainly no effect.
        """
        files = [decode_attachment(one) for one in errand.operation.payload.get("files", ())]
        if not files:
            return ()
        with self.ledger.begin() as transaction:
            here, there = transaction.files.on(errand.ticket), transaction.files.on(errand.origin)
        target = self.connections.to(errand.ticket.site)
        load = _Load(errand, self.connections.to(errand.origin.site), target, here, there)
        try:
            load.own = target.own_files(errand.ticket)
        except PermanentError as error:
            # The comment will meet the same refusal, and is judged by it.
            log.warning("files.unlisted", group=errand.hand.group, error=str(error))
        return tuple(self._carry_one(load, file) for file in files)

    def _carry_one(self, load: _Load, file: Attachment) -> Carried:
        key = source_key(load.source_site, file)
        known = load.here.get(key)
        copy = _standing(load, known, now=self.clock.now())
        if copy is not None:
            return Carried(file, copy)
        if known is not None and known.refused and known.operation == load.errand.operation.key:
            return Carried(file, why=known.refused)
        try:
            self._check(load, file)
            return self._send(load, file, key)
        except _LeftBehind as reason:
            self._remember(load, key, refused=str(reason))
            return Carried(file, why=str(reason))
        except UnknownOutcomeError as error:
            # It may arrive yet; whether it did is seen by its name once that can be told.
            raise TemporaryError(str(error), retry_after_s=error.horizon_s or None, site=error.site) from error
        except PermanentError as error:
            return self._refused(load, file, key, error)

    @staticmethod
    def _check(load: _Load, file: Attachment) -> None:
        if file.malware:
            raise _LeftBehind("it was found to be harmful")
        ours = next((one for one in load.there.values() if one.copy and one.copy.id == file.id), None)
        if ours is not None and ours.origin != load.errand.ticket:
            raise _LeftBehind(OTHERS)
        if ours is not None:
            raise _LeftBehind("it came from this ticket")
        if file.ours:
            raise _LeftBehind("it is a copy made by bridge")
        most = load.target.file_limit()
        if not most:
            raise _LeftBehind("no files can be put here")
        if file.size > most:
            raise _LeftBehind(f"it is larger than the {shown_size(most)} that can be put here")

    def _send(self, load: _Load, file: Attachment, key: str) -> Carried:
        name = stored_name(load.source_site, file)
        own = load.own.get(name)
        if own is not None and file.size in (0, own.size):
            self._remember(load, key, copy=own, settled=True)
            return Carried(file, own)
        same = self._same_content(load, file)
        if same is not None:
            return Carried(file, replace(same, token=""))
        with load.source.open_file(file) as stream:
            size = file.size if stream.size is None else stream.size
            if not size:
                raise _LeftBehind("it is empty")
            if size > load.target.file_limit():
                raise _LeftBehind(f"it is larger than the {shown_size(load.target.file_limit())} that can be put here")
            chunks = self._renewing(load.errand, stream.chunks)
            copy = load.target.upload(load.errand.ticket, Upload(name, size, file.media_type, chunks))
        self._remember(load, key, copy=copy, settled=not copy.token)
        return Carried(file, copy, is_new=True)

    def _same_content(self, load: _Load, file: Attachment) -> Uploaded | None:
        """A file with these very bytes that stands on the ticket already, for readers no fewer. Only where one of that
        size stands there are the bytes read for it."""
        alike = {
            one.copy.sha256: one.copy
            for one in load.here.values()
            if one.settled and one.copy and one.copy.sha256 and one.copy.size == file.size
            if one.visibility in (Visibility.PUBLIC, load.visibility)
        }
        if not alike:
            return None
        digest = sha256()
        with load.source.open_file(file) as stream:
            for chunk in self._renewing(load.errand, stream.chunks):
                digest.update(chunk)
        return alike.get(digest.hexdigest())

    def _renewing(self, errand: Errand, chunks: Iterator[bytes]) -> Iterator[bytes]:
        """The chunks, while the hand on the group is kept. Raises HandLostError."""
        renewed_at = self.clock.now()
        for chunk in chunks:
            yield chunk
            if self.clock.now() - renewed_at >= RENEW:
                with self.ledger.begin(errand.hand) as transaction:
                    transaction.hands.extend(errand.hand, lease_s=errand.lease_s)
                renewed_at = self.clock.now()

    def _refused(self, load: _Load, file: Attachment, key: str, error: PermanentError) -> Carried:
        """A definite no: at once where it says why, after some tries where the file may yet appear."""
        known = load.here.get(key)
        tries = 1 + (known.tries if known and known.operation == load.errand.operation.key else 0)
        may_change = isinstance(error, MissingError | RefusedError) or not error.site
        why = "it is too large here" if error.status == 413 else "it could not be fetched"
        log.warning("file.refused", group=load.errand.hand.group, file=file.name, tries=tries, error=str(error))
        if may_change and tries < TRIES:
            self._remember(load, key, tries=tries)
            raise TemporaryError(str(error), retry_after_s=WAITS_S[tries - 1], site=error.site) from error
        self._remember(load, key, refused=why, tries=tries, error=str(error))
        return Carried(file, why=why)

    def _remember(
        self,
        load: _Load,
        key: str,
        *,
        copy: Uploaded | None = None,
        settled: bool = False,
        tries: int = 0,
        refused: str = "",
        error: str = "",
    ) -> None:
        errand = load.errand
        row = Copy(
            ticket=errand.ticket,
            source=key,
            group=errand.hand.group,
            origin=errand.origin,
            operation=errand.operation.key,
            visibility=load.visibility,
            copy=copy,
            settled=settled,
            tries=tries,
            refused=refused,
        )
        with self.ledger.begin(errand.hand) as transaction:
            transaction.hands.extend(errand.hand, lease_s=errand.lease_s)
            transaction.files.put(row)
            if refused:
                transaction.note("file_left_behind", group=errand.hand.group, why=refused, error=error)
        load.here[key] = row


def _standing(load: _Load, known: Copy | None, *, now: datetime) -> Uploaded | None:
    """The copy of a file that stands on the ticket for the readers of this comment, or waits for just this comment."""
    if known is None or known.copy is None:
        return None
    if known.settled and known.visibility in (Visibility.PUBLIC, load.visibility):
        return replace(known.copy, token="")
    # A token that a request may have used is not offered again.
    waits = known.copy.token and known.operation == load.errand.operation.key and known.at is not None
    unused = known.at is not None and (
        load.errand.operation.sent_at is None or load.errand.operation.sent_at < known.at
    )
    return known.copy if waits and unused and known.at and now - known.at < TOKEN_LASTS else None
