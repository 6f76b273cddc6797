"""Messages leave over real sockets, and what is known of them when they fail is told in words that hold no secret."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tests.receivers import Chats, Mails

from bridge.connect.channel import ChannelError, Message
from bridge.connect.chat import Chat, service_of
from bridge.connect.mail import Mailbox, parse_relay
from bridge.engine.clock import SystemClock

SAID = Message("ab12", "ACME: first response\nis broken", "Ünlucky: the promise is broken.\n.\nMore")


@pytest.fixture
def mails() -> Iterator[Mails]:
    made = Mails()
    yield made
    made.close()


@pytest.fixture
def chats() -> Iterator[Chats]:
    made = Chats()
    yield made
    made.close()


def mailbox(url: str) -> Mailbox:
    return Mailbox(parse_relay(url), "bridge@vendor.example", "lead@vendor.example", SystemClock())


def test_a_mail_arrives_whole_with_its_own_message_id_and_is_marked_as_a_machine_s(mails: Mails) -> None:
    mailbox(mails.url).send(SAID)
    mailbox(mails.url).send(SAID)
    first, second = mails.mails
    assert first["Message-ID"] == second["Message-ID"] == "<ab12@vendor.example>"
    assert (first["Subject"], first["To"]) == ("ACME: first response is broken", "lead@vendor.example")
    assert first["Auto-Submitted"] == "auto-generated"
    assert first.get_content().splitlines() == SAID.body.splitlines()


@pytest.mark.parametrize(
    ("answers", "lasting"),
    [({"answer": "452 later"}, False), ({"answer": "554 no"}, True), ({"recipient_answer": "550 who is that"}, True)],
)
def test_a_mail_that_is_refused_surely_did_not_arrive(mails: Mails, answers: dict[str, str], lasting: bool) -> None:
    for name, value in answers.items():
        setattr(mails, name, value)
    with pytest.raises(ChannelError, match=r"refused the (mail|address) \(SMTP [45]5.\)") as caught:
        mailbox(mails.url).send(SAID)
    assert (caught.value.certain, caught.value.lasting) == (True, lasting)
    assert "who is that" not in str(caught.value)


def test_a_server_that_breaks_off_over_the_text_leaves_open_whether_it_has_it(mails: Mails) -> None:
    mails.dies = True
    with pytest.raises(ChannelError, match="broke off") as caught:
        mailbox(mails.url).send(SAID)
    assert not caught.value.certain


def test_a_server_that_is_not_there_took_nothing(mails: Mails) -> None:
    url = mails.url
    mails.close()
    with pytest.raises(ChannelError, match="could not be reached") as caught:
        mailbox(url).send(SAID)
    mails.__post_init__()
    assert caught.value.certain


def test_an_address_that_cannot_be_written_is_refused_for_good(mails: Mails) -> None:
    box = Mailbox(parse_relay(mails.url), "bridge@vendor.example", "lëad@vendor.example", SystemClock())
    with pytest.raises(ChannelError, match="cannot be written") as caught:
        box.send(SAID)
    assert (caught.value.certain, caught.value.lasting) == (True, True)


def test_a_password_leaves_this_machine_only_over_tls(mails: Mails) -> None:
    relay = parse_relay(mails.url.replace("smtp://", "smtp://lead:hush-hush@"))
    assert relay.is_near
    assert "hush" not in repr(relay)
    mailbox(mails.url.replace("smtp://", "smtp://lead:hush%2Dhush@")).send(SAID)
    assert len(mails.mails) == 1
    mails.mails.clear()
    with pytest.raises(ChannelError, match=r"refused the login \(SMTP 535\)") as caught:
        mailbox(mails.url.replace("smtp://", "smtp://lead:hush@")).send(SAID)
    assert (caught.value.certain, caught.value.lasting) == (True, True)
    far = replace(mailbox(mails.url), relay=replace(relay, host="0.0.0.0"))  # this machine, and not called so
    with pytest.raises(ChannelError, match="offers no TLS") as caught:
        far.send(SAID)
    assert (caught.value.certain, caught.value.lasting) == (True, True)
    with pytest.raises(ChannelError, match="could not be reached"):
        mailbox(mails.url.replace("smtp://", "smtps://")).send(SAID)
    assert mails.mails == []
    assert ssl.create_default_context().verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://mail.vendor.example", "must be an address"),
        ("smtp://", "must be an address"),
        ("smtp://lead:hush@mail.vendor.example:0x1", "number from 1"),
        ("smtp://lead:hu#sh@mail.vendor.example", "number from 1|ends with the port"),
        ("smtp://mail.vendor.example/inbox", "ends with the port"),
    ],
)
def test_an_address_that_is_no_mail_server_is_told_without_its_secret(url: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        parse_relay(url)
    assert "hush" not in str(caught.value)


def test_a_message_arrives_over_apprise(chats: Chats) -> None:
    Chat(chats.url).send(SAID)
    assert chats.messages[0]["message"] == SAID.body
    assert chats.messages[0]["type"] == "warning"
    assert (service_of(chats.url), service_of("carrier-pigeon://coop")) == ("JSON", None)


@pytest.mark.parametrize(
    ("status", "certain", "lasting", "why"),
    [
        (503, True, False, "refused with 503"),
        (403, True, True, "refused with 403"),
        (429, True, False, "refused with 429"),
        (None, False, False, "no answer told whether it arrived"),
    ],
)
def test_what_the_other_end_answers_decides_whether_it_is_tried_again(
    chats: Chats, status: int | None, certain: bool, lasting: bool, why: str
) -> None:
    chats.status = status
    with pytest.raises(ChannelError) as caught:
        Chat(chats.url).send(SAID)
    assert (caught.value.certain, caught.value.lasting, str(caught.value)) == (certain, lasting, why)


class Everything(logging.Handler):
    """A log of everything that whoever sets up logging for the whole process would see of apprise."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("apprise"):
            self.lines.append(record.getMessage())


def test_nobody_there_is_certain_and_not_a_word_of_it_reaches_any_log(
    chats: Chats, capfd: pytest.CaptureFixture[str]
) -> None:
    url, everything = chats.url, Everything()
    chats.close()
    logging.getLogger().addHandler(everything)
    try:
        with pytest.raises(ChannelError, match="could not be reached") as caught:
            Chat(url).send(SAID)
    finally:
        logging.getLogger().removeHandler(everything)
    chats.__post_init__()
    assert caught.value.certain
    said = "".join((*capfd.readouterr(), str(caught.value), repr(Chat(url)), *everything.lines))
    assert "hush" not in said
    assert "pager" not in said
