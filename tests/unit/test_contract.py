"""A contract that is wrong is told where and how to mend it; one that is right explains itself."""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bridge.cli import contract
from bridge.config.calendars import zone_at_hand
from bridge.config.contract import ContractFiles, compile_contract, pin_contract, read_contract
from bridge.config.reading import parse_yaml
from bridge.errors import ConfigurationError
from bridge.mapping.source import Item, Problems
from bridge.model.words import Severity
from bridge.sla.examples import calendar_sentences, worked_examples
from bridge.sla.paper import write_paper
from bridge.sla.terms import Terms, Timeline

SOUND = """\
customer: ACME
period: {from: 2026-01-01, to: 2026-12-31}
calendars:
  office: {timezone: Europe/Berlin, weekly: {mon-fri: ["09:00-18:00"]}}
severities:
  critical: {calendar: 24x7, first_response: 4h, next_update: 4h, workaround: 1d, resolution: 5d}
  major: {calendar: office, first_response: 8h, resolution: 10d}
customer_clocks:
  authorisation: {target: 1d, calendar: office}
escalation:
  - {at: 50%, tell: assignee}
"""


def findings(*changes: tuple[str, str], text: str = SOUND, people: tuple[str, ...] = ()) -> list[str]:
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    problems = Problems()
    item = parse_yaml(text, shown="acme.yaml", problems=problems)
    if item is not None:
        compile_contract(item, problems, people=people)
    return [str(problem) for problem in problems.found]


def compiled(text: str = SOUND) -> Terms:
    problems = Problems()
    item = parse_yaml(text, shown="acme.yaml", problems=problems)
    assert item is not None
    terms = compile_contract(item, problems)
    assert terms is not None, problems.found
    return terms


