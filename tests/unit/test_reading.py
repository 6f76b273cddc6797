"""One ticket that cannot be read stops no other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import pytest

from bridge.connect.port import Connector, Gone
from bridge.engine.intake.apart import Unread, read_apart
from bridge.errors import BridgeError, RefusedError, SkippableError, TemporaryError
from bridge.model.ticket import TicketRef

REFS = [TicketRef("desk", str(number)) for number in range(100)]


class Site:
    """A site that stumbles over some tickets. Nothing else of a connector is asked here."""

    def __init__(self, bad: dict[str, BridgeError]) -> None:
        self.bad = bad
        self.reads = 0

    def fetch(self, refs: Iterable[TicketRef], *, threads: bool) -> dict[TicketRef, Any]:
        self.reads += 1
        asked = list(refs)
        for ref in asked:
            if ref.id in self.bad:
                raise self.bad[ref.id]
        return {ref: Gone(ref) for ref in asked}


def read(site: Site) -> dict[TicketRef, Any]:
    return dict(read_apart(cast("Connector", site), REFS, threads=True))


@pytest.mark.parametrize("error", [SkippableError("odd"), TemporaryError("odd", status=500)])
def test_the_others_are_read_and_the_bad_one_is_named(error: BridgeError) -> None:
    site = Site({"37": error})
    found = read(site)
    assert found.pop(REFS[37]) == Unread(REFS[37], "odd")
    assert len(found) == 99
    assert all(isinstance(answer, Gone) for answer in found.values())
    assert site.reads <= 16


def test_every_ticket_of_a_strange_shape_is_found() -> None:
    site = Site({str(number): SkippableError("odd") for number in range(0, 100, 7)})
    assert sum(isinstance(answer, Unread) for answer in read(site).values()) == 15


@pytest.mark.parametrize(
    "error",
    [TemporaryError("busy", status=429), TemporaryError("silent"), RefusedError("no", status=401)],
)
def test_what_speaks_of_the_site_is_asked_once(error: BridgeError) -> None:
    site = Site({"37": error})
    with pytest.raises(type(error)):
        read(site)
    assert site.reads == 1


def test_a_site_that_fails_at_everything_is_not_asked_for_each_ticket() -> None:
    site = Site({ref.id: TemporaryError("down", status=500) for ref in REFS})
    with pytest.raises(TemporaryError):
        read(site)
    assert site.reads < 30
