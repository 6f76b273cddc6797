"""Whether a create or comment of unknown outcome took effect.

The search index is asked first; its yes is good at any time, its no only after its lag has passed. Until then issues are
looked for outside the index: the keys after the highest one known before sending are read one batch after the other, until
a batch is wholly empty. Where no such key is known, nothing can be told yet.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from bridge.connect.port import SiteSettings
from bridge.model.operation import Absent, CannotTell, Finding, Found, Probe, Written
from bridge.model.ticket import TicketRef
from bridge_jira.client import JiraClient, Json
from bridge_jira.snapshots import Reader, comment_properties
from bridge_jira.text import PROPERTY, marker_in, read_time

BATCH = 50
_MISSES = 5
"""How many missing keys in a row end the search on Data Center, which reads them one by one."""
_FIELDS = ["labels", "creator", "created"]
_SPARE = timedelta(minutes=5)
"""How far two clocks may be apart before a comment is taken for older than its own sending."""


class Seeker:
    """Finds what an operation made, by its marker and our own account."""

    def __init__(self, client: JiraClient, reader: Reader, settings: SiteSettings) -> None:
        self._client = client
        self._reader = reader
        self._settings = settings

    def find_issue(self, probe: Probe) -> Finding:
        """The issue a create made."""
        labelled = self._client.search(f'labels = "{probe.marker.label}" ORDER BY id ASC', fields=_FIELDS)
        for raw in labelled:
            if self._is_made_by(raw, probe):
                return self._found(raw)
        until = self._index_tells_at(probe)
        if until is None or self._client.site_now() >= until:
            return Absent()
        if not probe.after_key:
            return CannotTell(until)
        for raw in self._later_issues(probe.after_key):
            if self._is_made_by(raw, probe):
                return self._found(raw)
        return Absent()

    def _index_tells_at(self, probe: Probe) -> datetime | None:
        """When the index shows whatever the sending may have made; None when it was certainly never sent."""
        sent_at = probe.sent_at or probe.until
        if sent_at is None:
            return None
        settings = self._settings
        wait_s = settings.deadline_s + settings.processing_s + settings.index_lag_s
        return sent_at + timedelta(seconds=wait_s)

    def _later_issues(self, after_key: str) -> Iterator[Json]:
        project, _, number = after_key.rpartition("-")
        return self._by_batch(project, int(number)) if self._client.cloud else self._one_by_one(project, int(number))

    def _by_batch(self, project: str, number: int) -> Iterator[Json]:
        while True:
            names = [f"{project}-{number + place}" for place in range(1, BATCH + 1)]
            raws = self._client.read_issues(names, fields=_FIELDS, properties=(PROPERTY,))
            if not raws:
                return
            yield from raws
            number += BATCH

    def _one_by_one(self, project: str, number: int) -> Iterator[Json]:
        misses = 0
        while misses < _MISSES:
            number += 1
            raw = self._client.read_issue(f"{project}-{number}", fields=_FIELDS, properties=(PROPERTY,))
            if raw is None:
                misses += 1
            else:
                misses = 0
                yield raw

    def _is_made_by(self, raw: Json, probe: Probe) -> bool:
        """Whether an issue bears the label and was made by our account; a property beside it must say the same."""
        fields = raw.get("fields") or {}
        if probe.marker.label not in (fields.get("labels") or ()):
            return False
        if not self._client.person(fields.get("creator")).ours:
            return False
        slot = (raw.get("properties") or {}).get(PROPERTY)
        if slot is None:
            return True
        marker = marker_in(slot, self._settings.marker_key)
        return marker is not None and marker.mac == probe.marker.mac

    def _found(self, raw: Json) -> Found:
        ref = TicketRef(self._settings.name, str(raw["id"]))
        return Found(Written(ref, key=raw["key"], url=self._reader.address(raw["key"])))

    def find_comment(self, ref: TicketRef, probe: Probe) -> Finding:
        """The comment a comment operation made: newest first, no further back than it was sent."""
        since = None if probe.sent_at is None else probe.sent_at - _SPARE - abs(self._client.memory.ahead)
        for page in self._own_comments(ref.id, since):
            shown = self._client.listed_comments([str(one["id"]) for one in page]) if self._client.cloud else page
            for raw in shown:
                marker = marker_in(comment_properties(raw).get(PROPERTY), self._settings.marker_key)
                if marker is not None and marker.mac == probe.marker.mac:
                    return Found(Written(ref, comment_id=str(raw["id"])))
        return Absent()

    def _own_comments(self, issue: str, since: datetime | None) -> Iterator[list[Json]]:
        held: list[Json] = []
        for raw in self._client.comments(issue, newest_first=True):
            if since is not None and read_time(raw["created"]) < since:
                break
            if self._client.person(raw.get("author")).ours:
                held.append(raw)
            if len(held) == BATCH:
                yield held
                held = []
        if held:
            yield held