def test_a_sound_contract_has_no_findings() -> None:
    assert findings() == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            ("major: {calendar: office", "major: {calendar: offise"),
            "acme.yaml:7:21: there is no calendar `offise` in this contract (did you mean `office`?)",
        ),
        (
            ("target: 1d, calendar: office", "target: 1d, calendar: theirs"),
            "acme.yaml:9:41: there is no calendar `theirs` in this contract",
        ),
        (
            ("resolution: 10d", "resolution: 4h"),
            "acme.yaml:7:45: `first_response` of `major` is due later than its `resolution` (`resolution` has 4h)",
        ),
        (
            ("first_response: 4h", "first_response: 9d"),
            "acme.yaml:6:46: `first_response` of `critical` is due later than that of `major`, which is less severe "
            "(`major` has 8h)",
        ),
        (
            ("at: 50%", "at: 5h left"),
            "acme.yaml:11:10: the warning `5h left` is no shorter than `first_response` of `critical` (4h), and never "
            "comes (name `metrics:` it is for, or write a share such as `80%`)",
        ),
        (("first_response: 8h", "first_response: 0h"), "promised in no time at all (write a length such as `4h`)"),
        (("resolution: 10d", "resolutoin: 10d"), "`resolutoin` is no metric (did you mean `resolution`?)"),
        (("resolution: 10d", "resolution: ten days"), "must be a length with its unit"),
        (
            ('mon-fri: ["09:00-18:00"]', 'mon-thu: "09:00-18:00", fri: "09:00-12:00"'),
            "acme.yaml:7:61: `resolution` is counted in days of `office`, whose weekdays have different lengths (say "
            "`day: 8h` in the calendar `office`, or write hours)",
        ),
        (
            ('mon-fri: ["09:00-18:00"]', "mon-fri: closed"),
            "`first_response` can never be due: the calendar `office` has no hours for it",
        ),
        (
            ('mon-fri: ["09:00-18:00"]', 'mon: "09:00-09:01"'),
            "`first_response` is never due: 8 hours of the calendar `office` take more than 5 years",
        ),
        (("escalation:", "pauses: {resolution: [waiting]}\nescalation:"), "must be one of `waiting_customer`"),
        (
            ("escalation:", "pauses: {resolution: [waiting_internal]}\nescalation:"),
            "acme.yaml:10:22: the vendor's own waiting never stops a clock of the vendor (take it out)",
        ),
        (("escalation:", "pauses: {resolve: [waiting_customer]}\nescalation:"), "`resolve` is no metric"),
        (("tell: assignee", "tell: boss"), "`boss` is neither a role of this contract nor among the people"),
        (("to: 2026-12-31", "to: 2025-12-31"), "acme.yaml:2:32: the contract's period ends before it begins"),
        (("from: 2026-01-01", "from: 1999-01-01"), "`from` is 1999-01-01; calendars know the years 2001 to 2239"),
        (("resolution: 10d", "resolution: 99999d"), "must not be longer than 10000 days"),
        (("to: 2026-12-31", "renewal: yearly"), "a contract without an end is not renewed (add `to:`)"),
        (("critical:", "crit:"), "`crit` of `severities` must be one of `critical`, `major`, `minor`, `trivial`"),
        (("  office:", "  24x7:"), "`24x7` always counts every hour (give this calendar another name)"),
        (("09:00-18:00", "9-18"), 'must be hours such as "09:00-18:00" (or a list of them), or `closed`'),
        (("mon-fri:", "mo-fr:"), "speaks of `mo-fr`, which is no weekday"),
        (('"]}}', '"], mon: closed}}'), "speaks of mon twice: in `mon-fri` and in `mon`"),
        (('"]}}', '"]}, dates: {2026-13-01: closed}}'), "must name a date such as 2026-12-24"),
        (('"]}}', '"]}, dates: {2026-12-24: "22:00-06:00"}}'), "let them end at 24:00, and give the next date its own"),
        (('"]}}', '"]}, holidays: {country: GR, subdivision: X}}'), "there is no holiday data for `X` in `GR`"),
        (('"]}}', '"]}, holidays: {country: XX}}'), "there is no holiday data for the country `XX`"),
        (('"]}}', '"]}, holidays: {file: none.ics}}'), "the file `none.ics` cannot be read: no such file or directory"),
        (("period: {", "starts: {from: handed_over}\nperiod: {"), "`starts`"),
    ],
)
def test_each_fault_is_one_sentence_with_its_place(change: tuple[str, str], said: str) -> None:
    found = findings(change)
    assert any(said in sentence for sentence in found), found
    assert all(sentence.startswith("acme.yaml:") for sentence in found)
    assert all("\n" not in sentence for sentence in found)


def test_roles_are_people_of_the_config() -> None:
    change = ("escalation:", "roles: {lead: enginer}\nescalation:")
    assert findings(change, people=("engineer", "lead")) == [
        "acme.yaml:10:15: `enginer` is not among the people of the config (did you mean `engineer`?)"
    ]


def test_a_metric_of_ones_own_can_be_promised() -> None:
    more = "metrics: {fix_shown: {starts: handed_over, stops: delivered, pauses: [waiting_customer]}}\n"
    terms = compiled(SOUND.replace("resolution: 10d", "resolution: 10d, fix_shown: 3d") + more)
    promise = terms.promise(Severity.MAJOR, "fix_shown")
    assert promise is not None
    assert promise.amount(terms.from_at).total_seconds() == 27 * 3600
    assert terms.contract.pauses_of("fix_shown") == ("waiting_customer",)


def test_the_standard_contract_answers_critical_cases_within_four_hours_also_on_friday_evening() -> None:
    terms = read_contract("standard", Path())
    sentences = list(worked_examples(terms))
    assert sentences[0].startswith("critical, handed over Friday 17:00: first response by 21:00, ")
    assert "`1d` in `office` is 9 hours of its time" in list(calendar_sentences(terms.contract))
    assert set(terms.contract.support_levels) == {"2", "3"}


