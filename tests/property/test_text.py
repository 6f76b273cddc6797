"""Laws of the text room: every format, any document, any source."""

from __future__ import annotations

import json
import os
import re
import string
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge.model.document import Document, Node, to_plain
from bridge.model.marker import Marker
from bridge.testing.documents import documents, sources
from bridge.testing.soups import adf_trees, html_soups, markdown_soups, wiki_soups
from bridge.text.adf import read_adf, write_adf
from bridge.text.html import read_html, write_html
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.marker import read_marker, sign, verify, write_marker
from bridge.text.quoted import fold_quoted
from bridge.text.shape import tidy
from bridge.text.split import split
from bridge.text.wiki import read_wiki, write_wiki


@dataclass(frozen=True)
class Format:
    """A reader and a writer of one markup, both on strings."""

    read: Callable[[Any], Document]
    write: Callable[[Document], Any]


FORMATS = {
    "html": Format(read_html, write_html),
    "adf": Format(read_adf, write_adf),
    "wiki": Format(read_wiki, write_wiki),
    "markdown": Format(read_markdown, write_markdown),
}
TIMES = int(os.environ.get("BRIDGE_EXAMPLES", "1"))
"""How many times the usual number of examples: the suite is quick, a hunt by hand is thorough."""
few = settings(max_examples=50 * TIMES, deadline=None, database=None)
many = settings(max_examples=100 * TIMES, deadline=None, database=None)


def words_of(document: Document) -> str:
    """The words without white space, the bars between cells, and the joiner that keeps names from being called. A
    nameless image is called by its address."""
    return re.sub(r"[\s\u2060|]+", "", to_plain(_named(document)))


def _named(current: Node) -> Node:
    if current.kind == "image" and not current.attr("alt") and not current.attr("name"):
        return Node("text", current.attr("url"))
    return replace(current, children=tuple(map(_named, current.children)))


@few
@given(document=documents())
def test_what_was_written_reads_back_with_the_same_words_in_every_format(document: Document) -> None:
    whole = tidy(document)
    for name, form in FORMATS.items():
        assert words_of(form.read(form.write(whole))) == words_of(whole), name


@few
@given(document=documents())
def test_writing_what_was_read_back_changes_nothing_in_any_format(document: Document) -> None:
    for name, form in FORMATS.items():
        written = form.write(document)
        assert form.write(form.read(written)) == written, name


@many
@given(source=sources())
def test_any_source_settles_after_one_pass_in_every_format(source: str) -> None:
    for name, form in FORMATS.items():
        if name != "adf":
            once = form.write(form.read(source))
            assert form.write(form.read(once)) == once, name


SOUPS: dict[str, st.SearchStrategy[Any]] = {
    "html": html_soups(),
    "adf": adf_trees(),
    "wiki": wiki_soups(),
    "markdown": markdown_soups(),
}


@pytest.mark.parametrize("name", FORMATS)
@many
@given(data=st.data())
def test_what_a_vendor_sends_is_read_into_the_normal_form_and_settles(name: str, data: st.DataObject) -> None:
    source = data.draw(SOUPS[name])
    form = FORMATS[name]
    read = form.read(source)
    assert tidy(read) == read
    once = form.write(read)
    back = form.read(once)
    assert form.write(back) == once
    assert words_of(back) == words_of(read)


@pytest.mark.parametrize("name", FORMATS)
@few
@given(data=st.data())
def test_what_a_vendor_sends_settles_in_every_other_format(name: str, data: st.DataObject) -> None:
    read = FORMATS[name].read(data.draw(SOUPS[name]))
    for other, form in FORMATS.items():
        there = form.read(form.write(read))
        assert form.write(form.read(form.write(there))) == form.write(there), other
        assert words_of(there) == words_of(read), other
        # And back: an echo of our own copy must not look like an edit.
        home = FORMATS[name].write(there)
        assert FORMATS[name].write(FORMATS[name].read(home)) == home, other


@few
@given(document=documents())
def test_tidying_a_tidy_tree_changes_nothing_and_loses_no_word(document: Document) -> None:
    whole = tidy(document)
    assert tidy(whole) == whole


