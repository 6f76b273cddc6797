"""The outbox of notifications: each is told once, whatever ends the process in between, and failures are patient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.receivers import Chats, Mails

from bridge.connect.channel import Channel, Message
from bridge.connect.chat import Chat
from bridge.connect.mail import Mailbox, parse_relay
from bridge.engine.herald import LASTING_TRIES, MAIL, TRIES, Herald
from bridge.store.clocks import Fired
from bridge.store.ledger import open_ledger
from bridge.store.notifications import Notification, Telling
from bridge.testing.clock import FakeClock

PAGER = "json 12ab"


class Killed(BaseException):
    """The process ended here."""


@dataclass
class Deadly:
    """A channel on which the process ends, before or after the message left."""

    channel: Channel
    after: bool

    @property
    def folds(self) -> bool:
        return self.channel.folds

    def send(self, message: Message) -> None:
        if self.after:
            self.channel.send(message)
        raise Killed


@dataclass
class Office:
    """A ledger, two receivers and a herald that can be killed."""

    home: Path
    mails: Mails
    chats: Chats
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        relay = parse_relay(self.mails.url)
        self.channels: dict[tuple[str, str], Channel] = {
            ("lead", MAIL): Mailbox(relay, "bridge@vendor.example", "lead@vendor.example", self.clock),
            ("boss", MAIL): Mailbox(relay, "bridge@vendor.example", "boss@vendor.example", self.clock),
            ("lead", PAGER): Chat(self.chats.url),
        }
        self.ledger = open_ledger(clock=self.clock, directory=self.home)

    def plan(self, label: str, person: str = "lead", channel: str = MAIL, turn: int = 0) -> None:
        """Somebody is to be told of a warning."""
        fired = Fired(
            "acme:acme-desk/1", "resolution", 1, "warn", label, "critical", self.clock.now(), self.clock.now()
        )
        title, body = f"resolution {label}", f"What happened at {label}."
        with self.ledger.begin() as transaction:
            one = Notification.of(
                fired, turn=turn, person=person, channel=channel, title=title, body=body, at=transaction.now
            )
            transaction.notifications.plan(one)

    def tell(self, **deadly: bool) -> None:
        """Send all that is due; with `after`, the process ends at the first message and starts again."""
        channels = {name: Deadly(one, **deadly) if deadly else one for name, one in self.channels.items()}
        herald = Herald(self.ledger, channels)
        try:
            while herald.step():
                pass
        except Killed:
            self.ledger.close()
            self.ledger = open_ledger(clock=self.clock, directory=self.home)
        Herald(self.ledger, {}).take_over()

    def rows(self) -> list[Notification]:
        """Every row."""
        with self.ledger.begin() as transaction:
            return transaction.notifications.of_group("acme:acme-desk/1")

    def states(self) -> list[tuple[str, str]]:
        """How all stand, with the reason."""
        return [(str(one.state), one.reason) for one in self.rows()]


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    mails, chats = Mails(), Chats()
    made = Office(tmp_path, mails, chats)
    yield made
    made.ledger.close()
    chats.close()
    mails.close()


def test_each_person_is_told_once_over_each_channel_however_often_it_is_planned(office: Office) -> None:
    for _time in range(3):
        office.plan("50%")
        office.plan("50%", "boss")
        office.plan("50%", channel=PAGER)
        office.tell()
    assert office.mails.subjects() == ["resolution 50%"] * 2
    assert sorted(office.mails.recipients) == ["boss@vendor.example", "lead@vendor.example"]
    assert office.chats.titles() == ["resolution 50%"]
    assert office.states() == [("sent", "")] * 3


def test_a_mail_is_the_same_mail_after_a_kill_and_a_page_is_never_repeated(office: Office) -> None:
    office.plan("50%")
    office.tell(after=True)
    office.tell()
    assert len({one["Message-ID"] for one in office.mails.mails}) == 1
    assert len(office.mails.mails) == 2
    office.plan("80%", channel=PAGER)
    office.tell(after=True)
    office.tell()
    assert office.chats.titles() == ["resolution 80%"]
    assert office.states() == [("sent", ""), ("unknown", "bridge ended while it was sent")]


def test_what_ends_the_process_each_time_is_given_up_and_a_page_that_never_left_says_that_nobody_knows(
    office: Office,
) -> None:
    office.plan("50%")
    office.plan("50%", channel=PAGER)
    for _time in range(TRIES + 2):
        office.tell(after=False)
    office.tell()
    assert (office.mails.mails, office.chats.messages) == ([], [])
    assert sorted(office.states()) == [
        ("failed", "bridge ended whenever it was sent"),
        ("unknown", "bridge ended while it was sent"),
    ]


def test_a_kill_before_the_mail_left_loses_nothing(office: Office) -> None:
    office.plan("50%")
    office.tell(after=False)
    office.plan("80%")
    office.tell()
    # What was on its way goes alone, under its own name; what came later goes for itself.
    assert office.mails.subjects() == ["resolution 50%", "resolution 80%"]
    assert [str(one.state) for one in office.rows()] == ["sent", "sent"]


def test_several_mails_that_fell_due_meanwhile_are_one_and_stay_one_after_a_kill(office: Office) -> None:
    for label in ("50%", "80%", "2h left"):
        office.plan(label)
    office.clock.advance(1)
    office.plan("50%", "boss")
    office.clock.advance(3 * 3600)
    office.tell(after=True)
    office.plan("later")
    office.tell()
    mine = [one for one in office.mails.mails if one["To"] == "lead@vendor.example"]
    assert len({one["Message-ID"] for one in mine}) == 2
    body = mine[0].get_content()
    assert all(f"What happened at {label}." in body for label in ("50%", "80%", "2h left"))
    assert body.count("This message was sent 3 h late.") == 3
    assert "3 messages about promises" in str(mine[0]["Subject"])
    assert "later" not in "".join(str(one.get_content()) for one in mine[:-1])
    assert {str(one.state) for one in office.rows()} == {"sent"}


def test_a_failure_is_tried_again_ever_more_slowly_and_given_up_in_the_end(office: Office) -> None:
    office.chats.status = 503
    office.plan("50%", channel=PAGER)
    waits = []
    while (one := office.rows()[0]).state is Telling.PLANNED:
        office.tell()
        again_at = office.rows()[0].due_at
        if again_at is not None:
            waits.append(again_at - office.clock.now())
            office.clock.advance(waits[-1].total_seconds())
    assert [wait.total_seconds() // 60 for wait in waits] == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert len(waits) == TRIES - 1
    assert (one.state, one.reason) == (Telling.FAILED, "refused with 503")
    office.chats.status = 200
    office.clock.advance(86400)
    office.tell()
    assert office.chats.titles() == []


def test_what_is_refused_for_good_is_given_up_sooner_and_the_rest_goes_on(office: Office) -> None:
    office.chats.status = 403
    office.plan("50%", channel=PAGER)
    office.plan("50%", "boss")
    for _time in range(LASTING_TRIES):
        office.tell()
        office.clock.advance(3600)
    assert office.mails.subjects() == ["resolution 50%"]
    assert sorted(office.states()) == [("failed", "refused with 403"), ("sent", "")]


def test_a_mail_server_that_broke_off_gets_the_same_mail_again_and_a_page_is_left_unknown(office: Office) -> None:
    office.mails.dies, office.chats.status = True, None
    office.plan("50%")
    office.plan("50%", channel=PAGER)
    office.tell()
    office.mails.dies, office.chats.status = False, 200
    office.clock.advance(600)
    office.plan("80%")
    office.tell()
    ids = [str(one["Message-ID"]) for one in office.mails.mails if "50%" in str(one["Subject"])]
    assert len(ids) == 2
    assert len(set(ids)) == 1
    assert office.chats.titles() == ["resolution 50%"]
    assert ("unknown", "no answer told whether it arrived") in office.states()


def test_a_channel_that_the_config_no_longer_has_is_given_up_in_words(office: Office) -> None:
    office.plan("50%", "gone")
    office.tell()
    assert office.states() == [("failed", "the config has no such channel of this person any more")]


def test_no_address_and_no_secret_is_in_the_ledger(office: Office) -> None:
    office.chats.status, office.mails.answer = 403, "554 lead@vendor.example is unwelcome"
    office.plan("50%")
    office.plan("50%", channel=PAGER)
    office.tell()
    office.ledger.close()
    kept = b"".join(one.read_bytes() for one in office.home.iterdir() if one.is_file())
    office.ledger = open_ledger(clock=office.clock, directory=office.home)
    for secret in (b"hush", b"unwelcome", b"lead@vendor", str(office.chats.url).encode()):
        assert secret not in kept
