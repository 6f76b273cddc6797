"""Reads one line of Jira's wiki markup into runs: marks, links, images, escapes. One pass, linear time.

The rules are those of Jira's "Text Formatting Notation Help": a mark opens behind a non-letter and before a
non-space, closes behind a non-space and before a non-letter, or stands in braces (`{*}`) where letters touch it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import unescape
from html.entities import html5

from bridge.model.document import Node, node, text
from bridge.text.clean import safe_url, shift
from bridge.text.runs import BREAK, Run

MARKS = {"*": "strong", "_": "emphasis", "-": "strike", "+": "underline", "??": "emphasis", "^": "", "~": ""}
"""Phrase marks; superscript and subscript give their words, in letters that stand there."""
_SHIFTS = ("^", "~")

ADDRESS = re.compile(r"https?://[A-Za-z0-9\-._/:?#@$&'()+,;=%~*]*[A-Za-z0-9/#=%]", re.IGNORECASE)
"""A bare address, as far as neither the markup nor the end of a sentence cuts it off."""

MACRO = re.compile(r"\{(?:color(?::[^{}\n]{1,40})?|anchor:[^{}\n]{1,200})\}")
"""Macros inside a line that change looks only."""

_TOKEN = re.compile(
    r"(?P<break>\\\\(?!\\))"
    r"|\\(?P<escaped>[!-/:-@\[-`{-~])"
    r"|&(?P<entity>#\d{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,30});"
    rf"|(?P<address>(?<![A-Za-z0-9]){ADDRESS.pattern})"
    rf"|(?P<macro>{MACRO.pattern})"
    r"|\{\{(?P<code>(?:\\.|[^\\{}\n]|\{(?!\{)|\}(?!\}))+)\}\}"
    r"|\{(?P<braced>[*_\-+^~]|\?\?)\}"
    r"|!(?P<image>[^\s!|{}][^!|\n{}]{0,2000})(?P<options>\|[^!\n]{0,500})?!"
    r"|\[(?P<link>(?:\\.|[^\\\[\]\n]){1,4000})\]"
    r"|(?P<mark>[*_\-+^~]|\?\?)"
    r"|(?P<newline>\n)",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Mark:
    """A possible mark at `index` among the tokens; `name` is what it is written with."""

    index: int
    name: str
    can_open: bool
    can_close: bool


def read_line(source: str) -> list[Run]:
    """The runs of a piece of wiki markup without block structure. Newlines and `\\\\` become breaks."""
    tokens: list[Run | _Mark] = []
    reached = last_end = 0
    for found in _TOKEN.finditer(source):
        if found.start() > reached:
            tokens.append(Run(text(source[reached : found.start()])))
        reached = found.end()
        name = found["mark"] or found["braced"]
        if name:
            last = tokens[-1] if tokens else None
            touches = isinstance(last, _Mark) and last.name == name and found.start() == last_end
            tokens.append(_mark(found, name, len(tokens), touches=touches))
            last_end = found.end()
        else:
            tokens.extend(_leaves(found))
    if reached < len(source):
        tokens.append(Run(text(source[reached:])))
    return list(_pair(tokens))


def _mark(found: re.Match[str], name: str, index: int, *, touches: bool) -> _Mark:
    if found["braced"]:
        return _Mark(index, name, can_open=True, can_close=True)
    before = found.string[found.start() - 1] if found.start() else " "
    after = found.string[found.end()] if found.end() < len(found.string) else " "
    touches = touches or after == name[0]
    return _Mark(
        index,
        name,
        can_open=not before.isalnum() and not after.isspace() and not touches,
        can_close=not after.isalnum() and not before.isspace() and not touches,
    )


def _leaves(found: re.Match[str]) -> Iterator[Run]:
    if found["break"] or found["newline"]:
        yield Run(BREAK)
    elif found["escaped"]:
        yield Run(text(found["escaped"]))
    elif found["entity"]:
        entity = found["entity"]
        is_known = entity[0] == "#" or f"{entity};" in html5
        yield Run(text(unescape(found.group()) if is_known else found.group()))
    elif found["address"]:
        yield Run(text(found["address"].replace("&amp;", "&")))
    elif found["code"]:
        yield Run(Node("code", unescape_plain(found["code"])))
    elif found["image"]:
        yield from _image(found)
    elif found["link"]:
        yield from _link(found["link"], found.group())


_PLAIN_ESCAPE = re.compile(r"\\([!-/:-@\[-`{-~])|&(#\d{1,7}|amp);")


def unescape_plain(source: str) -> str:
    """Words in which nothing but escapes is markup."""
    return _PLAIN_ESCAPE.sub(lambda found: found[1] or unescape(found.group()), source)


def _image(found: re.Match[str]) -> Iterator[Run]:
    target = unescape_plain(found["image"]).strip()
    options = dict(
        part.strip().partition("=")[::2] for part in re.split(r"(?<!\\),", (found["options"] or "|")[1:]) if part
    )
    alt = unescape_plain(options.get("alt", "").strip().strip('"'))
    url = safe_url(target)
    if url:
        yield Run(node("image", url=url, alt=alt, name=unescape_plain(options.get("title", "").strip().strip('"'))))
    elif re.search(r"\.[A-Za-z0-9]{1,5}$", target):
        yield Run(node("image", name=target, alt=alt))
    else:
        yield Run(text(found.group()))


def _link(inner: str, whole: str) -> Iterator[Run]:
    """`[words|address|tip]`, `[address]`, `[~name]`, `[^file]`; anything else was meant literally."""
    parts = re.split(r"(?<!\\)\|", inner)
    if len(parts) == 1 and inner.startswith("~"):
        identity = unescape_plain(inner[1:]).strip()
        yield Run(
            node("mention", text=f"@{identity.removeprefix('accountid:')}", id=identity.removeprefix("accountid:"))
        )
        return
    if len(parts) == 1 and inner.startswith("^"):
        yield Run(text(unescape_plain(inner[1:])))
        return
    url = safe_url((parts[0] if len(parts) == 1 else parts[1]).replace("&amp;", "&"))
    if len(parts) > 3 or (len(parts) == 1 and not url):
        yield Run(text("["))
        yield from read_line(inner)
        yield Run(text("]"))
        return
    title = unescape_plain(parts[2]) if len(parts) == 3 else ""
    if len(parts) == 1:
        yield Run(text(parts[0]), url=url, title=title)
        return
    for run in read_line(parts[0]):
        yield run._replace(url=url, title=title) if url else run


def _shifted(run: Run, active: Sequence[str]) -> Run:
    name = next((name for name in reversed(active) if name in _SHIFTS), "")
    return run.with_leaf(text(shift(run.leaf.text, up=name == "^"))) if name and run.leaf.kind == "text" else run


def _pair(tokens: list[Run | _Mark]) -> Iterator[Run]:
    """Match marks on one line and put them on the runs between; what finds no partner is literal."""
    begins: dict[int, str] = {}
    ends: set[int] = set()
    stack: list[_Mark] = []
    open_count: dict[str, int] = {}
    for token in tokens:
        if isinstance(token, Run):
            if token.leaf.kind == "break":
                stack.clear()
                open_count.clear()
            continue
        if token.can_close and open_count.get(token.name):
            while True:
                opener = stack.pop()
                open_count[opener.name] -= 1
                if opener.name == token.name:
                    break
            begins[opener.index] = token.name
            ends.add(token.index)
        elif token.can_open:
            stack.append(token)
            open_count[token.name] = open_count.get(token.name, 0) + 1
    active: list[str] = []
    for index, token in enumerate(tokens):
        if isinstance(token, Run):
            yield _shifted(token, active)._replace(marks=token.marks | {MARKS[name] for name in active if MARKS[name]})
        elif index in begins:
            active.append(begins[index])
        elif index in ends:
            active.pop()
        else:
            yield Run(text(token.name), frozenset(MARKS[name] for name in active if MARKS[name]))
