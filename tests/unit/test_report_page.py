"""The page of a month's report, and its charts: numbers drawn as they are, and texts that stay texts."""

from __future__ import annotations

import re
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from html import unescape

import pytest
from tests.cases import BERLIN, STANDARD, Story, act, hours, local, opened, reply, waits

from bridge.cli.report.drawing import LEAST, Bar, Piece, draw_bars, widths
from bridge.cli.report.page import share_words, write_page
from bridge.cli.report.plain import brief, write_csv
from bridge.engine.clocks.report import Chapter, Line, Month, calendar_names
from bridge.errors import ConfigurationError
from bridge.model.words import Party
from bridge.sla.facts import CaseEvent
from bridge.sla.figures import figures, outcomes

MARCH = Month(2026, 3)


def begun(at: str, severity: str = "major") -> Story:
    return Story().tell(at, *opened(severity))


def cases() -> dict[str, Story]:
    """A month with everything in it."""
    resolved = act(CaseEvent.RESOLVED)
    kept = {
        f"Question {day}": begun(f"03-{day:02} 09:00", severity).tell(f"03-{day:02} 11:00", reply(), resolved)
        for day in range(2, 26)
        for severity in [("critical", "major", "minor")[day % 3]]
    }
    return kept | {
        "Checkout <b>fails</b> & \"quotes\" 'both'": begun("03-05 09:00", "critical").tell("03-05 16:30", reply()),
        "Search is slow": begun("03-09 09:00").tell("03-12 12:00", reply()).tell("03-13 12:00", resolved),
        "Never answered": begun("03-16 09:00"),
        "Waits": begun("03-17 09:00").tell("03-17 10:00", reply(), waits()),
        "Withdrawn": begun("03-18 09:00", "minor").tell("03-18 10:00", act(CaseEvent.RESOLVED, Party.CUSTOMER)),
        "Just came": begun("03-31 16:30", "minor"),
    }


def chapter(titles: dict[str, Story], *, settled: str = "03-31", **more: object) -> Chapter:
    as_of = MARCH.bounds(BERLIN)[1]
    lines = [
        Line(f"#{number}", title, one, taken_back=title == "Waits")
        for number, (title, story) in enumerate(titles.items(), start=101)
        for one in outcomes([(title, story.folded("04-01 00:00"))], as_of=as_of, settled_at=local(settled), zone=BERLIN)
    ]
    values: dict[str, object] = {
        "route": "acme",
        "customer": "ACME & Sons",
        "zone": BERLIN,
        "from_at": MARCH.bounds(BERLIN)[0],
        "as_of": as_of,
        "figures": tuple(figures((line.outcome for line in lines), month=str(MARCH))),
        "lines": tuple(lines),
        "unpromised": (("#99", "</td><script>alert(1)</script>"),),
        "calendars": calendar_names(STANDARD),
    }
    return Chapter(**(values | more))  # type: ignore[arg-type]


def page(*, settled: str = "03-31", **more: object) -> str:
    return write_page([chapter(cases(), settled=settled, **more)], MARCH, local("04-02 08:00"))


@pytest.mark.parametrize(
    ("counts", "full", "found"),
    [
        ((1, 1), 100, [50, 50]),
        ((2, 1, 0), 99, [66, 33, 0]),
        ((0, 0), 100, [0, 0]),
        ((), 100, []),
        ((1, 1, 1), 100, [34, 33, 33]),
        ((1000, 1, 1), 440, [434, 3, 3]),
        ((0, 7), 440, [0, 440]),
    ],
)
def test_the_pieces_of_a_bar_fill_it_in_proportion(counts: tuple[int, ...], full: int, found: list[int]) -> None:
    assert widths(counts, full) == found


def test_whatever_is_there_can_be_seen_and_a_bar_is_never_overfull() -> None:
    for counts in [(1, 99_999), (5, 3, 100_000), (1, 1, 1, 10_000), (123, 456, 789)]:
        found = widths(counts, 440)
        assert sum(found) == 440
        assert min(found) >= LEAST


