"""People are told of warnings and breaches over real sockets, through the whole bridge, in a time that is moved."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from threading import Thread

import pytest
from pydantic import SecretStr
from tests.receivers import Chats, Mails

from bridge.cli.story.config import SITES
from bridge.cli.story.script import Opened
from bridge.config import MailConfig
from bridge.engine.intake.past import Chronicle
from bridge.model.words import Mode
from bridge.store.notifications import Notification

from .stage import Killed, Stage

CONTRACT = """\
customer: ACME GmbH
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-18:00"]}}
roles: {customer_management: [engineer]}
severities:
  critical: {means: production down, calendar: 24x7, first_response: 4h}
  minor: {means: anything else, calendar: office, first_response: 2d}
  trivial: {means: cosmetic, calendar: office, first_response: 5d}
escalation:
  - {at: 50%, tell: [lead], ask_ack: 30m}
  - {at: breach, tell: [lead, customer_management], repeat: 1h}
"""
SECRET_WORDS = "The password of the till is swordfish"
Ends = tuple[Mails, Chats]


@pytest.fixture
def ends() -> Iterator[Ends]:
    """Where messages arrive."""
    mails, chats = Mails(), Chats()
    yield mails, chats
    chats.close()
    mails.close()


@pytest.fixture
def stage(tmp_path: Path, ends: Ends) -> Iterator[Stage]:
    """A stage whose lead has mail and a pager, whose other person has mail, with everything at rest."""
    (tmp_path / "contract.yaml").write_text(CONTRACT, encoding="utf-8")
    made = Stage(tmp_path, f"contract: {tmp_path / 'contract.yaml'}")
    people = dict(made.config.people)
    people["lead"] = people["lead"].model_copy(update={"notify": (SecretStr(ends[1].url),)})
    mail = MailConfig(send_from="bridge@vendor.example", smtp=SecretStr(ends[0].url))
    made.config = made.config.model_copy(update={"mail": mail, "people": people})
    yield made
    made.close()


def look(stage: Stage) -> None:
    """Every site and every history is read, what is due is worked off, and what is to be told is sent."""
    for _round in range(4):
        for site in sorted(SITES):
            stage.poll(site)
            read_past(stage, site)
        stage.work()
        tell(stage)
        stage.pass_time(1)


def read_past(stage: Stage, site: str) -> None:
    """A site's history is read to its end. A kill ends bridge, no more."""
    [chronicle] = [duty for duty in stage.start().duties if isinstance(duty, Chronicle)]
    try:
        chronicle.read_all(site)
    except Killed:
        stage.kill()


def tell(stage: Stage) -> None:
    """The herald sends all that is due. A kill ends bridge, no more."""
    herald = stage.start().daemon.herald
    assert herald is not None
    try:
        while herald.step():
            pass
    except Killed:
        stage.kill()


def later(stage: Stage, **length: float) -> None:
    """Time passes, and bridge looks."""
    stage.pass_time(timedelta(**length).total_seconds())
    look(stage)


def rows(stage: Stage, opened: Opened) -> list[Notification]:
    """The outbox of a case."""
    with stage.start().ledger.begin() as transaction:
        return transaction.notifications.of_group(f"acme:acme-desk/{opened.ticket}")


def notes(stage: Stage, opened: Opened, words: str) -> int:
    """How many comments of the issue say so."""
    [case] = [one for one in stage.jira.cases("ACME") if one.summary == opened.summary]
    return len([said for said in case.said if words in said.words])


def file(stage: Stage) -> Opened:
    """A critical case comes."""
    opened = stage.file("acme-desk", SECRET_WORDS, "urgent")
    look(stage)
    return opened


