"""Webhooks over real HTTP: who is let in, who is not, and that a refused delivery has no effect at all."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from threading import Barrier
from typing import Any

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

import bridge_github
import bridge_jira
import bridge_zendesk
from bridge.connect.port import SiteSettings
from bridge.connect.webhook import WebhookScheme
from bridge.console.door import Door
from bridge.console.receiver import MOST_BYTES, make_app
from bridge.console.replay import Delivered
from bridge.console.server import WebhookServer
from bridge.errors import ConfigurationError
from bridge.model.feed import Hint
from bridge.model.ticket import TicketRef
from bridge.model.words import HeldBy
from bridge.testing.clock import FakeClock
from bridge_github.webhook import parse as read_github
from bridge_jira.webhook import read_hints as read_jira
from bridge_zendesk.webhook import read_hints as read_zendesk

REPO = "vendor/platform"
TIMESTAMP = "X-Zendesk-Webhook-Signature-Timestamp"
DESK, CLOUD, CENTER, HUB = "acme-desk", "vendor-jira", "vendor-jira-dc", "vendor-github"
SIGNING = (DESK, CLOUD, HUB)
SITES = (*SIGNING, CENTER)
SECRETS = {site: f"the-secret-of-{site}-0123456789abcdef".encode() for site in SITES}

each_site = pytest.mark.parametrize("site", SITES)
each_signing_site = pytest.mark.parametrize("site", SIGNING)


@dataclass(frozen=True, slots=True)
class Delivery:
    """What a vendor posts."""

    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(slots=True)
class Stage:
    """A receiver on a real port, what it took, and what it parsed."""

    clock: FakeClock
    taken: list[tuple[str, TicketRef]] = field(default_factory=list)
    parsed: list[str] = field(default_factory=list)
    failing: list[Exception] = field(default_factory=list)
    port: int = 0

    def take(self, site: str, hints: tuple[Hint, ...]) -> None:
        if self.failing:
            raise self.failing.pop()
        self.taken += [(site, hint.ref) for hint in hints]

    def post(self, delivery: Delivery, method: str = "POST") -> int:
        return self.answer(delivery, method)[0]

    def answer(self, delivery: Delivery, method: str = "POST") -> tuple[int, str]:
        """The status, and all the words of the answer."""
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, delivery.path, body=delivery.body, headers=dict(delivery.headers))
            response = connection.getresponse()
            return response.status, f"{response.headers}{response.read().decode()}"


def scheme(site: str) -> WebhookScheme:
    """What the connector of a site says of its deliveries."""
    kind: Any
    kind, login = {
        DESK: (bridge_zendesk.KIND, {"email": "bridge@vendor.example", "token": "t"}),
        CLOUD: (bridge_jira.KIND, {"email": "bridge@vendor.example", "token": "t"}),
        CENTER: (bridge_jira.KIND, {"token": "t", "deployment": "datacenter"}),
        HUB: (bridge_github.KIND, {"token": "t"}),
    }[site]
    settings = SiteSettings(
        name=site,
        url="http://127.0.0.1:9",
        held_by=HeldBy.VENDOR,
        login=kind.login.model_validate(login),
        native_fields=frozenset(),
        scopes=(),
        marker_key=b"k",
    )
    made: WebhookScheme = kind.door(settings)
    return made


def reader(site: str) -> Callable[[Mapping[str, str], bytes], tuple[Hint, ...]]:
    """How hints are read at a site."""
    if site == HUB:
        return lambda headers, body: read_github(site, [REPO], headers, body)
    read = read_zendesk if site == DESK else read_jira
    return lambda headers, body: read(site, body)


def open_door(stage: Stage, site: str) -> Door:
    read = reader(site)

    def parse(headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
        stage.parsed.append(site)
        return read(headers, body)

    return Door(site, scheme(site), SECRETS[site], parse)


class Hall:
    """What the one server of this file serves: the application of the test that runs."""

    app: ASGIApp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.app(scope, receive, send)


@pytest.fixture(scope="module")
def hall() -> Iterator[tuple[Hall, int]]:
    made = Hall()
    with WebhookServer(made) as server:
        yield made, server.port


@pytest.fixture
def stage(hall: tuple[Hall, int]) -> Stage:
    made = Stage(FakeClock(), port=hall[1])
    hall[0].app = make_app({site: open_door(made, site) for site in SITES}, made.take, made.clock)
    return made


def words(site: str, ticket: int = 7) -> bytes:
    """A body that names a ticket."""
    if site == DESK:
        return json.dumps({"type": "zen:event-type:ticket.created", "detail": {"id": str(ticket)}}).encode()
    if site == HUB:
        issue = {"number": ticket, "updated_at": "2026-03-01T10:00:00Z"}
        return json.dumps({"action": "edited", "issue": issue, "repository": {"full_name": REPO}}).encode()
    return json.dumps({"webhookEvent": "jira:issue_updated", "issue": {"id": str(ticket)}}).encode()


def ref(site: str, ticket: int = 7) -> TicketRef:
    return TicketRef(site, f"{REPO}#{ticket}" if site == HUB else str(ticket))


def deliver(
    site: str,
    *,
    body: bytes | None = None,
    ident: str = "delivery-1",
    secret: bytes | None = None,
    at: datetime = datetime(2026, 3, 2, 9, tzinfo=UTC),
) -> Delivery:
    """A delivery as the site's vendor makes it, signed with `secret`, at first the right one."""
    body = words(site) if body is None else body
    secret = SECRETS[site] if secret is None else secret
    hexed = "sha256=" + hmac.new(secret, body, hashlib.sha256).hexdigest()
    if site == CENTER:
        return Delivery(f"/hooks/{site}/{secret.decode()}", {"Content-Type": "application/json"}, body)
    if site == CLOUD:
        return Delivery(f"/hooks/{site}", {"X-Hub-Signature": hexed, "X-Atlassian-Webhook-Identifier": ident}, body)
    if site == HUB:
        headers = {"X-Hub-Signature-256": hexed, "X-GitHub-Delivery": ident, "X-GitHub-Event": "issues"}
        return Delivery(f"/hooks/{site}", headers, body)
    stamp = at.strftime("%Y-%m-%dT%H:%M:%SZ")
    signed = base64.b64encode(hmac.new(secret, stamp.encode() + body, hashlib.sha256).digest()).decode()
    headers = {
        "X-Zendesk-Webhook-Signature": signed,
        TIMESTAMP: stamp,
        "X-Zendesk-Webhook-Invocation-Id": ident,
    }
    return Delivery(f"/hooks/{site}", headers, body)