@few
@given(document=documents())
def test_html_holds_no_tag_but_our_own(document: Document) -> None:
    tags = "p|h[1-6]|pre|code|hr|table|tbody|tr|td|th|ol|ul|li|blockquote|br|a|img|strong|em|del|u"
    ours = rf"</?(?:{tags})(?: [a-z]+=\"[^\"<>]*\")*>"
    left = re.sub(ours, "", write_html(document))
    assert "<" not in left
    assert ">" not in left


@few
@given(document=documents())
def test_markdown_calls_nobody_and_links_no_issue(document: Document) -> None:
    written = write_markdown(document)
    prose = re.sub(r"(?ms)^[> \d.)-]*(`{3,})[^`\n]*\n.*?^[> ]*\1$", "", written)
    prose = re.sub(r"(?<!\\)(?<!`)(`+)(?!`).*?(?<!`)\1(?!`)", "", prose)
    prose = re.sub(r"\]\(<?[^\s)]*", "", re.sub(r"<(?:https?|mailto):[^>]*>", "", prose))
    assert not re.search(r"(?<![A-Za-z0-9_])@[A-Za-z0-9]", prose)
    assert not re.search(r"(?<!&)#\d", prose)
    assert not re.search(r"(?i)\bGH-\d", prose)
    assert not re.search(r"(?<!\\)<(?!br>|https?:|/)", re.sub(r"\]\(<", "", prose))


@few
@given(
    document=documents(),
    limit=st.integers(min_value=120, max_value=400),
    name=st.sampled_from(["html", "wiki", "markdown"]),
)
def test_splitting_keeps_the_limit_and_every_word(document: Document, limit: int, name: str) -> None:
    write = FORMATS[name].write
    parts = split(document, measure=lambda part: len(write(part)), limit=limit)
    assert all(len(write(part)) <= limit for part in parts)
    labels = [f"({number}/{len(parts)})" for number in range(1, len(parts) + 1)] if len(parts) > 1 else [""]
    words = [words_of(part) for part in parts]
    assert all(found.startswith(label) for found, label in zip(words, labels, strict=True))
    joined = "".join(found[len(label) :] for found, label in zip(words, labels, strict=True))
    assert joined == words_of(tidy(document))


@few
@given(document=documents())
def test_folding_only_takes_from_the_end_and_never_everything(document: Document) -> None:
    whole = words_of(tidy(document))
    folded = words_of(fold_quoted(document))
    assert whole.startswith(folded)
    assert bool(folded) == bool(whole)


names = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
markers = st.builds(
    Marker,
    route=names,
    source=names,
    kind=names,
    item=names,
    part=st.integers(1, 9999),
    generation=st.integers(0, 9999),
)


@many
@given(marker=markers, key=st.binary(min_size=1, max_size=40))
def test_a_marker_survives_its_text_and_every_place_it_stands_in(marker: Marker, key: bytes) -> None:
    signed = sign(key, marker)
    line = write_marker(signed)
    assert read_marker(line) == signed
    assert verify(key, signed)
    assert line.isascii()
    assert line.isprintable()
    assert "--" not in line
    assert ">" not in line
    assert json.dumps(line) == f'"{line}"'


@many
@given(marker=markers, key=st.binary(min_size=1, max_size=40), data=st.data())
def test_a_marker_changed_in_one_place_is_refused(marker: Marker, key: bytes, data: st.DataObject) -> None:
    line = write_marker(sign(key, marker))
    place = data.draw(st.integers(0, len(line) - 1))
    letter = data.draw(st.sampled_from(string.ascii_letters + string.digits + " =%-.:"))
    forged = line[:place] + letter + line[place + 1 :]
    found = read_marker(forged)
    assert forged == line or found is None or not verify(key, found)
    moved = replace(sign(key, marker), route=marker.route[:-1], source=marker.route[-1:] + marker.source)
    assert moved == sign(key, marker) or not verify(key, moved)


@many
@given(value=st.one_of(st.text(), st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape"))))
def test_reading_a_marker_from_anything_never_raises(value: str) -> None:
    found = read_marker(value)
    assert found is None or write_marker(found) == value
