"""The signed, self-describing key that an operation leaves in what it makes.

A marker names where its content came from, so that a ticket or comment found without any ledger row can be adopted
instead of mirrored again. Signing lives in `bridge.text.marker`; here is only what it says.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Marker:
    """`source` is the `TicketRef` (as text) the content comes from; `kind` the operation's kind (`create`, `comment`,
    `update:…` for customer updates); `item` the source item's id, empty for a ticket; `part` counts from 1 when a
    text was split; `generation` is raised by relinking. `mac` is 24 hexadecimal digits over all of these: it is also
    the short form that fits a label or an external id (`bridge-<mac>`)."""

    route: str
    source: str
    kind: str
    item: str = ""
    part: int = 1
    generation: int = 0
    mac: str = ""

    @property
    def label(self) -> str:
        """The short form: letters, digits and one hyphen."""
        return f"bridge-{self.mac}"