def changed(
    delivery: Delivery, *, body: bytes | None = None, drop: str = "", headers: Mapping[str, str] | None = None
) -> Delivery:
    """The delivery with another body, other headers, or without the headers that contain `drop`."""
    kept = {name: value for name, value in delivery.headers.items() if not drop or drop not in name}
    return Delivery(delivery.path, kept | dict(headers or {}), delivery.body if body is None else body)


@each_site
def test_a_genuine_delivery_is_taken_as_the_name_of_a_ticket(stage: Stage, site: str) -> None:
    assert stage.post(deliver(site)) == 202
    assert stage.taken == [(site, ref(site))]


@each_site
def test_a_delivery_made_with_another_secret_is_refused_unread(stage: Stage, site: str) -> None:
    assert stage.post(deliver(site, secret=b"guessed-0123456789abcdef0123456789")) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@each_site
def test_the_secret_of_one_site_opens_no_other(stage: Stage, site: str) -> None:
    for other in SITES:
        if other != site:
            assert stage.post(deliver(site, secret=SECRETS[other])) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@each_signing_site
def test_a_delivery_without_a_signature_is_refused_unread(stage: Stage, site: str) -> None:
    assert stage.post(changed(deliver(site), drop="Signature")) == 401
    assert stage.post(changed(deliver(site), drop="-")) == 401
    assert (stage.taken, stage.parsed) == ([], [])


