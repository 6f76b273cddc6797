"""Links, their bases, the items mirrored under them, and recorded conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, null, or_, select, update

from bridge.model.codec import decode_readings, encode, encode_readings
from bridge.model.marker import Marker
from bridge.model.ticket import Reading, TicketRef
from bridge.model.words import Side
from bridge.store import schema
from bridge.store.upsert import put_row


@dataclass(frozen=True, slots=True)
class Link:
    """The lasting record that two tickets are the same case. `created` is the side whose ticket bridge made, or ""."""

    group: str
    route: str
    helpdesk: TicketRef
    tracker: TicketRef
    tracker_key: str
    created: str = ""
    generation: int = 0
    linked_at: datetime | None = field(default=None, compare=False)
    prefer: str = ""
    """The side that is believed where a pair linked by hand differs at its first meeting, "" for neither."""
    past_until: datetime | None = None
    """What was said at the issue by then, in its site's time, is past: the customer is not told of it."""

    def ref(self, side: Side) -> TicketRef:
        """The ticket on one side."""
        return self.helpdesk if side is Side.HELPDESK else self.tracker


@dataclass(frozen=True, slots=True)
class BaseMove:
    """One base to move. `over`: the value was written by us, over that one."""

    group: str
    side: Side
    field: str
    native: Mapping[str, Reading]
    over: Mapping[str, Reading] | None = None


class Fate(StrEnum):
    """What became of a source item: on its way or mirrored, left alone by the rules, held back by the mode, or mirrored
    once and taken back since."""

    SENT = "sent"
    SKIPPED = "skipped"
    WITHHELD = "withheld"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True)
class Item:
    """One source item (a comment, a customer update) and what was decided about it.

    `source_hash` and `visibility` are what it said, and to whom, when it was told last; `target_hash` is what its copy
    shows since then; `foreign_hash` is what the copy shows instead because somebody else edited it; `version` counts the
    edits of the copy. Of these last four None leaves what is recorded.
    """

    side: Side
    source_id: str
    part: int
    fate: Fate
    source_hash: str
    operation_key: str = ""
    target_id: str = ""
    reason: str = ""
    visibility: str | None = None
    target_hash: str | None = None
    foreign_hash: str | None = None
    version: int | None = None
    decided_at: datetime | None = None


Bases = dict[Side, dict[str, Mapping[str, Reading]]]
"""Per side and canonical field: the native readings the last settled agreement rested on."""


