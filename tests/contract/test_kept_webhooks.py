"""Each vendor's site keeps exactly one webhook of ours, whatever became of it; what others registered is theirs."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bridge.connect.hooks import HookWish, Kept
from bridge.connect.port import Connector
from bridge.connect.registry import find_kinds
from bridge.errors import MissingError, RefusedError, UnknownOutcomeError
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.testing.stand import SITE, Stand

BASE = "https://bridge.vendor.example/hooks/site"
WISH = HookWish("bridge site 0123456789ab", BASE, f"{BASE}?bridge=0123456789ab", "0123456789ab", "s" * 32)
THEIRS = HookWish("bridge site ffffffffffff", f"{BASE}-2", f"{BASE}-2?bridge=ffffffffffff", "ffffffffffff", "t" * 32)
Raw = dict[str, Any]


@dataclass
class Vendor:
    """A site of one vendor, the account that may register, and one that may not."""

    kind: str
    site_kind: str
    login: dict[str, Any]
    stranger: dict[str, Any]
    scope: dict[str, str]
    address: Callable[[Raw], str]
    tampered: tuple[Callable[[Raw], object], ...]


def _config(**changes: Any) -> Callable[[Raw], object]:
    return lambda hook: hook["config"].update(changes)


def _set(**changes: Any) -> Callable[[Raw], object]:
    return lambda hook: hook.update(changes)


JIRA = (
    _set(enabled=False),
    _set(events=["jira:issue_created"]),
    _set(filters={}),
    _set(url="https://elsewhere.example/x"),
    _set(name="renamed"),
    _set(excludeBody=True),
)
VENDORS = [
    Vendor(
        "zendesk",
        "zendesk",
        {"email": f"admin@{SITE}.example", "token": "sandbox"},
        {"email": f"agent@{SITE}.example"},
        {},
        lambda hook: str(hook["endpoint"]),
        (
            _set(status="inactive"),
            _set(endpoint="https://elsewhere.example/x"),
            _set(subscriptions=["zen:event-type:ticket.created"]),
            _set(name="renamed by somebody"),
        ),
    ),
    Vendor(
        "jira",
        "jira-cloud",
        {"email": "lead@vendor.example", "token": "sandbox"},
        {"email": "engineer@vendor.example"},
        {"project": "ACME", "type": "Bug"},
        lambda hook: str(hook["url"]),
        (*JIRA, _set(secret="")),
    ),
    Vendor(
        "jira",
        "jira-datacenter",
        {"deployment": "datacenter", "token": "sandbox:lead"},
        {"token": "sandbox:engineer"},
        {"project": "ACME", "type": "Bug"},
        lambda hook: str(hook["url"]),
        JIRA,
    ),
    Vendor(
        "github",
        "github",
        {"token": "sandbox:lead"},
        {"token": "sandbox:engineer"},
        {"repository": "vendor/platform"},
        lambda hook: str(hook["config"]["url"]),
        (
            _set(active=False),
            _set(events=["push"]),
            _config(content_type="form"),
            _config(insecure_ssl="1"),
            _config(secret=""),
            _config(url=f"{BASE}/old/place"),
        ),
    ),
]


@dataclass
class Bench:
    """One vendor's site with bridge's connector at it."""

    vendor: Vendor
    stand: Stand
    connector: Connector

    def registered(self) -> dict[str, Raw]:
        """The site's own record of its webhooks."""
        data = self.stand.sandbox.sites[SITE].data
        kept = data["repositories"]["vendor/platform"]["hooks"] if self.vendor.kind == "github" else data["webhooks"]
        assert isinstance(kept, dict)
        return kept

    def raw(self) -> list[Raw]:
        """The webhooks as they stand at the site."""
        return list(self.registered().values())

    def addresses(self) -> list[str]:
        """Where they deliver to."""
        return sorted(self.vendor.address(hook) for hook in self.raw())

    def keep(self, wish: HookWish = WISH) -> Kept:
        """Keep it, as a new process would."""
        return self.stand.connect().keep_webhook(wish)


@pytest.fixture(params=VENDORS, ids=[vendor.site_kind for vendor in VENDORS])
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    vendor: Vendor = request.param
    with Sandbox({SITE: vendor.site_kind}, seed=1) as sandbox:
        stand = Stand(sandbox, find_kinds()[vendor.kind], vendor.login, vendor.scope, frozenset())
        yield Bench(vendor, stand, stand.connect())
        stand.close()


def test_it_is_made_once_and_then_nothing_is_written_any_more(bench: Bench) -> None:
    assert bench.keep().did == ("made",)
    bench.stand.sandbox.clear_log()
    assert bench.keep().did == ()
    assert bench.stand.writes() == []
    assert bench.addresses() == [WISH.address]