def test_an_address_without_its_token_is_refused_unread(stage: Stage) -> None:
    right = deliver(CENTER)
    for path in (f"/hooks/{CENTER}", right.path[:-1], right.path + "x", f"/hooks/{CENTER}/%C3%A4%FF"):
        assert stage.post(Delivery(path, right.headers, right.body)) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@each_signing_site
@pytest.mark.parametrize("signature", ["", "sha256=", "sha1=0", "ä", "=" * 5000, "None"])
def test_an_odd_signature_is_refused_unread(stage: Stage, site: str, signature: str) -> None:
    name = next(name for name in deliver(site).headers if "Signature" in name and "Time" not in name)
    odd = {name: signature.encode("utf-8").decode("latin-1")}
    assert stage.post(changed(deliver(site), headers=odd)) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@each_signing_site
def test_a_changed_body_is_refused_unread(stage: Stage, site: str) -> None:
    assert stage.post(changed(deliver(site), body=words(site, 8))) == 401
    assert stage.post(changed(deliver(site), body=words(site) + b" ")) == 401
    assert stage.post(changed(deliver(site), body=b"")) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@pytest.mark.parametrize("minutes", [-6, 6, -1440, 1440])
def test_a_signed_time_far_from_ours_is_refused(stage: Stage, minutes: int) -> None:
    sent_at = stage.clock.now() + timedelta(minutes=minutes)
    assert stage.post(deliver(DESK, at=sent_at)) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@pytest.mark.parametrize("minutes", [-4, 4])
def test_a_signed_time_near_ours_is_good(stage: Stage, minutes: int) -> None:
    assert stage.post(deliver(DESK, at=stage.clock.now() + timedelta(minutes=minutes))) == 202


def test_a_stale_delivery_is_not_made_fresh_by_another_time(stage: Stage) -> None:
    stale = deliver(DESK, at=stage.clock.now() - timedelta(hours=1))
    for stamp in ("2026-03-02T09:00:00Z", ""):
        assert stage.post(changed(stale, headers={TIMESTAMP: stamp})) == 401
    assert stage.taken == []


def test_the_border_between_a_signed_time_and_its_body_cannot_be_moved(stage: Stage) -> None:
    right = deliver(DESK)
    stamp = right.headers[TIMESTAMP]
    for moved in (0, 10, 19, len(stamp) - 1):
        odd = {TIMESTAMP: stamp[:moved]}
        assert stage.post(changed(right, body=stamp[moved:].encode() + right.body, headers=odd)) == 401
    assert (stage.taken, stage.parsed) == ([], [])


@each_signing_site
def test_a_delivery_repeated_under_its_id_has_no_second_effect(stage: Stage, site: str) -> None:
    assert stage.post(deliver(site)) == 202
    assert stage.post(deliver(site)) == 409
    assert stage.post(deliver(site, body=words(site, 8))) == 409
    assert stage.taken == [(site, ref(site))]
    assert stage.parsed == [site]


@each_signing_site
def test_signed_words_repeated_under_another_id_have_no_second_effect(stage: Stage, site: str) -> None:
    assert stage.post(deliver(site, ident="delivery-1")) == 202
    assert stage.post(deliver(site, ident="delivery-2")) == 409
    assert stage.post(changed(deliver(site), drop="Id")) == 409
    assert stage.taken == [(site, ref(site))]


@each_signing_site
def test_a_forged_delivery_does_not_use_up_the_id_of_a_genuine_one(stage: Stage, site: str) -> None:
    assert stage.post(deliver(site, secret=b"guessed-0123456789abcdef")) == 401
    assert stage.post(deliver(site)) == 202


def test_the_same_id_at_two_sites_is_two_deliveries(stage: Stage) -> None:
    assert [stage.post(deliver(site, ident="1")) for site in SIGNING] == [202] * 3


def test_an_id_is_kept_for_a_day(stage: Stage) -> None:
    assert stage.post(deliver(HUB)) == 202
    stage.clock.advance(23 * 3600)
    assert stage.post(deliver(HUB)) == 409
    stage.clock.advance(2 * 3600)
    assert stage.post(deliver(HUB)) == 202