def ask(stage: Stage, *words: str) -> str:
    """What `bridge …` prints, beside the running one."""
    command = [sys.executable, "-m", "bridge", *words, "--config", str(stage.home / "config.yaml")]
    environment = {**os.environ, "SANDBOX_TOKEN": "sandbox", "COLUMNS": "160"}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_a_warning_and_a_breach_reach_whom_the_contract_names_with_what_they_need_and_no_word_of_the_ticket(
    stage: Stage, ends: Ends
) -> None:
    mails, chats = ends
    opened = file(stage)
    later(stage, hours=2, minutes=1)
    key = stage.key(opened)
    title = f"ACME GmbH: first response comes near its end, #{opened.ticket} / {key}"
    assert (mails.subjects(), chats.titles()) == ([title], [title])
    body = str(mails.mails[0].get_content())
    for words in (
        "First response: 50% of the time is used up.",
        "Customer: ACME GmbH",
        f"Ticket: #{opened.ticket} http://",
        f"Issue: {key} http://",
        "Severity: critical",
        "Promised: 4 h",
        "Due: Monday 2026-03-02 14:00 Europe/Berlin",
        f"Please acknowledge within 30m: bridge sla ack acme:acme-desk/{opened.ticket}",
    ):
        assert words in body
    later(stage, hours=2)
    stage.kill()
    later(stage, minutes=5)
    assert [title.partition(",")[0] for title in chats.titles()][1:] == ["ACME GmbH: first response is broken"]
    assert sorted(mails.recipients) == ["engineer@vendor.example", "lead@vendor.example", "lead@vendor.example"]
    assert "swordfish" not in "".join(str(one) for one in (*mails.mails, *chats.messages))
    assert {str(one.state) for one in rows(stage, opened)} == {"sent"}


def test_a_breach_that_late_facts_make_untrue_is_taken_back_once_from_those_who_heard_of_it(
    stage: Stage, ends: Ends
) -> None:
    mails, chats = ends
    opened = file(stage)
    later(stage, hours=2, minutes=1)
    later(stage, hours=1)
    stage.fault(site="acme-desk", kind="status", status=503)
    stage.pass_time(1800)
    stage.desks["acme-desk"].change(opened.ticket, priority="low")
    stage.pass_time(3600)
    mails.answer = "452 later"
    stage.work()
    tell(stage)
    assert "Not certain yet" in chats.messages[-1]["message"]
    stage.calm()
    mails.answer = "250 taken"
    for _time in range(3):
        later(stage, minutes=20)
    told = [title.partition(", #")[0].removeprefix("ACME GmbH: ") for title in chats.titles()]
    assert told == [
        "first response comes near its end",
        "first response is broken",
        "taken back: first response was not broken after all",
    ]
    # The mails about the breach had not left yet: nobody hears of it by mail, and nothing is taken back there.
    assert not any("broken" in title for title in mails.subjects())
    stage.desks["acme-desk"].change(opened.ticket, priority="urgent")
    for _time in range(2):
        later(stage, minutes=20)
    # A still later fact breaks it after all: that is news for everybody, once.
    broken = [title for title in mails.subjects() if "broken" in title]
    assert broken == [chats.titles()[-1]] * 2  # the lead, and the manager of the customer
    assert ["is broken" in title for title in chats.titles()] == [False, True, False, True]
    assert notes(stage, opened, "the promise is broken") == 2


def test_an_acknowledged_breach_is_not_told_again_and_one_that_is_not_is(stage: Stage, ends: Ends) -> None:
    chats = ends[1]
    opened = file(stage)
    later(stage, hours=4, minutes=10)
    later(stage, hours=1)
    assert len([one for one in chats.titles() if "is still broken" in one]) == 1
    said = ask(stage, "sla", "ack", str(opened.ticket), "--who", "Lea Lead")
    assert "Acknowledged: first response, breach." in said
    for _time in range(3):
        later(stage, hours=1)
    assert len([one for one in chats.titles() if "is still broken" in one]) == 1
    assert notes(stage, opened, "Acknowledged by Lea Lead") == 1
    again = json.loads(ask(stage, "sla", "ack", str(opened.ticket), "--json"))
    assert again["acknowledged"] == []