def test_a_night_shift_belongs_to_two_dates() -> None:
    terms = compiled(
        SOUND.replace("mon-fri:", "fri:")
        .replace("09:00-18:00", "22:00-06:00")
        .replace("first_response: 8h, resolution: 10d", "resolution: 10h")
        .replace('"]}}', '"]}, day: 8h}')
    )
    timetable = terms.calendars["office"].timetables[0]
    assert timetable.is_open(datetime(2026, 1, 9, 22, tzinfo=UTC))
    assert timetable.is_open(datetime(2026, 1, 10, 4, 59, tzinfo=UTC))
    assert not timetable.is_open(datetime(2026, 1, 10, 5, 0, tzinfo=UTC))


FEED = """\
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//acme//EN
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260803
DTEND;VALUE=DATE:20260806
SUMMARY:Works holidays
END:VEVENT
BEGIN:VEVENT
UID:1
DTSTART;VALUE=DATE:20260803
SUMMARY:The same again
END:VEVENT
BEGIN:VEVENT
UID:2
DTSTART;VALUE=DATE:20260904
STATUS:CANCELLED
SUMMARY:Called off
END:VEVENT
BEGIN:VEVENT
UID:3
DTSTART;VALUE=DATE:20200229
RRULE:FREQ=YEARLY
SUMMARY:Leap day
END:VEVENT
BEGIN:VEVENT
UID:4
DTSTART:20260907T090000Z
DTEND:20260907T100000Z
SUMMARY:A meeting
END:VEVENT
END:VCALENDAR
"""


def with_feed(directory: Path, feed: str) -> tuple[Terms | None, list[str]]:
    (directory / "ours.ics").write_text(feed, encoding="utf-8")
    text = SOUND.replace(
        '"]}}', '"]}, holidays: {country: DE, file: ours.ics, also: [2026-12-24], except: [2026-01-01]}}'
    )
    (directory / "acme.yaml").write_text(text, encoding="utf-8")
    problems = Problems()
    files = ContractFiles(directory, (), problems)
    timeline = files.timeline(("acme.yaml",), Item.of("acme.yaml"))
    return (timeline.versions[0] if timeline else None), [str(problem) for problem in problems.found]


def test_07_feeds_give_whole_days_once_and_none_that_was_called_off(tmp_path: Path) -> None:
    terms, problems = with_feed(tmp_path, FEED)
    assert problems == []
    assert terms is not None
    version = terms.calendars["office"].timetables[0].version
    ours = {day for day in version.holidays if day.month in (2, 8, 9)}
    assert ours == {date(2026, 8, 3), date(2026, 8, 4), date(2026, 8, 5), date(2028, 2, 29)}
    assert date(2026, 12, 24) in version.holidays
    assert date(2026, 12, 25) in version.holidays
    assert date(2026, 1, 1) not in version.holidays
    assert version.holiday_data.startswith("holidays ")
    assert "ours.ics " in version.holiday_data
    other, _ = with_feed(tmp_path, FEED.replace("The same again", "The same, once more"))
    assert other is not None
    assert other.calendars["office"].timetables[0].version.digest != version.digest


@pytest.mark.parametrize(
    ("feed", "said"),
    [
        ("no calendar", "is no calendar"),
        (FEED.replace("FREQ=YEARLY", "FREQ=MONTHLY"), "repeats in a way other than every year on its day"),
    ],
)
def test_a_feed_that_is_not_understood_is_one_sentence(tmp_path: Path, feed: str, said: str) -> None:
    terms, problems = with_feed(tmp_path, feed)
    assert terms is None
    [sentence] = problems
    assert said in sentence
    assert "acme.yaml:4:" in sentence


def versions(directory: Path, *texts: str) -> tuple[Timeline | None, list[str]]:
    names = tuple(f"acme-{number}.yaml" for number in range(len(texts)))
    for name, text in zip(names, texts, strict=True):
        (directory / name).write_text(text, encoding="utf-8")
    problems = Problems()
    timeline = ContractFiles(directory, (), problems).timeline(names, Item.of(list(names)))
    return timeline, [str(problem) for problem in problems.found]