def test_whatever_is_changed_in_it_is_put_right_in_place(bench: Bench) -> None:
    bench.keep()
    for tamper in bench.vendor.tampered:
        with bench.stand.sandbox.world.lock:
            tamper(bench.raw()[0])
        assert bench.keep().did == ("repaired",)
        assert bench.keep().did == ()
        assert bench.addresses() == [WISH.address]


def test_one_that_vanished_is_made_again(bench: Bench) -> None:
    bench.keep()
    with bench.stand.sandbox.world.lock:
        bench.registered().clear()
    assert bench.keep().did == ("made",)
    assert bench.addresses() == [WISH.address]


def test_a_lost_reply_leaves_one(bench: Bench) -> None:
    bench.stand.sandbox.faults.add(Fault(kind="drop_after", writes_only=True, count=1))
    with pytest.raises(UnknownOutcomeError):
        bench.keep()
    assert bench.keep().did == ()
    assert bench.addresses() == [WISH.address]


def test_a_request_that_took_effect_late_leaves_one_too(bench: Bench) -> None:
    bench.stand.sandbox.faults.add(Fault(kind="late_write", writes_only=True, delay_s=600, count=1))
    with pytest.raises(UnknownOutcomeError):
        bench.keep()
    bench.keep()
    bench.stand.sandbox.world.advance(601)
    bench.stand.sandbox.world.settle()
    bench.keep()
    assert bench.keep().did == ()
    assert bench.addresses() == [WISH.address]


def test_duplicates_go_and_the_one_that_is_right_stays(bench: Bench) -> None:
    bench.keep()
    right = bench.raw()[0]["id"]
    for number in range(3):
        with bench.stand.sandbox.world.lock:
            double = copy.deepcopy(bench.raw()[0])
            double["id"] = type(right)(90_000 + number)
            bench.vendor.tampered[number % 2](double)
            # Before the right one, so that its place in the list is no help.
            kept = dict(bench.registered())
            bench.registered().clear()
            bench.registered().update({str(double["id"]): double, **kept})
    assert bench.keep().did == ("removed a duplicate",) * 3
    assert bench.keep().did == ()
    assert [hook["id"] for hook in bench.raw()] == [right]


def test_other_tools_and_other_bridges_are_left_alone(bench: Bench) -> None:
    bench.keep(THEIRS)
    before = [dict(hook) for hook in bench.raw()]
    bench.keep()
    with bench.stand.sandbox.world.lock:
        bench.vendor.tampered[0](next(hook for hook in bench.raw() if bench.vendor.address(hook) == WISH.address))
    bench.keep()
    assert bench.addresses() == sorted([WISH.address, THEIRS.address])
    kept = next(hook for hook in bench.raw() if bench.vendor.address(hook) == THEIRS.address)
    assert {**kept, "deliveries": None} == {**before[0], "deliveries": None}


def test_one_that_was_registered_by_hand_at_our_door_becomes_ours(bench: Bench) -> None:
    bench.keep(replace(WISH, name="by hand", address=f"{BASE}/guess", mark="none"))
    assert bench.keep().did == ("repaired",)
    assert bench.addresses() == [WISH.address]


def test_a_new_address_moves_the_webhook(bench: Bench) -> None:
    bench.keep()
    base = "https://moved.example/hooks/site"
    moved = replace(WISH, base=base, address=f"{base}?bridge={WISH.mark}")
    assert bench.keep(moved).did == ("repaired",)
    assert bench.addresses() == [moved.address]


def test_a_new_secret_is_given_where_the_site_takes_ours(bench: Bench) -> None:
    assert bench.keep().secret
    renewed = bench.keep(replace(WISH, secret="n" * 32, renew=True))
    hook = bench.raw()[0]
    if bench.vendor.kind == "zendesk":
        assert renewed.secret == hook["_secret"]
    elif bench.vendor.site_kind == "jira-datacenter":
        assert hook["secret"] == ""
    else:
        assert (hook["secret"] if "secret" in hook else hook["config"]["secret"]) == renewed.secret == "n" * 32


def test_an_account_without_the_right_is_told_so_and_nothing_is_written(bench: Bench) -> None:
    with pytest.raises((RefusedError, MissingError)):
        bench.stand.connect(bench.vendor.stranger).keep_webhook(WISH)
    assert bench.raw() == []


def test_the_webhook_brings_what_happens_to_a_ticket(bench: Bench) -> None:
    bench.keep(replace(WISH, base="http://127.0.0.1:9/hooks/site", address="http://127.0.0.1:9/hooks/site"))
    written = bench.connector.create(bench.stand.ticket())
    bench.connector.comment(written.ref, "k", bench.stand.remark())
    bench.stand.sandbox.world.settle()
    named = [
        bench.connector.parse_webhook(one["headers"], one["body"].encode())[0].ref
        for one in bench.stand.sandbox.world.deliveries
        if one["headers"].get("X-GitHub-Event") != "ping"
    ]
    assert len(named) >= 2
    assert set(named) == {written.ref}
