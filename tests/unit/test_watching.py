"""The parts that watch: a site's reader, the webhook's keeper on its timer, idleness."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from bridge.connect.hooks import HookWish
from bridge.connect.registry import find_kinds
from bridge.engine.connections import Connections
from bridge.engine.intake import hooks
from bridge.engine.intake.feeds import Intake, Poll
from bridge.engine.intake.hooks import HookKeeper
from bridge.engine.intake.reader import MOST_HINTS, Reader
from bridge.engine.keys import Keys
from bridge.engine.sweep import Times
from bridge.engine.watch import IDLE_BUDGET, Watch
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge.sandbox.server import Sandbox
from bridge.store.ledger import Ledger, open_ledger
from bridge.testing.clock import FakeClock
from bridge.testing.stand import SITE, Stand

BASE = f"https://bridge.vendor.example/hooks/{SITE}"
WISH = HookWish(f"bridge {SITE} 0123456789ab", BASE, f"{BASE}?bridge=0123456789ab", "0123456789ab", "s" * 32, "print-1")
AT = datetime(2026, 3, 1, 10, tzinfo=UTC)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: FakeClock) -> Iterator[Ledger]:
    opened = open_ledger(clock=clock, directory=tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def stand() -> Iterator[Stand]:
    with Sandbox({SITE: "github"}, seed=1) as sandbox:
        made = Stand(
            sandbox,
            find_kinds()["github"],
            {"token": "sandbox:lead"},
            {"repository": "vendor/platform"},
            frozenset(),
        )
        yield made
        made.close()


def keeper(
    ledger: Ledger, stand: Stand, clock: FakeClock, learned: dict[str, str], wish: HookWish = WISH
) -> HookKeeper:
    connections = Connections({SITE: stand.connect}, {})
    return HookKeeper(ledger, connections, {SITE: wish}, learned.__setitem__, clock)


def asked(stand: Stand) -> list[str]:
    seen = [entry["method"] for entry in stand.sandbox.log]
    stand.sandbox.clear_log()
    return seen


def test_a_webhook_is_looked_at_when_its_time_comes_and_sooner_after_a_failure(
    ledger: Ledger, stand: Stand, clock: FakeClock
) -> None:
    learned: dict[str, str] = {}
    mine = keeper(ledger, stand, clock, learned)
    mine.step(SITE)
    assert asked(stand) == ["GET", "POST"]
    assert learned == {SITE: "s" * 32}
    clock.sleep(hooks.EVERY.total_seconds() - 1)
    mine.step(SITE)
    assert asked(stand) == []
    with stand.sandbox.world.lock:
        stand.sandbox.sites[SITE].data["repositories"]["vendor/platform"]["hooks"].clear()
        stand.sandbox.sites[SITE].data["repositories"]["vendor/platform"]["collaborators"]["lead"] = "write"
    clock.sleep(1)
    mine.step(SITE)
    assert asked(stand) == ["GET"]
    with ledger.begin() as transaction:
        assert "is only polled" in transaction.chores.get(SITE, hooks.WEBHOOK).problem
    with stand.sandbox.world.lock:
        stand.sandbox.sites[SITE].data["repositories"]["vendor/platform"]["collaborators"]["lead"] = "admin"
    clock.sleep(hooks.AGAIN.total_seconds())
    mine.step(SITE)
    assert asked(stand) == ["GET", "POST"]
    with ledger.begin() as transaction:
        assert transaction.chores.get(SITE, hooks.WEBHOOK).problem == ""


def test_a_changed_secret_is_given_once(ledger: Ledger, stand: Stand, clock: FakeClock) -> None:
    keeper(ledger, stand, clock, {}).keep(SITE)
    keeper(ledger, stand, clock, {}).keep(SITE)
    asked(stand)
    renewed = HookWish(WISH.name, BASE, WISH.address, WISH.mark, "n" * 32, "print-2")
    for expected in (["GET", "PATCH"], ["GET"]):
        keeper(ledger, stand, clock, {}, renewed).keep(SITE)
        assert asked(stand) == expected


class Feeds(Intake):
    """Counts instead of reading."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.polls: list[bool] = []
        self.followed: list[tuple[Hint, ...]] = []

    def poll(self, site: str, *, every_feed: bool = False, between: Any = None) -> Poll:
        self.polls.append(every_feed)
        between()
        return Poll(site)

    def hint(self, site: str, hints: tuple[Hint, ...]) -> int:
        self.followed.append(hints)
        return len(hints)


def hint(number: int, version_at: datetime | None = None) -> Hint:
    return Hint(TicketRef(SITE, str(number)), version_at)


def test_polls_asked_for_again_and_again_are_one(clock: FakeClock) -> None:
    feeds = Feeds(clock)
    reader = Reader(SITE, feeds)
    wanted = [reader.poke() for _time in range(50)][-1]
    reader.work(0)
    reader.work(0)
    assert len(feeds.polls) == 1
    assert reader.answered >= wanted
    assert reader.read_at == clock.now()


def test_hints_wait_once_a_ticket_and_go_before_polls_even_into_a_long_one(clock: FakeClock) -> None:
    feeds = Feeds(clock)
    reader = Reader(SITE, feeds)
    reader.take((hint(1, AT), hint(2, AT), hint(1, AT + timedelta(seconds=9)), hint(2), hint(2, AT)))
    assert reader.hints_waiting == 2
    reader.poke()
    reader.work(0)
    assert feeds.followed == [(hint(1, AT + timedelta(seconds=9)), hint(2))]
    assert feeds.polls == []
    reader.take((hint(3),))
    reader._poll()
    assert feeds.followed[-1] == (hint(3),)


def test_more_hints_than_can_wait_lead_to_a_reading_of_every_feed(clock: FakeClock) -> None:
    feeds = Feeds(clock)
    reader = Reader(SITE, feeds)
    reader.take(tuple(hint(number) for number in range(MOST_HINTS + 500)))
    assert reader.hints_waiting == MOST_HINTS
    while reader.hints_waiting:
        reader.work(0)
    reader.work(0)
    assert feeds.polls == [True]
    assert max(len(hints) for hints in feeds.followed) == 100


def test_idle_workers_and_unread_sites_are_told(ledger: Ledger, clock: FakeClock) -> None:
    reader = Reader(SITE, Intake(ledger, Connections({}, {}), {}, Keys(), clock))
    watch = Watch(ledger, ["acme"], {SITE: timedelta(minutes=5)}, clock)
    assert watch.look({SITE: reader}).troubles() == []
    clock.sleep(301)
    assert [SITE in said for said in watch.look({SITE: reader}).troubles()] == [True]
    clock.sleep(IDLE_BUDGET.total_seconds())
    vitals = watch.look({SITE: reader})
    assert not vitals.is_working
    assert len(vitals.troubles()) == 2
    watch.came_round()
    assert watch.look({SITE: reader}).is_working


@pytest.mark.parametrize(
    ("every", "now", "begun"),
    [
        (timedelta(days=1), datetime(2026, 3, 2, 1, 59, tzinfo=UTC), datetime(2026, 3, 1, 2, tzinfo=UTC)),
        (timedelta(days=1), datetime(2026, 3, 2, 2, 0, tzinfo=UTC), datetime(2026, 3, 2, 2, tzinfo=UTC)),
        (timedelta(hours=6), datetime(2026, 3, 2, 15, 0, tzinfo=UTC), datetime(2026, 3, 2, 14, tzinfo=UTC)),
    ],
)
def test_a_sweep_begins_at_its_hour(every: timedelta, now: datetime, begun: datetime) -> None:
    assert Times(every=every, at=time(2, 0)).last_before(now) == begun
