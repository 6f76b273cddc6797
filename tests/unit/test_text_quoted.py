"""Taking mail history and signatures off."""

from __future__ import annotations

import pytest

from bridge.model.document import from_plain, to_plain
from bridge.text.html import read_html
from bridge.text.quoted import fold_quoted, own_words


@pytest.mark.parametrize(
    "header",
    [
        "On Mon, 2 Mar 2026 at 10:00, Ada Example <ada@a.example> wrote:",
        "On Mon, 2 Mar 2026 at 10:00, Ada Example\n<ada@a.example> wrote:",
        "Am 02.03.2026 um 10:00 schrieb Ada Example:",
        "Le 2 mars 2026 à 10:00, Ada Example a écrit :",
        "El lun, 2 mar 2026 a las 10:00, Ada Example escribió:",
        "2026-03-02 10:00 GMT+01:00 Ada Example <ada@a.example>:",
        "2026年3月2日(月) 10:00 Ada Example <ada@a.example>：",
        "Em seg., 2 de mar. de 2026 às 10:00, Ada Example escreveu:",
        "W dniu 2.03.2026 o 10:00, Ada Example napisał(a):",
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
        "It works now.\n\nSent from the wrong account, sorry",
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


@pytest.mark.parametrize(
    "source",
    [
        # Gmail
        '<div dir="ltr">Yes.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">On Mon, 2 Mar 2026 at '
        '10:00, Ada &lt;<a href="mailto:ada@a.example">ada@a.example</a>&gt; wrote:<br></div><blockquote '
        'class="gmail_quote" style="margin:0"><div>old<blockquote>older</blockquote></div></blockquote></div>',
        # Outlook
        '<div><p>Yes.</p></div><hr><div id="divRplyFwdMsg"><font><b>Von:</b> Ada &lt;ada@a.example&gt;<br><b>Gesendet:</b>'
        " Montag, 2. März 2026 10:00<br><b>An:</b> Help<br><b>Betreff:</b> Drucker</font></div><div><p>old</p></div>",
        # Apple Mail: who is quoted stands in the quote
        'Yes.<div><br><blockquote type="cite"><div>On 2. Mar 2026, at 10:00, Ada Example &lt;ada@a.example&gt; wrote:'
        "</div><br><div>old</div></blockquote></div>",
        # Thunderbird
        '<p>Yes.</p><div class="moz-cite-prefix">Am 02.03.26 um 10:00 schrieb Ada Example:<br></div>'
        '<blockquote type="cite" cite="mid:1@a.example"><pre>old</pre></blockquote>',
        # a helpdesk that asks to type above a line
        "<p>Yes.</p><p>##- Please type your reply above this line -##</p><p>old</p>",
        # a telephone, above what it quotes
        "<div>Yes.</div><div>Sent from my iPhone</div><div>On 2 Mar 2026, Ada wrote:</div><blockquote>old</blockquote>",
        "<p>Yes.</p><p>Von meinem iPhone gesendet</p>",
        '<p>Yes.</p><p>Get <a href="https://o.example">Outlook for iOS</a></p>',
    ],
)
def test_what_mail_programs_put_under_a_reply_is_taken_off(source: str) -> None:
    assert to_plain(fold_quoted(read_html(source))) == "Yes."


@pytest.mark.parametrize(
    "source",
    [
        "See below.\n\n---------- Forwarded message ---------\nFrom: Ada\nDate: 2 March\nSubject: x\nTo: Help\n\nIt burns.",
        "Bitte lesen.\n\nAnfang der weitergeleiteten Nachricht:\n\nVon: Ada\nDatum: 2. März\nAn: Help\nBetreff: x\n\nEs.",
    ],
)
def test_what_is_forwarded_is_kept(source: str) -> None:
    assert to_plain(fold_quoted(from_plain(source))).split() == source.split()


@pytest.mark.parametrize(
    ("source", "own"),
    [
        ("On 2 Mar 2026 Bob wrote:\n> approved", ""),
        ("-- \napproved", ""),
        ("> approved?\n\nNo.\n\n> really?\nNo!", "No.\n\nNo!"),
        ("> approved?\nNo.", "No."),
        ("Yes.\n\nFrom: a\nSent: b\nTo: c\n\napproved", "Yes."),
        ("Yes.", "Yes."),
    ],
)
def test_the_writers_own_words_hold_nothing_quoted(source: str, own: str) -> None:
    assert to_plain(own_words(from_plain(source))) == own


def test_quotes_in_html_are_not_the_writers_own_words() -> None:
    assert to_plain(own_words(read_html("<blockquote>approved</blockquote><p>No.</p>"))) == "No."