def test_a_delivery_that_could_not_be_stored_may_come_again(stage: Stage) -> None:
    stage.failing.append(MemoryError("no room"))
    assert stage.post(deliver(HUB)) == 500
    assert stage.post(deliver(HUB)) == 202
    assert stage.taken == [(HUB, ref(HUB))]


@each_site
@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"\xff\x00", b'{"issue": {"id": "1 or 2"}}', b"[" * 100_000, b'{"issue": {"number": 1e999}}'],
    ids=["empty", "null", "list", "bytes", "no name", "deep", "endless"],
)
def test_a_genuine_delivery_that_names_no_ticket_is_taken_for_nothing(stage: Stage, site: str, body: bytes) -> None:
    assert stage.post(deliver(site, body=body)) == 202
    assert stage.taken == []


@pytest.mark.parametrize(
    "path",
    ["/hooks/nobody", "/hooks/nobody/token", "/hooks", "/hooks/", "/", f"/hooks/{HUB}/", f"/hooks/{HUB}/x", "/x"],
)
def test_an_unknown_address_is_not_found(stage: Stage, path: str) -> None:
    right = deliver(HUB)
    assert stage.post(Delivery(path, right.headers, right.body)) == 404
    assert (stage.taken, stage.parsed) == ([], [])


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_only_posts_are_deliveries(stage: Stage, method: str) -> None:
    assert stage.post(deliver(HUB), method) == 405
    assert stage.post(deliver(CENTER), method) == 405
    assert stage.taken == []


@each_site
def test_a_body_of_exactly_one_mebibyte_is_read(stage: Stage, site: str) -> None:
    body = words(site)
    assert stage.post(deliver(site, body=body + b" " * (MOST_BYTES - len(body)))) == 202
    assert stage.taken == [(site, ref(site))]


def test_a_body_announced_as_longer_is_refused_before_it_is_sent(stage: Stage) -> None:
    with closing(HTTPConnection("127.0.0.1", stage.port, timeout=30)) as connection:
        connection.putrequest("POST", f"/hooks/{HUB}")
        connection.putheader("Content-Length", str(MOST_BYTES + 1))
        connection.endheaders()
        assert connection.getresponse().status == 413


def test_an_endless_body_is_refused_before_its_end(stage: Stage) -> None:
    with closing(HTTPConnection("127.0.0.1", stage.port, timeout=30)) as connection:
        connection.putrequest("POST", f"/hooks/{HUB}")
        connection.putheader("Transfer-Encoding", "chunked")
        connection.endheaders()
        for _ in range(16):
            connection.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        connection.send(b"1\r\n \r\n")
        assert connection.getresponse().status == 413
    assert stage.parsed == []


def test_a_body_that_does_not_arrive_is_not_waited_for(stage: Stage, hall: tuple[Hall, int]) -> None:
    doors = {HUB: open_door(stage, HUB)}
    hall[0].app = make_app(doors, stage.take, stage.clock, patience_s=0.05)
    with closing(HTTPConnection("127.0.0.1", stage.port, timeout=30)) as connection:
        connection.putrequest("POST", f"/hooks/{HUB}")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
        assert connection.getresponse().status == 408


def test_a_sender_that_hangs_up_within_its_body_disturbs_nobody(stage: Stage) -> None:
    with closing(HTTPConnection("127.0.0.1", stage.port, timeout=30)) as connection:
        connection.putrequest("POST", f"/hooks/{HUB}")
        connection.putheader("Content-Length", "100")
        connection.endheaders(b"{")
    assert stage.post(deliver(HUB)) == 202
    assert stage.taken == [(HUB, ref(HUB))]


def test_many_deliveries_at_once_are_each_taken_once(stage: Stage) -> None:
    made = [deliver(site, body=words(site, n), ident=str(n)) for site in SITES for n in range(1, 26)]
    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(stage.post, made)) == {202}
    assert sorted(stage.taken, key=str) == sorted(
        ((site, ref(site, n)) for site in SITES for n in range(1, 26)), key=str
    )


