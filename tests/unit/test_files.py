"""Names of files, sizes in the config, and bytes that stream under deadlines of their own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from bridge.config.sizes import parse_size
from bridge.connect.content import is_listed
from bridge.connect.files import Body
from bridge.connect.wire import Complaint, Dialect, Wire
from bridge.errors import PermanentError, TemporaryError, UnknownOutcomeError
from bridge.model.files import safe_name, shown_size, source_key, split_name, stored_name
from bridge.model.ticket import Attachment
from bridge.sandbox.faults import Fault
from bridge.sandbox.server import Sandbox
from bridge.sandbox.site import Reply, Site, body_of, route
from bridge.testing.stand import OpenLimiter

DIALECT = Dialect(lambda response: None, lambda response: Complaint())
PAUSE_S = 0.5


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Temp\\log.txt", "log.txt"),
        (".bashrc", "bashrc"),
        ("exe\u202efdp.scr", "exefdp.scr"),
        ("a\r\nContent-Type: x.html", "a_Content-Type_x.html"),
        ("CON.txt", "file_CON.txt"),
        ('say "hi" <b>.txt', "say_hi_b.txt"),
        ("!shot|thumbnail!.png", "shot_thumbnail.png"),
        ("grüße an alle.txt", "grüße_an_alle.txt"),
        ("..", "file"),
        ("", "file"),
        ("x" * 300 + ".tar", "x" * 116 + ".tar"),
    ],
)
def test_a_name_is_made_safe_and_stays_readable(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@given(st.text(max_size=300))
def test_no_name_leads_anywhere_or_says_anything_to_a_form(name: str) -> None:
    safe = safe_name(name)
    assert 0 < len(safe) <= 120
    assert not set(safe) & set('/\\"\r\n\0|<>')
    assert not safe.startswith(".")
    assert safe_name(safe) == safe


def test_our_copy_has_one_name_at_every_attempt_and_another_for_another_file() -> None:
    file = Attachment("1", "../report.pdf", "https://acme.example/1")
    again, other = (
        stored_name("desk", file),
        stored_name("desk", Attachment("2", "report.pdf", "https://acme.example/2")),
    )
    assert stored_name("desk", file) == again != other
    stem, ending = split_name(again)
    assert (stem[:7], ending, len(stem)) == ("report-", ".pdf", 15)
    assert source_key("desk", file) != source_key("other desk", file)


def test_sizes_are_read_with_their_units_only() -> None:
    assert [parse_size(one) for one in ("50 MB", "800kB", "1.5 GB", "12 B", 0)] == [
        52_428_800, 819_200, 1_610_612_736, 12, 0,
    ]  # fmt: skip
    for wrong in ("50", 50, "50 mb", "-1 MB", None, True):
        with pytest.raises(ValueError, match="a size with its unit"):
            parse_size(wrong)
    assert [shown_size(one) for one in (5, 1500, 2_100_000, 3 * 10**9)] == ["5 bytes", "1.5 kB", "2.1 MB", "3.0 GB"]


def test_a_content_host_is_listed_by_name_or_by_what_stands_above_it() -> None:
    hosts = ("*.zdusercontent.example", "media.example")
    assert is_listed("p9.zdusercontent.example", hosts)
    assert is_listed("MEDIA.example.", hosts)
    assert not is_listed("zdusercontent.example", hosts)
    assert not is_listed("evil-zdusercontent.example", hosts)
    assert not is_listed("media.example.evil.example", hosts)
    assert not is_listed("", hosts)


@pytest.mark.parametrize("size", [2, 1 << 16, (1 << 16) + 1])
@pytest.mark.parametrize("error", [-1, 1])
def test_a_body_of_the_wrong_length_never_gives_its_last_byte(size: int, error: int) -> None:
    body = Body(iter([b"x" * size]), size + error)
    given: list[bytes] = []
    with pytest.raises(PermanentError, match="changing"):
        given.extend(iter(lambda: body.read(1 << 14), b""))
    assert sum(map(len, given)) < size + error


class Store(Site):
    """Takes and gives large bodies."""

    kind = api = "echo"

    def reset(self) -> None:
        self.data = {"size": 0}

    def authenticate(self, request: Any) -> Any:
        return None

    @route("POST", "/store")
    def store(self, request: Any, actor: Any) -> Any:
        blob, self.data["size"] = self.world.blobs.keep(body_of(request))
        self.data["blob"] = blob
        return {"size": self.data["size"]}

    @route("GET", "/store")
    def give(self, request: Any, actor: Any) -> Any:
        return Reply(200, self.world.blobs.path(self.data["blob"]), {"Content-Type": "application/json"})

    def content(self, request: Any) -> Reply:
        return Reply(200, b"content")


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({"desk": Store}) as running:
        yield running


@pytest.fixture
def wire(sandbox: Sandbox) -> Wire:
    return Wire(site="desk", url=sandbox.urls["desk"], limiter=OpenLimiter(), deadline_s=PAUSE_S)


def pieces(count: int) -> Iterator[bytes]:
    for _number in range(count):
        yield b"[0]" + b" " * ((1 << 16) - 3)


def test_a_long_transfer_may_take_longer_than_the_deadline_as_long_as_bytes_move(sandbox: Sandbox, wire: Wire) -> None:
    with wire.session(DIALECT) as session:
        with wire.call(endpoint="file", writes=True, carries=1 << 20):
            session.post("https://desk.example/store", data=Body(pieces(16), 1 << 20))
        sandbox.faults.add(Fault(kind="slow_body", delay_s=PAUSE_S * 3))
        with wire.call(endpoint="file", carries=1 << 20, streams=True):
            response = session.get("https://desk.example/store", stream=True)
        assert sum(map(len, response.iter_content(1 << 14))) == 1 << 20
        response.close()


def test_a_long_transfer_that_stands_still_is_cut_off(sandbox: Sandbox, wire: Wire) -> None:
    with wire.session(DIALECT) as session:
        with wire.call(endpoint="file", writes=True, carries=1 << 20):
            session.post("https://desk.example/store", data=Body(pieces(16), 1 << 20))
        sandbox.faults.add(Fault(kind="slow_body", delay_s=PAUSE_S * 100))
        with wire.call(endpoint="file", carries=1 << 20, streams=True):
            response = session.get("https://desk.example/store", stream=True)
        with pytest.raises((requests.RequestException, OSError)):
            b"".join(response.iter_content(1 << 14))
        response.close()


def test_what_fails_while_a_body_is_made_passes_through_and_nothing_is_kept(sandbox: Sandbox, wire: Wire) -> None:
    def broken() -> Iterator[bytes]:
        yield b"x" * 1000
        raise TemporaryError("the source broke off", site="other")

    with (
        wire.session(DIALECT) as session,
        wire.call(endpoint="file", writes=True, carries=2000),
        pytest.raises(TemporaryError, match="the source broke off"),
    ):
        session.post("https://desk.example/store", data=Body(broken(), 2000))
    assert sandbox.sites["desk"].data["size"] == 0


def test_a_lost_reply_to_a_long_write_is_of_unknown_outcome(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.faults.add(Fault(kind="drop_after", writes_only=True))
    with (
        wire.session(DIALECT) as session,
        wire.call(endpoint="file", writes=True, carries=1 << 16),
        pytest.raises(UnknownOutcomeError) as raised,
    ):
        session.post("https://desk.example/store", data=Body(pieces(1), 1 << 16))
    assert raised.value.horizon_s == PAUSE_S + wire.processing_s
    assert sandbox.sites["desk"].data["size"] == 1 << 16


def test_content_hosts_are_reached_without_a_login_and_no_other_host_at_all(sandbox: Sandbox, wire: Wire) -> None:
    address = sandbox.urls["desk"].replace("127.0.0.1", "localhost")
    with wire.content_session(DIALECT, ["localhost"]) as session:
        # The sandbox's content host refuses whoever brings a login.
        assert session.get(f"{address}/content/x", headers={"Authorization": "Bearer secret"}).content == b"content"
        for elsewhere in (sandbox.urls["desk"], "https://evil.example", "ftp://localhost"):
            with pytest.raises((PermanentError, requests.exceptions.InvalidSchema)):
                session.get(f"{elsewhere}/content/x")
    assert len(sandbox.log) == 1
