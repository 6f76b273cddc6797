"""The herald: sends what the outbox of notifications holds, one message at a time, and writes down what came of it.

Nothing is sent in a transaction: rows are taken, the message is sent, the outcome is recorded. A process that ends in
between leaves rows that are taken and in nobody's hand: a mail is sent again as the very same mail, which mailers fold;
over any other channel it is not repeated, and shown as unknown.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

import structlog

from bridge.connect.channel import Channel, ChannelError, Message
from bridge.engine.clocks.words import length
from bridge.store.ledger import Ledger, Transaction
from bridge.store.notifications import Notification, Telling

HELD = timedelta(minutes=10)
"""How long a message may be on its way before its sender counts as gone; longer than any channel takes to give up."""
FIRST = timedelta(minutes=1)
LONGEST = timedelta(hours=1)
TRIES = 10
"""After so many failures it is given up: about five hours."""
LASTING_TRIES = 4
"""The same for what is refused until somebody mends something."""
LATE = timedelta(minutes=10)
"""From when on a message says that it was sent late."""
MAIL = "mail"
"""The channel on which all that waits for a person goes out as one."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Herald:
    """Sends notifications. `channels` are the ways to people, by the person's key and the channel's name."""

    ledger: Ledger
    channels: Mapping[tuple[str, str], Channel]

    def take_over(self) -> None:
        """What an earlier process was sending is in nobody's hand any more. Only where no other process can be."""
        if self.ledger.is_alone:
            with self.ledger.begin() as transaction:
                transaction.notifications.free_all()

    def step(self) -> bool:
        """Send the one message that is due first. Whether there was any."""
        with self.ledger.begin() as transaction:
            rows = self._take(transaction)
            now = transaction.now
        if rows is None:
            return False
        if rows:
            self._send(rows, now)
        return True

    def _take(self, transaction: Transaction) -> list[Notification] | None:
        """The rows of the next message, marked as on their way; none if they came to an end; None if nothing is due."""
        rows = transaction.notifications.next_due()
        if not rows:
            return None
        one = rows[0]
        channel = self.channels.get((one.person, one.channel))
        if one.state is Telling.SENDING and (channel is None or not channel.folds):
            self._leave_unknown(transaction, rows, "bridge ended while it was sent")
            return []
        if one.state is Telling.SENDING:
            rows = [transaction.notifications.change(each, tries=each.tries + 1) for each in rows]
            if rows[0].tries >= TRIES:
                # Something about it ends its sender again and again.
                self._give_up(transaction, rows, "bridge ended whenever it was sent")
                return []
        if channel is None:
            self._give_up(transaction, rows, "the config has no such channel of this person any more")
            return []
        if one.channel != MAIL:
            rows = rows[:1]
        batch = one.batch or _batch_of(rows)
        return transaction.notifications.take(rows, batch=batch, until=transaction.now + HELD)

    def _send(self, rows: Sequence[Notification], now: datetime) -> None:
        channel = self.channels[rows[0].person, rows[0].channel]
        try:
            channel.send(_message(rows, now))
        except ChannelError as error:
            self._failed(rows, channel, error)
            return
        with self.ledger.begin() as transaction:
            transaction.notifications.settle(rows, state=Telling.SENT, reason="", due_at=None, ended_at=transaction.now)
        log.info("told", person=rows[0].person, channel=rows[0].channel, number=len(rows))

    def _failed(self, rows: Sequence[Notification], channel: Channel, error: ChannelError) -> None:
        log.warning("telling.failed", person=rows[0].person, channel=rows[0].channel, why=str(error))
        with self.ledger.begin() as transaction:
            if not error.certain and not channel.folds:
                self._leave_unknown(transaction, rows, str(error))
                return
            for one in rows:
                tries = one.tries + 1
                if tries >= (LASTING_TRIES if error.lasting else TRIES):
                    self._give_up(transaction, [one], str(error))
                    continue
                again_at = transaction.now + min(FIRST * 2 ** (tries - 1), LONGEST)
                # A mail that may have arrived stays the same mail; one that surely did not may take others along.
                batch = "" if error.certain else one.batch
                transaction.notifications.settle(
                    [one], state=Telling.PLANNED, batch=batch, tries=tries, reason=str(error), due_at=again_at
                )

    def _give_up(self, transaction: Transaction, rows: Sequence[Notification], reason: str) -> None:
        self._end(transaction, rows, Telling.FAILED, reason)

    def _leave_unknown(self, transaction: Transaction, rows: Sequence[Notification], reason: str) -> None:
        self._end(transaction, rows, Telling.UNKNOWN, reason)

    def _end(self, transaction: Transaction, rows: Sequence[Notification], state: Telling, reason: str) -> None:
        for one in rows:
            transaction.notifications.end(one, state, reason=reason)
            transaction.note(f"telling_{state}", group=one.group, person=one.person, channel=one.channel, why=reason)
            log.error(f"telling.{state}", group=one.group, person=one.person, channel=one.channel, why=reason)


def _batch_of(rows: Sequence[Notification]) -> str:
    """The name of a message: that of its row, or one made of all of them."""
    if len(rows) == 1:
        return rows[0].id
    return sha256("\n".join(one.id for one in rows).encode()).hexdigest()[:40]


def _message(rows: Sequence[Notification], now: datetime) -> Message:
    if len(rows) == 1:
        return Message(rows[0].batch, rows[0].title, _body(rows[0], now))
    titles = [f"{number}. {one.title}" for number, one in enumerate(rows, start=1)]
    bodies = [f"--- {number}. {one.title}\n\n{_body(one, now)}" for number, one in enumerate(rows, start=1)]
    title = f"{len(rows)} messages about promises, the first: {rows[0].title}"
    return Message(rows[0].batch, title, "\n".join(titles) + "\n\n" + "\n\n".join(bodies))


def _body(one: Notification, now: datetime) -> str:
    late = now - one.planned_at
    return one.body if late < LATE else f"{one.body}\n\nThis message was sent {length(late)} late."