def test_a_chart_is_drawn_with_its_numbers_and_escapes_what_it_is_told() -> None:
    drawn = draw_bars(
        [Bar('<i>"x"', "3 & 4", (Piece("met", "kept", 3), Piece("broken", "<b>", 1)))], title='"><script>'
    )
    assert "<script" not in drawn
    assert "<i>" not in drawn
    assert "&lt;i&gt;&#34;x&#34;" in drawn
    assert re.findall(r'<rect class="(\w+)" x="(\d+)" y="\d+" width="(\d+)"', drawn) == [
        ("met", "250", "330"),
        ("broken", "580", "110"),
    ]
    assert re.findall(r'class="number on-\w+"[^>]*>(\d+)<', drawn) == ["3", "1"]
    assert draw_bars([], title="nothing") == ""


def test_a_number_that_does_not_fit_is_told_by_the_piece_alone() -> None:
    drawn = draw_bars([Bar("x", "", (Piece("met", "kept", 1), Piece("broken", "broken", 999)))], title="x")
    assert re.findall(r'class="number[^>]*>(\d+)<', drawn) == ["999"]
    assert "<title>1 kept</title>" in drawn


def test_the_page_shows_every_row_and_what_judged_it_and_texts_of_tickets_as_texts() -> None:
    text = page()
    assert "<b>" not in text
    assert "<script" not in text
    assert "<h2>ACME &amp; Sons</h2>" in text
    assert "Checkout <b>fails</b> & \"quotes\" 'both'" in unescape(text)
    for one in chapter(cases()).figures:
        for judge in one.judged_by:
            assert judge.calendar in text
            assert judge.tzdata in text
    assert ", uncertain" not in text
    assert "1 breach was told in this time and taken back" not in text
    assert "breaches were told in this time and taken back by later facts" in text
    assert "waiting customer" in text
    assert "From Sun 01 Mar 2026, 00:00 until Wed 01 Apr 2026, 00:00" in text


def test_what_a_site_that_was_not_read_could_still_undo_is_marked() -> None:
    text = page(settled="03-17 12:00")
    assert text.count("open, uncertain") == 2
    assert "2 of the broken promises are not certain yet: a site was not read up to that moment." in text


def test_the_page_permits_its_own_style_and_nothing_else() -> None:
    text = page()
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    [policy] = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', text)
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert unescape(policy) == (f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'")
    assert "//" not in text
    assert "@media print" in style


def test_a_month_without_promises_says_so() -> None:
    text = page(figures=(), lines=(), unpromised=())
    assert "Nothing was promised in this time." in text
    assert "<svg" not in text


def test_nothing_in_a_spreadsheet_is_worked_out() -> None:
    table = write_csv([chapter(cases(), customer="=1+1", route="@x")], MARCH)
    assert "2026-03,'@x,'=1+1," in table
    assert "\n=" not in table


@pytest.mark.parametrize(
    ("share", "words"), [(1, "100 %"), (0, "0 %"), (2 / 3, "66.7 %"), (0.9996, "> 99.9 %"), (0.0001, "< 0.1 %")]
)
def test_a_share_is_never_rounded_to_all_or_nothing(share: float, words: str) -> None:
    assert share_words(share) == words


@pytest.mark.parametrize(
    ("amount", "words"), [(hours(99.5), "99 h 30 min"), (hours(100.99), "100 h"), (hours(-0.5), "-30 min")]
)
def test_minutes_are_left_out_of_long_lengths(amount: timedelta, words: str) -> None:
    assert brief(amount) == words


@pytest.mark.parametrize("text", ["2026-13", "2026-3", "26-03", "0000-01", "2026-03-01", "", "2026-03\n", "２026-03"])
def test_what_is_no_month_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is not a month"):
        Month.parse(text)


def test_a_month_ends_at_the_midnight_of_its_zone_also_when_clocks_change_and_at_the_end_of_a_year() -> None:
    assert [f"{at:%m-%d %H:%M}" for at in Month.parse("2026-03").bounds(BERLIN)] == ["02-28 23:00", "03-31 22:00"]
    assert [f"{at:%Y-%m}" for at in Month(2026, 12).bounds(BERLIN)] == ["2026-11", "2026-12"]