@pytest.mark.parametrize(
    ("mode", "away", "recipients"),
    [
        (Mode.OBSERVE, False, []),
        (Mode.INTERNAL, False, ["lead@vendor.example"]),
        (Mode.LIVE, True, ["engineer@vendor.example"]),
    ],
)
def test_a_mode_says_who_may_be_told_and_a_deputy_is_told_for_who_is_away(
    stage: Stage, ends: Ends, mode: Mode, away: bool, recipients: list[str]
) -> None:
    stage.config._routes_compiled = tuple(replace(plan, mode=mode) for plan in stage.config.routes_compiled)
    people = dict(stage.config.people)
    people["lead"] = people["lead"].model_copy(update={"away": away, "deputy": "engineer"})
    stage.config = stage.config.model_copy(update={"people": people})
    file(stage)
    later(stage, hours=4, minutes=5)
    assert sorted(set(ends[0].recipients)) == recipients
    assert bool(ends[1].messages) is (mode is Mode.INTERNAL)
    if away:
        # Both mails fell due at once, and the breach names the deputy in their own right too.
        [mail] = ends[0].mails
        assert str(mail.get_content()).count("Told to you instead of Team Lead, who is away.") == 1


def test_killed_at_any_step_of_the_work_everybody_is_told_once_over_each_channel(stage: Stage, ends: Ends) -> None:
    mails, chats = ends
    opened = file(stage)
    stage.pass_time(timedelta(hours=2, minutes=1).total_seconds())
    for step in count(1):
        # Each time the process lives a little longer, until it comes to the end of its work.
        stage.start()
        stage.killer.left = step
        stage.work()
        if stage.bridge is not None:
            break
    stage.killer.left = 0
    assert [one.channel.partition(" ")[0] for one in rows(stage, opened)] in (["json", "mail"], ["mail", "json"])
    stage.copy_ledger()
    ways: set[tuple[int, str]] = set()
    for step in count(1):
        stage.restore_ledger()
        mails.mails.clear()
        chats.messages.clear()
        stage.start()
        stage.killer.left = step
        tell(stage)
        is_whole = stage.bridge is not None
        stage.killer.left = 0
        tell(stage)
        tell(stage)
        assert len({str(one["Message-ID"]) for one in mails.mails}) == 1
        states = {one.channel.partition(" ")[0]: str(one.state) for one in rows(stage, opened)}
        assert states["mail"] == "sent"
        ways.add((len(chats.messages), states["json"]))
        if is_whole:
            break
    # It is never told twice, and where that it was told could not be written down, it says so.
    assert ways == {(1, "sent"), (1, "unknown")}


def test_a_running_bridge_tells_by_itself(stage: Stage, ends: Ends) -> None:
    file(stage)
    stage.pass_time(timedelta(hours=2, minutes=1).total_seconds())
    stage.work()
    assert ends[1].messages == []
    daemon = stage.start().daemon
    running = Thread(target=daemon.run)
    running.start()
    assert ends[1].arrived.wait(60)
    daemon.stop()
    running.join()
    assert ends[0].recipients == ["lead@vendor.example"]


def test_what_could_not_be_told_is_shown_with_the_reason_and_without_the_address(stage: Stage, ends: Ends) -> None:
    mails, chats = ends
    chats.status, mails.recipient_answer = 403, "550 lead@vendor.example is gone"
    file(stage)
    later(stage, hours=2, minutes=1)
    stage.kill()
    said = ask(stage, "status")
    assert "not told yet: lead over json: ACME GmbH: first response comes near its end" in said
    assert "refused with 403 (tried 1 times, again 2026-03-02T11:02" in said
    assert "the mail server refused the address (SMTP 550)" in said
    assert "hush" not in said
    assert "is gone" not in said
    for _time in range(4):
        stage.pass_time(3600)
        tell(stage)
    with stage.start().ledger.begin() as transaction:
        troubles = transaction.notifications.troubles()
    assert {(one.channel[:4], str(one.state), one.reason) for one in troubles} == {
        ("json", "failed", "refused with 403"),
        ("mail", "failed", "the mail server refused the address (SMTP 550)"),
    }