class Links:
    """Links and what hangs on them, within one transaction."""

    def __init__(self, connection: Connection, now: datetime) -> None:
        self._connection = connection
        self._now = now

    def get(self, group: str) -> Link | None:
        """The link of a group, None before there is one."""
        row = self._connection.execute(select(schema.link).where(schema.link.c.group_id == group)).one_or_none()
        return None if row is None else _link(row)

    def find(self, refs: Iterable[TicketRef]) -> dict[TicketRef, Link]:
        """The links that these tickets are an end of."""
        table = schema.link
        found: dict[TicketRef, Link] = {}
        wanted = list(refs)
        for start in range(0, len(wanted), 200):
            chunk = wanted[start : start + 200]
            ends = [
                or_(
                    and_(table.c.helpdesk_site == ref.site, table.c.helpdesk_id == ref.id),
                    and_(table.c.tracker_site == ref.site, table.c.tracker_id == ref.id),
                )
                for ref in chunk
            ]
            for row in self._connection.execute(select(table).where(or_(*ends))) if ends else ():
                link = _link(row)
                found[link.helpdesk] = found[link.tracker] = link
        return found

    def page(self, site: str, after: str, limit: int) -> list[Link]:
        """Links with an end at `site` whose groups come after one named, in the order of their names."""
        table = schema.link
        at_site = or_(table.c.helpdesk_site == site, table.c.tracker_site == site)
        rows = self._connection.execute(
            select(table).where(at_site, table.c.group_id > after).order_by(table.c.group_id).limit(limit)
        )
        return [_link(row) for row in rows]

    def add(self, link: Link) -> None:
        """Record a new link."""
        self._connection.execute(
            schema.link.insert().values(
                group_id=link.group,
                route=link.route,
                helpdesk_site=link.helpdesk.site,
                helpdesk_id=link.helpdesk.id,
                tracker_site=link.tracker.site,
                tracker_id=link.tracker.id,
                tracker_key=link.tracker_key,
                created=link.created,
                generation=link.generation,
                linked_at=self._now,
                prefer=link.prefer,
                past_until=link.past_until,
            )
        )

    def sharing(self, tracker: TicketRef) -> list[Link]:
        """Every link on this issue, the oldest first."""
        table = schema.link
        rows = self._connection.execute(
            select(table)
            .where(table.c.tracker_site == tracker.site, table.c.tracker_id == tracker.id)
            .order_by(table.c.linked_at, table.c.group_id)
        )
        return [_link(row) for row in rows]

    def replace(self, link: Link) -> None:
        """Lay a link over the one its group has, or record it if there is none."""
        if self.get(link.group) is None:
            self.add(link)
            return
        values = {
            "helpdesk_site": link.helpdesk.site,
            "helpdesk_id": link.helpdesk.id,
            "tracker_site": link.tracker.site,
            "tracker_id": link.tracker.id,
            "tracker_key": link.tracker_key,
            "created": link.created,
            "generation": link.generation,
            "linked_at": self._now,
            "prefer": link.prefer,
            "past_until": link.past_until,
        }
        self._connection.execute(update(schema.link).where(schema.link.c.group_id == link.group).values(values))

    def rename(self, tracker: TicketRef, key: str) -> None:
        """An issue has a new key; the vendor's permanent id stands."""
        table = schema.link
        self._connection.execute(
            update(table)
            .where(table.c.tracker_site == tracker.site, table.c.tracker_id == tracker.id)
            .values(tracker_key=key)
        )

    def have_met(self, group: str) -> None:
        """The sides of a link agreed once: whom to believe at their first meeting is no question any more."""
        self._connection.execute(update(schema.link).where(schema.link.c.group_id == group).values(prefer=""))

    def remove(self, group: str) -> None:
        """Forget that a group's ticket has an issue. What was mirrored stays known."""
        self._connection.execute(delete(schema.link).where(schema.link.c.group_id == group))

    def all(self, route: str | None = None) -> list[Link]:
        """Every link, or those of one route."""
        query = select(schema.link).order_by(schema.link.c.linked_at, schema.link.c.group_id)
        if route is not None:
            query = query.where(schema.link.c.route == route)
        return [_link(row) for row in self._connection.execute(query)]

    def count(self) -> dict[str, int]:
        """How many links each route has."""
        rows = self._connection.execute(select(schema.link.c.route, func.count()).group_by(schema.link.c.route))
        return {route: int(number) for route, number in rows}

    def bases(self, group: str) -> Bases:
        """The bases of a link."""
        bases: Bases = {Side.HELPDESK: {}, Side.TRACKER: {}}
        table = schema.base
        for row in self._connection.execute(select(table).where(table.c.group_id == group)):
            bases[Side(row.side)][row.field] = decode_readings(row.native)
        return bases

    def move_base(
        self,
        group: str,
        side: Side,
        field: str,
        native: Mapping[str, Reading],
        *,
        over: Mapping[str, Reading] | None = None,
    ) -> None:
        """Move one base. The caller moves the pair's other end in the same transaction.

        `over`: this value was written by us, over that one. What the side's own people had set last is kept beside it.
        """
        table = schema.base
        key = {"group_id": group, "side": side.value, "field": field}
        own = null() if over is None else func.coalesce(table.c.own, table.c.native)
        values = {"native": encode_readings(native), "settled_at": self._now}
        changed = self._connection.execute(update(table).where(*_is(table, key)).values(**values, own=own))
        if changed.rowcount == 0:
            put_row(self._connection, table, key, values | ({"own": encode_readings(over)} if over else {}))

    def own_values(self, group: str, side: Side) -> dict[str, Mapping[str, Reading]]:
        """Per field, what the side's own people had last set when its base was settled."""
        table = schema.base
        rows = self._connection.execute(
            select(table.c.field, func.coalesce(table.c.own, table.c.native).label("own")).where(
                table.c.group_id == group, table.c.side == side.value
            )
        )
        return {row.field: decode_readings(row.own) for row in rows}

    def drop_base(self, group: str, field: str) -> None:
        """Forget what a group agreed on about one field."""
        table = schema.base
        self._connection.execute(delete(table).where(table.c.group_id == group, table.c.field == field))

    def drop_bases(self, group: str) -> None:
        """Forget what a group agreed on, and what it did not: its sides meet anew."""
        self._connection.execute(delete(schema.base).where(schema.base.c.group_id == group))
        self._connection.execute(delete(schema.conflict).where(schema.conflict.c.group_id == group))

    def items(self, group: str) -> dict[tuple[Side, str, int], Item]:
        """Every decided source item of a group, by side, id and part."""
        table = schema.item
        rows = self._connection.execute(select(table).where(table.c.group_id == group))
        items = (_item(row) for row in rows)
        return {(item.side, item.source_id, item.part): item for item in items}

    def item(self, group: str, side: Side, source_id: str, part: int) -> Item | None:
        """One decided source item, None if nothing was decided about it."""
        key = {"group_id": group, "side": side.value, "source_id": source_id, "part": part}
        row = self._connection.execute(select(schema.item).filter_by(**key)).one_or_none()
        return None if row is None else _item(row)

    def decided_elsewhere(self, group: str, side: Side, source_ids: Iterable[str]) -> list[tuple[str, Item]]:
        """What was decided about source items of these ids under other links: the link's group, and the item."""
        table = schema.item
        wanted = and_(table.c.group_id != group, table.c.side == side.value, table.c.source_id.in_(list(source_ids)))
        return [(row.group_id, _item(row)) for row in self._connection.execute(select(table).where(wanted))]

    def put_item(self, group: str, item: Item) -> None:
        """Record what was decided about a source item, or what has become of it since."""
        values: dict[str, Any] = {
            "fate": item.fate.value,
            "source_hash": item.source_hash,
            "operation_key": item.operation_key or None,
            "reason": item.reason,
            "decided_at": self._now,
        }
        if item.target_id:
            # What was once written there is known for ever, however often the item is decided about again.
            values["target_id"] = item.target_id
        later = ("visibility", "target_hash", "foreign_hash", "version")
        values |= {name: value for name in later if (value := getattr(item, name)) is not None}
        key = {"group_id": group, "side": item.side.value, "source_id": item.source_id, "part": item.part}
        put_row(self._connection, schema.item, key, values)

    def adopt_item(self, group: str, side: Side, marker: Marker, target_id: str) -> None:
        """Record an item as sent because its copy was found, bearing our marker, though the ledger knew nothing."""
        self.put_item(
            group, Item(side, marker.item, marker.part, Fate.SENT, "", marker.mac, target_id, "found by its marker")
        )

    def drop_item(self, group: str, item: Item) -> None:
        """Forget a decision, so that the item is looked at again."""
        table = schema.item
        self._connection.execute(
            delete(table).where(
                table.c.group_id == group,
                table.c.side == item.side.value,
                table.c.source_id == item.source_id,
                table.c.part == item.part,
            )
        )

    def edited_copies(self) -> list[tuple[str, str]]:
        """Every copy that somebody else changed: group and source item."""
        table = schema.item
        query = select(table.c.group_id, table.c.source_id).where(table.c.foreign_hash != "")
        return [(row.group_id, row.source_id) for row in self._connection.execute(query)]

    def conflicts(self, group: str) -> frozenset[str]:
        """The fields of a group that wait for a person."""
        table = schema.conflict
        return frozenset(self._connection.execute(select(table.c.field).where(table.c.group_id == group)).scalars())

    def set_conflict(self, group: str, field: str, *, helpdesk: Any, tracker: Any) -> None:
        """Record a conflict once."""
        if field in self.conflicts(group):
            return
        self._connection.execute(
            schema.conflict.insert().values(
                group_id=group, field=field, helpdesk=encode(helpdesk), tracker=encode(tracker), seen_at=self._now
            )
        )

    def clear_conflict(self, group: str, field: str) -> None:
        """The sides agree again, or a person decided."""
        table = schema.conflict
        self._connection.execute(delete(table).where(table.c.group_id == group, table.c.field == field))

    def all_conflicts(self) -> list[tuple[str, str]]:
        """Every open conflict: group and field."""
        table = schema.conflict
        return [(row.group_id, row.field) for row in self._connection.execute(select(table.c.group_id, table.c.field))]


def _item(row: Any) -> Item:
    return Item(
        Side(row.side),
        row.source_id,
        row.part,
        Fate(row.fate),
        row.source_hash,
        row.operation_key or "",
        row.target_id or "",
        row.reason,
        row.visibility,
        row.target_hash,
        row.foreign_hash,
        row.version,
        row.decided_at,
    )


def _is(table: Table, key: Mapping[str, Any]) -> list[ColumnElement[bool]]:
    return [table.c[name] == value for name, value in key.items()]


def _link(row: Any) -> Link:
    return Link(
        row.group_id,
        row.route,
        TicketRef(row.helpdesk_site, row.helpdesk_id),
        TicketRef(row.tracker_site, row.tracker_id),
        row.tracker_key,
        row.created,
        row.generation,
        row.linked_at,
        row.prefer,
        row.past_until,
    )
