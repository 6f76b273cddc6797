"""What the vendor's own people are told about a group: one row a reason, with what was said of it and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, delete, select, update

from bridge.model.codec import decode, encode
from bridge.model.document import Document
from bridge.model.words import Side
from bridge.store.schema import notice


@dataclass(frozen=True, slots=True)
class Notice:
    """One reason and its note. `topic` and `id` name the reason for ever within its group.

    `text` is what is (or was last) to be said, None where only the note itself was found. `stands`: the reason holds;
    where `recorded`, that is kept here and nowhere else. `told` is what the latest note says: True that it stands, False
    that it is solved, None while nothing was said. `part` counts the comments this took, `side` is where they are, and
    `comments` are the ids of those that stand there.
    """

    topic: str
    id: str
    text: Document | None = None
    stands: bool = True
    recorded: bool = False
    told: bool | None = None
    side: Side | None = None
    part: int = 0
    comments: tuple[str, ...] = ()

    @property
    def name(self) -> tuple[str, str]:
        """Topic and id."""
        return self.topic, self.id


class Notices:
    """Reasons and their notes, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def of_group(self, group: str) -> dict[tuple[str, str], Notice]:
        """Every notice of a group, by topic and id."""
        rows = self._connection.execute(select(notice).where(notice.c.group_id == group).order_by(notice.c.since_at))
        return {found.name: found for found in map(_notice, rows)}

    def standing(self, topic: str) -> list[Notice]:
        """Every recorded reason of a topic that stands, of whatever group, the oldest first."""
        rows = self._connection.execute(
            select(notice).where(notice.c.topic == topic, notice.c.stands).order_by(notice.c.since_at)
        )
        return [_notice(row) for row in rows]

    def put(self, group: str, wanted: Notice) -> None:
        """Keep a notice as it is now."""
        values: dict[str, Any] = {
            "body": None if wanted.text is None else encode(wanted.text),
            "stands": wanted.stands,
            "recorded": wanted.recorded,
            "told": wanted.told,
            "side": wanted.side.value if wanted.side else None,
            "part": wanted.part,
            "comments": list(wanted.comments),
        }
        where = _where(group, wanted.topic, wanted.id)
        if self._connection.execute(update(notice).where(where).values(values)).rowcount == 0:
            self._connection.execute(
                notice.insert().values(group_id=group, topic=wanted.topic, id=wanted.id, since_at=self._now, **values)
            )

    def drop(self, group: str, topic: str, ident: str) -> None:
        """Forget a reason of which nothing was said."""
        self._connection.execute(delete(notice).where(_where(group, topic, ident)))

    def record(self, group: str, topic: str, ident: str, text: Document) -> None:
        """A reason that nothing but this row remembers (something happened, and is over) stands from now on.

        Recording the same reason again changes its words.
        """
        known = self._get(group, topic, ident) or Notice(topic, ident)
        self.put(group, replace(known, text=text, stands=True, recorded=True))

    def solve(self, group: str, topic: str, ident: str) -> None:
        """A recorded reason stands no longer."""
        known = self._get(group, topic, ident)
        if known is not None:
            self.put(group, replace(known, stands=False))

    def posted(self, group: str, topic: str, ident: str, *, side: Side, part: int, comment: str, told: bool) -> None:
        """A note stands at a site: by our own write, or found there by its marker though no row told of it. `told`: what
        it says there, that its reason stands or that it is solved."""
        known = self._get(group, topic, ident)
        if known is None or part > known.part:
            known = replace(known or Notice(topic, ident), told=told)
        comments = known.comments if comment in known.comments else (*known.comments, comment)
        self.put(group, replace(known, comments=comments, side=side, part=max(part, known.part)))

    def _get(self, group: str, topic: str, ident: str) -> Notice | None:
        row = self._connection.execute(select(notice).where(_where(group, topic, ident))).one_or_none()
        return None if row is None else _notice(row)


def _where(group: str, topic: str, ident: str) -> Any:
    return and_(notice.c.group_id == group, notice.c.topic == topic, notice.c.id == ident)


def _notice(row: Any) -> Notice:
    values: Mapping[str, Any] = row._mapping
    return Notice(
        topic=values["topic"],
        id=values["id"],
        text=decode(values["body"]),
        stands=bool(values["stands"]),
        recorded=bool(values["recorded"]),
        told=values["told"],
        side=Side(values["side"]) if values["side"] else None,
        part=values["part"],
        comments=tuple(values["comments"]),
    )