def test_a_gap_between_versions_is_told(tmp_path: Path) -> None:
    second = SOUND.replace("period: {from: 2026-01-01, to: 2026-12-31}", "version: 2\nperiod: {from: 2027-01-11}")
    _, said = versions(tmp_path, SOUND, second)
    assert said == [
        f"{tmp_path}/acme-1.yaml:3:16: no version holds for 10 days before version 2 begins (begin on 2027-01-01, or say "
        "`gaps: cover` in version 1)"
    ]
    _, said = versions(tmp_path, SOUND.replace("12-31}", "12-31, gaps: cover}"), second)
    assert said == []


def test_versions_of_two_customers_and_of_one_number_are_told(tmp_path: Path) -> None:
    second = SOUND.replace("2026", "2027").replace("ACME", "Globex")
    _, said = versions(tmp_path, SOUND, second)
    assert len(said) == 2
    assert "version 1 is with another customer than version 1, `ACME`" in said[0]
    assert "begins after version 1 and has no higher number" in said[1]


def test_which_version_holds_is_a_matter_of_local_midnights(tmp_path: Path) -> None:
    second = SOUND.replace(
        "period: {from: 2026-01-01, to: 2026-12-31}", "version: 2\nperiod: {from: 2027-01-01, to: 2027-06-30}"
    )
    timeline, said = versions(tmp_path, SOUND, second)
    assert said == []
    assert timeline is not None

    def version(*at: int) -> int | None:
        terms = timeline.at(datetime(*at, tzinfo=UTC)) if timeline else None  # type: ignore[misc]
        return terms.contract.version if terms else None

    assert version(2025, 12, 31, 22, 59) is None
    assert version(2025, 12, 31, 23, 0) == 1
    assert version(2026, 12, 31, 22, 59) == 1
    assert version(2026, 12, 31, 23, 0) == 2
    assert version(2027, 6, 30, 21, 59) == 2
    assert version(2027, 6, 30, 22, 0) is None
    assert len(timeline.boundaries) == 3


def test_a_contract_that_is_renewed_holds_until_it_is_ended(tmp_path: Path) -> None:
    renewed = SOUND.replace("12-31}", "12-31, renewal: yearly}")
    timeline, _ = versions(tmp_path, renewed)
    assert timeline is not None
    assert timeline.at(datetime(2035, 1, 1, tzinfo=UTC)) is not None
    ended, _ = versions(tmp_path, renewed.replace("yearly}", "yearly, terminated: 2028-12-31}"))
    assert ended is not None
    assert ended.at(datetime(2028, 12, 31, tzinfo=UTC)) is not None
    assert ended.at(datetime(2029, 1, 1, tzinfo=UTC)) is None


def test_the_paper_says_everything_that_was_agreed(tmp_path: Path) -> None:
    paper = write_paper(read_contract("standard", Path()))
    for words in (
        "| critical | production down | 24x7 | 4h |",
        "`office`: mon-fri 09:00-18:00 (Europe/Berlin)",
        "Fri 2026-12-25",
        "first response by 21:00",
        "resolution: while waiting customer or waiting authorisation",
        "authorisation within 1d of `theirs`, not for critical",
        "at breach: lead, manager, and a message to the customer is drafted",
        "an hour beyond those: 95 EUR",
        "Signature ____",
        "sha256 of the contract's file: `",
    ):
        assert words in paper
    assert "None" not in paper


def test_the_command_prints_the_paper_with_the_hash_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(SOUND, encoding="utf-8")
    result = CliRunner().invoke(contract.app, ["print", str(path), "--json"])
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    assert told["sha256"] in told["document"]
    assert "critical, handed over Friday 17:00" in told["examples"][0]


