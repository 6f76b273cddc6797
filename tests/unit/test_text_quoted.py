"""Taking mail history and signatures off."""

from __future__ import annotations

import pytest

from bridge.model.document import from_plain, to_plain
from bridge.text.html import read_html
from bridge.text.quoted import fold_quoted


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, 2 Mar 2026 at 10:00, Ada Example <ada@a.example> wrote:",
        "On Mon, 2 Mar 2026 at 10:00, Ada Example\n<ada@a.example> wrote:",
        "Am 02.03.2026 um 10:00 schrieb Ada Example:",
        "Le 2 mars 2026 à 10:00, Ada Example a écrit :",
        "El lun, 2 mar 2026 a las 10:00, Ada Example escribió:",
        "2026-03-02 10:00 GMT+01:00 Ada Example <ada@a.example>:",
    ],
)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_attribution_with_a_quote_to_the_end_is_taken_off(header: str, gap: str) -> None:
    assert to_plain(fold_quoted(from_plain(f"Yes, thanks.\n\n{header}{gap}> old\n>\n> older"))) == "Yes, thanks."


def test_a_quote_of_a_mail_program_in_html_is_taken_off() -> None:
    source = "<div>Yes.</div><div>On 2 Mar 2026, Ada wrote:<br></div><blockquote><p>old</p></blockquote>"
    assert to_plain(fold_quoted(read_html(source))) == "Yes."


@pytest.mark.parametrize(
    "header",
    [
        "From: Ada\nSent: Monday, 2 March 2026\nTo: Help\nSubject: RE: printer",
        "-----Original Message-----\nFrom: Ada\nDate: 2 March 2026\nTo: Help\nCc: Bob\nSubject: x",
        "________________________________\n\nVon: Ada\nGesendet: Montag, 2. März 2026\nAn: Help\nBetreff: x",
        "De : Ada\nEnvoyé : lundi 2 mars 2026\nÀ : Help\nObjet : x",
    ],
)
def test_a_block_of_mail_headers_is_taken_off_with_all_behind_it(header: str) -> None:
    assert to_plain(fold_quoted(from_plain(f"Works now.\n\n{header}\n\nold text\n\nmore old text"))) == "Works now."


def test_a_short_signature_is_taken_off() -> None:
    assert to_plain(fold_quoted(from_plain("Hello\n\n-- \nAda Example\nExample Ltd."))) == "Hello"


def test_a_signature_above_the_history_goes_with_it() -> None:
    source = "Hello\n\n--\nAda\n\nOn 2 Mar 2026 Bob wrote:\n> old"
    assert to_plain(fold_quoted(from_plain(source))) == "Hello"


@pytest.mark.parametrize(
    "source",
    [
        "On 2 Mar 2026 Bob wrote:\n> question\n\nMy answer below it.",
        "On 2 Mar 2026 Bob wrote:\n> everything is history",
        "He wrote:\n> a quote without a date is kept",
        "On 2 Mar 2026 Bob wrote: that it fails.",
        "On 2 Mar 2026 Bob wrote:\n\nbut nothing is quoted here",
        "From: here on it fails\n\nTo: the end",
        "From: a\nTo: b\nis how the range reads",
        "The flag --\nverbose is ignored",
        "-- \n" + "a long text " * 100,
        "> only a quote",
        "",
    ],
)
def test_in_doubt_everything_stays(source: str) -> None:
    document = from_plain(source)
    assert to_plain(fold_quoted(document)).split() == to_plain(document).split()


def test_a_mail_of_one_endless_line_is_read_in_bounded_time() -> None:
    for unit in ("On 1 ", "-", "_ ", "<a@b> ", "From: "):
        document = from_plain(unit * 20_000)
        assert to_plain(fold_quoted(document)) == to_plain(document).strip()
