"""What the ledger remembers of notes to the vendor's people."""

from __future__ import annotations

from bridge.model.document import from_plain
from bridge.model.words import Side
from bridge.store.ledger import Ledger
from bridge.store.notices import Notice

GROUP = "acme:acme-desk/1"


def test_a_notice_comes_back_whole_and_is_forgotten_on_demand(ledger: Ledger) -> None:
    kept = Notice("conflict", "state", from_plain("Both."), told=True, side=Side.TRACKER, part=2, comments=("7", "9"))
    with ledger.begin() as transaction:
        transaction.notices.put(GROUP, Notice("conflict", "state"))
        transaction.notices.put(GROUP, kept)
        transaction.notices.put("acme:acme-desk/2", Notice("conflict", "state"))
    with ledger.begin() as transaction:
        assert transaction.notices.of_group(GROUP) == {("conflict", "state"): kept}
        transaction.notices.drop(GROUP, "conflict", "state")
        assert transaction.notices.of_group(GROUP) == {}


def test_a_recorded_reason_stands_until_it_is_solved(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.notices.record(GROUP, "lost_value", "k", from_plain("One."))
        transaction.notices.record(GROUP, "lost_value", "k", from_plain("Two."))
        [notice] = transaction.notices.of_group(GROUP).values()
        assert (notice.text, notice.stands, notice.recorded, notice.told) == (from_plain("Two."), True, True, None)
        transaction.notices.solve(GROUP, "lost_value", "k")
        [notice] = transaction.notices.of_group(GROUP).values()
        assert not notice.stands


def test_a_note_found_at_a_site_is_known_though_no_row_told_of_it(ledger: Ledger) -> None:
    with ledger.begin() as transaction:
        transaction.notices.posted(GROUP, "conflict", "state", side=Side.TRACKER, part=1, comment="7", told=True)
        transaction.notices.posted(GROUP, "conflict", "state", side=Side.TRACKER, part=2, comment="8", told=False)
        transaction.notices.posted(GROUP, "conflict", "state", side=Side.TRACKER, part=2, comment="8", told=False)
        [notice] = transaction.notices.of_group(GROUP).values()
    assert notice.comments == ("7", "8")
    assert notice.part == 2
    assert notice.told is False
    assert notice.text is None
