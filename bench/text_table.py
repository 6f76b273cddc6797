"""What becomes of each kind of text in each markup: made by writing and reading it, printed into `docs/text.md`.

`python -m bench.text_table` (or `make texts`) writes the table anew; a test fails when the page lags behind the code.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench.text_samples import CONSTRUCTS, Construct
from bridge.model.document import Document, to_plain
from bridge.text.adf import read_adf, write_adf
from bridge.text.html import read_html, write_html
from bridge.text.markdown import read_markdown, write_markdown
from bridge.text.shape import tidy
from bridge.text.wiki import read_wiki, write_wiki

PAGE = Path(__file__).parent.parent / "docs" / "text.md"
BEGIN, END = "<!-- table: made by `make texts` -->", "<!-- end of table -->"


@dataclass(frozen=True)
class Markup:
    """A reader and a writer."""

    read: Callable[[Any], Document]
    write: Callable[[Document], Any]


MARKUPS: Mapping[str, Markup] = {
    "HTML": Markup(read_html, write_html),
    "ADF": Markup(read_adf, write_adf),
    "wiki": Markup(read_wiki, write_wiki),
    "Markdown": Markup(read_markdown, write_markdown),
}
PATHS = (
    *(("HTML", "ADF"), ("HTML", "wiki"), ("HTML", "Markdown")),
    *(("ADF", "HTML"), ("wiki", "HTML"), ("Markdown", "HTML")),
)
_QUIET = frozenset({"text", "doc", "paragraph"})


@dataclass(frozen=True)
class Row:
    """What became of one construct: in each markup by itself, and on each way to another markup and back."""

    construct: Construct
    cells: Mapping[str, str] = field(default_factory=dict)


def judge(wanted: Document, found: Document) -> str:
    """`yes` where the trees are equal; else what was lost and what stands in its place, or the words where they are
    others; `refused` where nothing is left."""
    if found == wanted:
        return "yes"
    if not found.children:
        return "refused"
    if _words(found) != _words(wanted):
        return f"“{to_plain(found)}”"
    before, after = _kinds(wanted), _kinds(found)
    lost = sorted((before - after).elements())
    gained = sorted((after - before).elements())
    if lost or gained:
        return f"{_listed(lost)} → {_listed(gained)}" if lost else f"yes, as {_listed(gained)}"
    missing = sorted(
        {name for node in wanted.walk() for name, _ in node.attrs} - {n for node in found.walk() for n, _ in node.attrs}
    )
    return f"without {', '.join(missing)}" if missing else "arranged anew"


def _words(document: Document) -> str:
    return "".join(to_plain(document).replace("|", " ").split())


def _kinds(document: Document) -> Counter[str]:
    return Counter(node.kind for node in document.walk() if node.kind not in _QUIET)


def _listed(kinds: list[str]) -> str:
    names = dict.fromkeys(kind.replace("_", " ") for kind in kinds)
    for outer, inner in (("table", ("row", "cell")), ("bullets", ("item",)), ("numbers", ("item",))):
        if outer in names:
            for name in inner:
                names.pop(name, None)
    return ", ".join(names) or "words"


def rows() -> Iterator[Row]:
    """Every construct, sent every way."""
    for construct in CONSTRUCTS:
        cells = {name: judge(construct.wanted, _there(construct, name)) for name in MARKUPS}
        for first, second in PATHS:
            other = MARKUPS[second]
            crossed = other.read(other.write(_there(construct, first)))
            home = MARKUPS[first].read(MARKUPS[first].write(crossed))
            cells[f"{first} → {second} → {first}"] = judge(construct.wanted, home)
        yield Row(construct, cells)


def _there(construct: Construct, name: str) -> Document:
    """The construct after one round trip in a markup: from the vendor's own spelling of it, or from ours."""
    markup = MARKUPS[name]
    source = construct.sources.get(name)
    read = tidy(construct.wanted) if source is None else markup.read(source)
    return markup.read(markup.write(read))


def render() -> str:
    """The table as Markdown."""
    found = list(rows())
    names = list(found[0].cells)
    lines = [f"| what | {' | '.join(names)} |", f"| --- {'| --- ' * len(names)}|"]
    lines.extend(f"| {row.construct.name} | {' | '.join(_cell(row.cells[name]) for name in names)} |" for row in found)
    return "\n".join(lines)


def _cell(verdict: str) -> str:
    shown = verdict.replace("|", "\\|").replace("](", "]\\(")
    return "✓" if verdict == "yes" else " ".join(shown.split())


def page_with_table(page: str) -> str:
    """The page with the table as the code makes it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n\n{render()}\n\n{END}{after}"


def main() -> None:
    """Write the table into the page."""
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
