"""How files read in a text: pictures where they stood, the others by name, and those left behind with the reason."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence

from bridge.engine.texts.files import Carried
from bridge.model.document import Document, Node, doc, node, paragraph, text, to_plain
from bridge.model.files import safe_name, shown_size, stored_name
from bridge.model.ticket import Attachment

FOUND = "Files: "
ABOVE = "Files sent before: "
LEFT = "Files left behind: "


def belonging(files: Iterable[Attachment], body: Document) -> tuple[Attachment, ...]:
    """The files that belong to a text: those beside it, and of the pictures those it still shows (a folded signature
    takes its logo along)."""
    shown = {one.attr("url") for one in body.walk() if one.kind == "image"}
    return tuple(file for file in files if not file.inline or file.url in shown)


def parted(files: Sequence[Attachment], parts: Sequence[Document]) -> list[tuple[Attachment, ...]]:
    """The files of each part of a long text: a picture goes with the part that shows it, all else with the first."""
    taken: list[list[Attachment]] = [[] for _ in parts]
    for file in files:
        shows = (place for place, part in enumerate(parts) if any(_shows(one, file) for one in part.walk()))
        taken[next(shows, 0)].append(file)
    return [tuple(mine) for mine in taken]


def _shows(one: Node, file: Attachment) -> bool:
    return one.kind == "image" and bool(one.attr("url")) and one.attr("url") == file.url


def by_name(body: Document, files: Iterable[Attachment], *, site: str) -> Document:
    """A text whose pictures are among `files` of a site, shown by the names they are stored under on the other side."""
    named = {file.url: (stored_name(site, file), safe_name(file.name)) for file in files if file.url}

    def swap(one: Node) -> Node | None:
        stored, name = named.get(one.attr("url"), ("", ""))
        return node("image", name=stored, alt=name) if stored else None

    return _with_images(body, swap)


def without_files(body: Document, files: Iterable[Attachment]) -> Document:
    """A text whose files do not go with it: where one stood is said that there is one, and not even its name, for it may
    be somebody else's."""
    urls = {file.url for file in files if file.url}
    return _with_images(body, lambda one: text("[a file]") if one.attr("url") in urls else None)


def with_files(body: Document, carried: Sequence[Carried], *, may_open: bool) -> Document:
    """A text as it goes out: every picture as the copy is found there, or as its name, and the lines that name the other
    files. With `may_open` its readers may open what stays behind, so it is a link."""

    def swap(one: Node) -> Node | None:
        found = next((each for each in carried if _shows(one, each.file)), None)
        if found is None:
            return None
        if found.copy is not None and found.file.inline:
            return node("image", url=found.copy.url, name=found.copy.name)
        if found.copy is not None:
            name = text(found.copy.name)
            return node("link", name, url=found.copy.url) if found.copy.url and not found.copy.token else name
        return text(f"[{_name(found)}]")

    shown = _with_images(body, swap)
    is_inside = {id(each) for each in carried if any(_shows(one, each.file) for one in body.walk())}
    beside = [each for each in carried if id(each) not in is_inside]
    lines = [*_copies(FOUND, [each for each in beside if each.copy and each.is_new and not each.copy.token])]
    lines += _copies(ABOVE, [each for each in beside if each.copy and not each.is_new and not each.copy.token])
    lines += _left(carried, may_open=may_open)
    return doc(*shown.children, *lines)


def with_lines_of(copy: Document, body: Document) -> Document:
    """A later text of a copy that stands: the lines at its end that tell of its files stay, for the files do too."""
    lines: list[Node] = []
    for block in reversed(copy.children):
        if not _tells_of_files(block):
            break
        lines.insert(0, block)
    return doc(*body.children, *lines)


def _tells_of_files(block: Node) -> bool:
    first = block.children[0] if block.kind == "paragraph" and block.children else None
    labels = tuple(label.strip() for label in (FOUND, ABOVE, LEFT))
    return first is not None and first.kind == "emphasis" and to_plain(doc(paragraph(first))).startswith(labels)


def _copies(label: str, found: Sequence[Carried]) -> list[Node]:
    if not found:
        return []
    names: list[Node] = []
    for each in found:
        assert each.copy is not None
        name = text(each.copy.name)
        names += [text(", "), node("link", name, url=each.copy.url) if each.copy.url else name]
    return [paragraph(node("emphasis", text(label)), *names[1:])]


def _left(carried: Sequence[Carried], *, may_open: bool) -> list[Node]:
    """One line for each reason."""
    reasons: dict[str, list[Carried]] = defaultdict(list)
    for each in carried:
        if each.copy is None:
            reasons[each.why].append(each)
    lines = []
    for why, left in reasons.items():
        names: list[Node] = []
        for each in left:
            name, file = text(_name(each)), each.file
            size = f" ({shown_size(file.size)})" if file.size else ""
            opens = may_open and file.url and not each.is_secret
            names += [text(", "), node("link", name, url=file.url) if opens else name, text(size)]
        lines.append(paragraph(node("emphasis", text(LEFT)), *names[1:], node("emphasis", text(f" – {why}."))))
    return lines


def _name(left: Carried) -> str:
    return "a file" if left.is_secret else safe_name(left.file.name)


def _with_images(body: Node, swap: Callable[[Node], Node | None]) -> Node:
    """The tree with some images exchanged."""
    if body.kind == "image":
        return swap(body) or body
    if not body.children:
        return body
    return Node(body.kind, body.text, body.attrs, tuple(_with_images(child, swap) for child in body.children))
