"""Finding what became of a create or comment: by its marker, in a ticket's own records, never by the search index."""

from __future__ import annotations

from collections.abc import Iterator

from bridge.connect.port import SiteSettings
from bridge.model.marker import Marker
from bridge.model.operation import Absent, Finding, Found, OperationKind, Probe
from bridge.model.ticket import TicketRef
from bridge.text.marker import write_marker
from bridge_zendesk.client import Client, Json
from bridge_zendesk.names import Names
from bridge_zendesk.reading import SLOT
from bridge_zendesk.writing import Writer


class Finder:
    """Answers `find`, and reads the markers that stand in a ticket's audits."""

    def __init__(self, settings: SiteSettings, client: Client, names: Names, writer: Writer) -> None:
        self._site = settings.name
        self._client = client
        self._names = names
        self._writer = writer

    def find(self, probe: Probe) -> Finding:
        """Found or Absent as of now; lists and audits have no lag."""
        if probe.kind is OperationKind.CREATE:
            return self._find_ticket(probe.marker)
        if probe.ref is None:
            raise ValueError("a comment is looked for on a ticket")
        return self._find_comment(probe.ref, probe.marker)

    def _find_ticket(self, marker: Marker) -> Finding:
        for page in self._client.pages("tickets.json", "tickets", holds="tickets", external_id=marker.label):
            for ticket in page["tickets"]:
                if str(ticket["submitter_id"]) == self._names.own_id():
                    ref = TicketRef(self._site, str(ticket["id"]))
                    return Found(self._writer.written(ref, ticket, None, {}, key=marker.mac))
        return Absent()

    def _find_comment(self, ref: TicketRef, marker: Marker) -> Finding:
        wanted = write_marker(marker)
        for audit in self.own_audits(ref):
            if (audit.get("metadata") or {}).get("custom", {}).get(SLOT) != wanted:
                continue
            stamped = {"updated_at": audit["created_at"]}
            return Found(self._writer.written(ref, stamped, audit, {}, key=marker.mac))
        return Absent()

    def own_audits(self, ref: TicketRef) -> Iterator[Json]:
        """The audits of a ticket that our own account made, newest first where the site sorts them."""
        own = self._names.own_id()
        for audit in self.audits(ref, sort="-created_at"):
            if str(audit["author_id"]) == own:
                yield audit

    def audits(self, ref: TicketRef, *, sort: str = "created_at") -> Iterator[Json]:
        """All audits of a ticket, oldest first unless told otherwise."""
        path = f"tickets/{ref.id}/audits.json"
        for page in self._client.pages(path, "audits", holds="audits", ticket=ref.id, sort=sort):
            yield from page["audits"]