def test_of_one_delivery_that_comes_many_times_at_once_one_is_taken(stage: Stage) -> None:
    together = Barrier(16)

    def post(_number: int) -> int:
        together.wait(30)
        return stage.post(deliver(HUB))

    with ThreadPoolExecutor(16) as pool:
        assert sorted(pool.map(post, range(16))) == [202] + [409] * 15
    assert stage.taken == [(HUB, ref(HUB))]


@each_site
def test_every_secret_is_compared_in_constant_time(stage: Stage, site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[tuple[bytes, bytes]] = []
    real = hmac.compare_digest

    def compare(one: bytes, other: bytes) -> bool:
        compared.append((one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    assert stage.post(deliver(site)) == 202
    assert stage.post(deliver(site, secret=b"guessed-0123456789abcdef0123456789")) == 401
    assert [one == other for one, other in compared] == [True, False]


@each_site
def test_no_answer_and_no_log_names_a_secret(stage: Stage, site: str, capfd: pytest.CaptureFixture[str]) -> None:
    right = deliver(site)
    slashed = Delivery(right.path + "/", right.headers, right.body)
    wrong = changed(right, body=b"{}") if site != CENTER else Delivery(right.path + "x", right.headers, right.body)
    stage.failing.append(ValueError("no room"))
    asked = [right, right, right, wrong, slashed, changed(right, drop="-")]
    answers = [stage.answer(one) for one in asked] + [stage.answer(right, "GET")]
    said = "".join(words for _, words in answers) + "".join(capfd.readouterr())
    assert SECRETS[site].decode() not in said
    assert answers[0][0] == 500
    for value in (value for name, value in right.headers.items() if name.endswith(("Signature", "Signature-256"))):
        assert value not in said


@pytest.mark.parametrize(
    ("site", "secret"),
    [(DESK, b""), (HUB, b"guessed-easily"), (CENTER, b"sixteen-letters-"), (CENTER, b"not/fit for an address" * 3)],
)
def test_a_secret_that_protects_nothing_is_refused(site: str, secret: bytes) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Door(site, scheme(site), secret, reader(site))
    assert site in str(caught.value)
    assert not secret or secret.decode() not in str(caught.value)


def test_a_door_does_not_print_its_secret() -> None:
    assert "secret-of" not in repr(Door(HUB, scheme(HUB), SECRETS[HUB], reader(HUB)))


def test_what_was_delivered_is_kept_within_bounds() -> None:
    delivered, now = Delivered(kept=timedelta(hours=1), most=3), datetime(2026, 3, 2, tzinfo=UTC)
    names = [bytes([number]) for number in range(5)]
    assert [delivered.remember((name,), now) for name in names] == [True] * 5
    assert len(delivered) == 3
    assert not delivered.remember((names[4],), now)
    assert delivered.remember((names[0],), now)
    assert delivered.remember((b"later",), now + timedelta(hours=1))
    assert len(delivered) == 1


def test_of_a_repeated_delivery_nothing_new_is_kept() -> None:
    delivered, now = Delivered(), datetime(2026, 3, 2, tzinfo=UTC)
    assert delivered.remember((b"id", b"words"), now)
    assert not delivered.remember((b"other id", b"words"), now)
    assert delivered.remember((b"other id",), now)


def test_a_port_that_is_taken_is_an_error_at_the_start(stage: Stage) -> None:
    second = WebhookServer(make_app({}, stage.take, stage.clock), port=stage.port)
    with pytest.raises(OSError, match="in use"):
        second.start()
    second.stop()
    assert second.port == 0


def test_a_server_can_be_stopped_twice_started_again_and_takes_no_signals(stage: Stage) -> None:
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    server = WebhookServer(make_app({}, stage.take, stage.clock))
    for _ in range(2):
        server.start()
        assert server.url == f"http://127.0.0.1:{server.port}"
        with pytest.raises(RuntimeError):
            server.start()
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
        server.stop()
        server.stop()
        assert server.port == 0