def test_pinned_holidays_stay_until_they_are_pinned_again(tmp_path: Path) -> None:
    with_feed(tmp_path, FEED)
    path = tmp_path / "acme.yaml"
    [said] = pin_contract(path)
    assert "holidays of 2025 to 2031 pinned (holidays " in said
    before, _ = with_feed(tmp_path, FEED)
    after, problems = with_feed(tmp_path, FEED.replace("20260803", "20260804"))
    assert problems == []
    assert before is not None
    assert after is not None
    kept = after.calendars["office"].timetables[0].version
    assert date(2026, 8, 3) in kept.holidays
    assert kept.digest == before.calendars["office"].timetables[0].version.digest
    [remark] = after.remarks
    assert remark.startswith("calendar `office`: holidays ")
    assert remark.endswith(": -2026-08-03")
    assert pin_contract(path) == ["calendar `office`: -2026-08-03"]
    again, _ = with_feed(tmp_path, FEED.replace("20260803", "20260804"))
    assert again is not None
    assert again.remarks == ()
    assert date(2026, 8, 3) not in again.calendars["office"].timetables[0].version.holidays


def test_a_pinned_zone_stays_whatever_newer_zone_data_says(tmp_path: Path) -> None:
    path = tmp_path / "acme.yaml"
    path.write_text(SOUND, encoding="utf-8")
    pin_contract(path)
    pins = tmp_path / "acme.pins.json"
    plain = json.loads(pins.read_text(encoding="utf-8"))
    # As if it had been pinned when Berlin kept the time of Kathmandu.
    pin = {"tzdata": "2020.1", "data": b64encode(zone_at_hand("Asia/Kathmandu").data).decode()}
    pins.write_text(json.dumps({**plain, "zones": {"Europe/Berlin": pin}}), encoding="utf-8")
    terms = read_contract(str(path), tmp_path)
    table = terms.calendars["office"].timetables[0]
    assert table.version.tzdata == "2020.1"
    assert table.is_open(datetime(2026, 1, 5, 3, 15, tzinfo=UTC))
    [remark] = terms.remarks
    assert "differs from what is pinned (2020.1) from 2025-01-01 on" in remark
    [said] = pin_contract(path)
    assert said.startswith("zone Europe/Berlin: now as zone data ")
    assert read_contract(str(path), tmp_path).remarks == ()
    pins.write_text(
        json.dumps({**plain, "zones": {"Europe/Berlin": {"tzdata": "1", "data": "eA=="}}}), encoding="utf-8"
    )
    with pytest.raises(ConfigurationError, match="these pins cannot be read"):
        read_contract(str(path), tmp_path)


def test_pins_of_other_holidays_and_of_fewer_years_are_no_hindrance(tmp_path: Path) -> None:
    with_feed(tmp_path, FEED)
    path = tmp_path / "acme.yaml"
    pin_contract(path)
    longer = path.read_text("utf-8").replace("to: 2026-12-31", "to: 2029-12-31")
    path.write_text(longer, encoding="utf-8")
    terms = read_contract(str(path), tmp_path)
    assert date(2033, 12, 26) in terms.calendars["office"].timetables[0].version.holidays
    path.write_text(longer.replace("country: DE", "country: AT"), encoding="utf-8")
    terms = read_contract(str(path), tmp_path)
    assert date(2026, 10, 26) in terms.calendars["office"].timetables[0].version.holidays
    (tmp_path / "acme.pins.json").write_text('{"calendars": {"office": 7}}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"acme.pins.json:1: these pins cannot be read \(write them anew"):
        read_contract(str(path), tmp_path)


def test_the_command_pins_what_a_path_names(tmp_path: Path) -> None:
    with_feed(tmp_path, FEED)
    result = CliRunner().invoke(contract.app, ["pin", str(tmp_path / "acme.yaml")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "acme.pins.json").is_file()
