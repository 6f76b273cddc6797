"""The marker's text and signature."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bridge.model.marker import Marker
from bridge.text.marker import read_marker, sign, verify, write_marker

KEY = b"a key of the site"
MARKER = sign(KEY, Marker("acme", "helpdesk:4711", "comment", item="99", part=2, generation=1))


def test_the_text_form_says_what_it_is() -> None:
    assert write_marker(MARKER) == (
        f"bridge:1 route=acme source=helpdesk:4711 kind=comment item=99 part=2 gen=1 mac={MARKER.mac}"
    )
    assert read_marker(write_marker(MARKER)) == MARKER


def test_the_signature_is_24_hex_digits_and_the_same_every_time() -> None:
    assert len(MARKER.mac) == 24
    assert sign(KEY, replace(MARKER, mac="")) == MARKER
    assert MARKER.mac == "6483b2c99653582de03cd507"


@pytest.mark.parametrize(
    "change",
    [
        {"route": "other"},
        {"source": "helpdesk:4712"},
        {"kind": "create"},
        {"item": "9"},
        {"part": 3},
        {"generation": 2},
        {"mac": "0" * 24},
        {"mac": ""},
    ],
)
def test_any_change_of_a_field_breaks_the_signature(change: dict[str, object]) -> None:
    assert verify(KEY, MARKER)
    assert not verify(KEY, replace(MARKER, **change))  # type: ignore[arg-type]
    assert not verify(b"another key", MARKER)


def test_words_moved_between_fields_break_the_signature() -> None:
    one = sign(KEY, Marker("ab", "c", "create"))
    assert sign(KEY, Marker("a", "bc", "create")).mac != one.mac


def test_odd_characters_are_quoted_so_that_no_place_is_harmed() -> None:
    odd = sign(KEY, Marker("a--b", 'x"><é\\\n', "update:sev", item="--> 1%"))
    written = write_marker(odd)
    assert not set(written) & set('"<>\\\n')
    assert "--" not in written
    assert read_marker(written) == odd


GOOD = write_marker(MARKER)


@pytest.mark.parametrize(
    "value",
    [
        "", "bridge:1", GOOD + " ", " " + GOOD, GOOD + "\n", GOOD.replace("bridge:1", "bridge:2"),
        GOOD.replace("part=2", "part=02"),
        GOOD.replace("part=2", "part=-2"), GOOD.replace("part=2", "part=٢"), GOOD.replace("route=acme", "route=%61cme"),
        GOOD.replace("acme", "ac me"), GOOD.replace("acme", "%FF"), GOOD.replace("acme", "%zz"), GOOD.upper(), GOOD[:-1],
        GOOD.replace("gen=1", "gen="), GOOD.replace("route", "Route"), "> " + GOOD, "x" * 10_000, GOOD + GOOD,
    ],
)  # fmt: skip
def test_anything_but_a_whole_marker_in_its_one_spelling_is_none(value: str) -> None:
    assert read_marker(value) is None
