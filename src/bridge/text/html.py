"""HTML as helpdesks show it: read through a sanitiser, written with the few tags they keep."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape, unescape

import nh3
from bs4 import BeautifulSoup
from bs4.element import Comment, NavigableString, PageElement, Tag

from bridge.model.document import Document, Node, doc, from_plain, node, text
from bridge.text.clean import JOINER, MAX_DEPTH, MOST_LETTERS, clean, fold_spaces, safe_language, shift
from bridge.text.runs import BREAK, Run, with_words
from bridge.text.shape import paragraphs, start_of, tidy

_MARKS = {
    **dict.fromkeys(("b", "strong"), "strong"),
    **dict.fromkeys(("i", "em", "cite", "dfn", "var"), "emphasis"),
    **dict.fromkeys(("s", "strike", "del"), "strike"),
    **dict.fromkeys(("u", "ins"), "underline"),
}
_SHIFTED = frozenset({"sup", "sub"})
_CODE = frozenset({"code", "kbd", "samp", "tt"})
_HEADINGS = {f"h{level}": str(level) for level in range(1, 7)}
_INLINE = frozenset(
    {*_MARKS, *_CODE, "a", "abbr", "br", "img", "q", "small", "span", "sub", "sup", "mark", "bdi", "bdo"}
)
_BLOCKS = frozenset(
    {*_HEADINGS, "p", "div", "pre", "blockquote", "ul", "ol", "li", "hr", "center"}
    | {"table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "dl", "dt", "dd", "details", "summary"}
    | {"article", "aside", "figure", "figcaption", "footer", "header", "main", "nav", "section"}
)
_ATTRIBUTES = {
    "a": {"href", "title"},
    "img": {"src", "alt", "title"},
    "ol": {"start"},
    "pre": {"class", "lang"},
    "code": {"class"},
    "td": {"align", "style"},
    "th": {"align", "style"},
}
_DROPPED = {"script", "style", "title", "template", "noscript", "object", "iframe", "svg", "math", "textarea", "select"}
_SCHEMES = {"http", "https", "mailto"}
_PLACEHOLDER = re.compile(r"\{(?=[{%])")
_JOINED = re.compile(rf"\{{{JOINER}(?=[{{%])")
"""A helpdesk puts a customer's data, or nothing, where a text holds `{{ticket.…}}` or `{% … %}`."""
_TAG = re.compile(r"<[^<>]*>")
_OPEN_OR_SHUT = re.compile(r"<(/?)(?!(?:br|img|hr|p|li|td|th|tr|dt|dd|input|meta|link|col)\b)[a-z]", re.IGNORECASE)
_DEEPEST = 1_000
_NOT_A_NAME = "<!---->"
"""Put before words, which the parser would else take for the name of a page or a file, and complain."""
_LANGUAGE_PREFIXES = ("language-", "lang-", "highlight-source-", "brush:")


def read_html(value: str) -> Document:
    """Read a fragment of HTML from anybody. Scripts and styles vanish with what is in them; unknown tags leave their
    words; addresses other than http, https and mailto are taken off. What is absurdly long or deep gives its words."""
    if len(value) > MOST_LETTERS or _is_absurdly_deep(value):
        return tidy(from_plain(unescape(_TAG.sub("\n", clean(value)))))
    safe = nh3.clean(
        _JOINED.sub("{", clean(value)),
        tags=set(_INLINE | _BLOCKS),
        clean_content_tags=_DROPPED,
        attributes=_ATTRIBUTES,
        url_schemes=_SCHEMES,
        link_rel=None,
        filter_style_properties={"text-align"},
    )
    return tidy(doc(*_read_blocks(BeautifulSoup(_NOT_A_NAME + safe, "html.parser").contents, 0)))


def _is_absurdly_deep(value: str) -> bool:
    """Whether so many elements stand open at once that a parser, which looks through all of them, would be slow."""
    depth = 0
    for found in _OPEN_OR_SHUT.finditer(value):
        depth = max(0, depth - 1) if found[1] else depth + 1
        if depth > _DEEPEST:
            return True
    return False


def _read_blocks(elements: Iterable[PageElement], depth: int) -> list[Node]:
    """Block children as blocks; what is inline between them becomes paragraphs."""
    blocks: list[Node] = []
    loose: list[Run] = []
    for element in elements:
        for part in _parts(element):
            if isinstance(part, Run):
                loose.append(part)
                continue
            blocks.extend(paragraphs(loose))
            loose = []
            blocks.extend(_read_block(part, depth))
    blocks.extend(paragraphs(loose))
    return blocks


def _parts(element: PageElement) -> Iterator[Run | Tag]:
    """An inline element as runs, with the blocks found inside it in their places. Walks without recursion."""
    stack: list[tuple[PageElement, Run]] = [(element, Run(BREAK))]
    while stack:
        current, state = stack.pop()
        if isinstance(current, NavigableString):
            if not isinstance(current, Comment):
                yield _read_text(fold_spaces(str(current)), state)
        elif isinstance(current, Tag):
            name = current.name
            if name == "br":
                yield Run(BREAK)
            elif name == "img":
                yield _unshifted(state).with_leaf(_read_image(current))
            elif name in _CODE:
                yield _unshifted(state).with_leaf(Node("code", current.get_text()))
                for image in current.find_all("img"):
                    yield _unshifted(state).with_leaf(_read_image(image))
            elif name in _BLOCKS:
                yield current
            else:
                inside = _inside(name, current, state)
                stack.extend((child, inside) for child in reversed(current.contents))


def _unshifted(state: Run) -> Run:
    return state._replace(marks=state.marks - _SHIFTED)


def _read_text(words: str, state: Run) -> Run:
    shifted = state.marks & _SHIFTED
    if not shifted:
        return state.with_leaf(text(words))
    return _unshifted(state).with_leaf(text(shift(words, up="sup" in shifted)))


def _inside(name: str, tag: Tag, state: Run) -> Run:
    if name in _MARKS:
        return state._replace(marks=state.marks | {_MARKS[name]})
    if name in _SHIFTED:
        return state._replace(marks=state.marks - _SHIFTED | {name})
    if name == "a":
        return state._replace(url=_attribute(tag, "href"), title=fold_spaces(_attribute(tag, "title")))
    return state


def _attribute(tag: Tag, name: str) -> str:
    value = tag.get(name)
    return " ".join(value) if isinstance(value, list) else value or ""


def _read_image(tag: Tag) -> Node:
    return node("image", url=_attribute(tag, "src"), alt=_attribute(tag, "alt"), name=_attribute(tag, "title"))


def _read_block(tag: Tag, depth: int) -> list[Node]:
    name = tag.name
    if depth > MAX_DEPTH:
        return paragraphs([Run(text(tag.get_text("\n")))])
    if name == "pre":
        return [_read_code(tag)]
    if name == "hr":
        return [Node("rule")]
    if name == "table":
        return _read_table(tag, depth)
    if name in ("ul", "ol"):
        return [_read_list(tag, depth)]
    children = _read_blocks(tag.contents, depth + 1)
    if name in _HEADINGS and all(child.kind == "paragraph" for child in children):
        return [Node("heading", attrs=(("level", _HEADINGS[name]),), children=_spaced(children))]
    if name == "blockquote":
        return [Node("quote", children=tuple(children))]
    if name == "li":
        return [Node("item", children=tuple(children))]
    return children


def _spaced(blocks: Iterable[Node]) -> tuple[Node, ...]:
    inlines: list[Node] = []
    for block in blocks:
        inlines.extend([*([text(" ")] if inlines else []), *block.children])
    return tuple(inlines)


def _read_code(tag: Tag) -> Node:
    for line_end in tag.find_all("br"):
        line_end.replace_with("\n")
    inner = tag.find("code")
    classes = [_attribute(tag, "lang"), _attribute(tag, "class")]
    if isinstance(inner, Tag):
        classes.append(_attribute(inner, "class"))
    language = ""
    for word in " ".join(classes).split():
        prefix = next((prefix for prefix in _LANGUAGE_PREFIXES if word.startswith(prefix)), "")
        if prefix or not language:
            language = safe_language(word.removeprefix(prefix))
    return node("code_block", text=tag.get_text(), language=language)


def _read_list(tag: Tag, depth: int) -> Node:
    items: list[Node] = []
    for child in tag.contents:
        if isinstance(child, Tag) and child.name in ("ul", "ol") and items:
            # Old editors put a nested list beside its item, not in it.
            last = items.pop()
            items.append(Node("item", children=(*last.children, *_read_block(child, depth + 1))))
            continue
        found = _read_blocks([child], depth + 1)
        items.extend(block if block.kind == "item" else Node("item", children=(block,)) for block in found)
    return node("numbers" if tag.name == "ol" else "bullets", *items, start=_attribute(tag, "start"))


def _read_table(tag: Tag, depth: int) -> list[Node]:
    rows: list[tuple[bool, Tag]] = []
    blocks: list[Node] = []
    for child in _members(tag, ("thead", "tbody", "tfoot")):
        if child.name == "tr":
            rows.append((child.parent is not None and child.parent.name == "thead", child))
        else:
            blocks.extend(_read_block(child, depth + 1))
    cells = [[cell for cell in _members(row, ()) if cell.name in ("td", "th")] for _, row in rows]
    if any(cell.find("table") is not None for row in cells for cell in row):
        # A table around a table lays a mail out; it is no table of the writer's.
        return [*blocks, *(block for row in cells for cell in row for block in _read_blocks(cell.contents, depth + 1))]
    read = [
        node("row", *(_read_cell(cell, is_head, depth) for cell in row))
        for row, (is_head, _) in zip(cells, rows, strict=True)
    ]
    return [*blocks, Node("table", children=tuple(read))]


def _members(tag: Tag, transparent: tuple[str, ...]) -> Iterator[Tag]:
    for child in tag.contents:
        if isinstance(child, Tag):
            if child.name in transparent:
                yield from (inner for inner in child.contents if isinstance(inner, Tag))
            else:
                yield child


def _read_cell(tag: Tag, is_head: bool, depth: int) -> Node:
    align = _attribute(tag, "align") or _attribute(tag, "style").removeprefix("text-align:").strip(" ;")
    return node(
        "cell",
        *_read_blocks(tag.contents, depth + 1),
        header="true" if is_head or tag.name == "th" else "",
        align=align.lower(),
    )


_TAGS = {"strong": "strong", "emphasis": "em", "strike": "del", "underline": "u"}


def write_html(document: Document) -> str:
    """Write a document as a fragment of HTML: every word escaped, equal trees give equal text, and no placeholder of
    the helpdesk's is filled in."""
    written = "".join(_write_block(block) for block in tidy(document, _render).children)
    return _PLACEHOLDER.sub("{" + JOINER, written)


def _render(run: Run) -> tuple[Run]:
    return (with_words(run),)


def _write_block(block: Node) -> str:
    kind = block.kind
    if kind == "paragraph":
        return f"<p>{_write_inlines(block.children)}</p>"
    if kind == "heading":
        level = block.attr("level", "1")
        return f"<h{level}>{_write_inlines(block.children)}</h{level}>"
    if kind == "code_block":
        language = block.attr("language")
        opening = f'<code class="language-{escape(language)}">' if language else "<code>"
        return f"<pre>{opening}{escape(block.text, quote=False)}</code></pre>"
    if kind == "rule":
        return "<hr>"
    if kind == "table":
        rows = ("".join(_write_cell(cell) for cell in row.children) for row in block.children)
        return "<table><tbody>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody></table>"
    if kind == "item":
        return f"<li>{_write_members(block)}</li>"
    inner = "".join(_write_block(child) for child in block.children)
    if kind == "numbers":
        start = start_of(block)
        return f'<ol start="{start}">{inner}</ol>' if start != 1 else f"<ol>{inner}</ol>"
    if kind == "bullets":
        return f"<ul>{inner}</ul>"
    return f"<blockquote>{inner}</blockquote>"


def _write_cell(cell: Node) -> str:
    tag = "th" if cell.attr("header") else "td"
    align = cell.attr("align")
    opening = f'{tag} align="{align}"' if align else tag
    return f"<{opening}>{_write_members(cell)}</{tag}>"


def _write_members(container: Node) -> str:
    """The blocks of an item or a cell; a first paragraph needs no tag of its own."""
    first, *rest = container.children or (Node("paragraph"),)
    opening = _write_inlines(first.children) if first.kind == "paragraph" else _write_block(first)
    return opening + "".join(_write_block(block) for block in rest)


def _write_inlines(inlines: Iterable[Node]) -> str:
    return "".join(_write_inline(inline) for inline in inlines)


def _write_inline(inline: Node) -> str:
    kind = inline.kind
    if kind == "break":
        return "<br>"
    if kind == "code":
        return f"<code>{escape(inline.text, quote=False)}</code>"
    if kind == "link":
        title = inline.attr("title")
        named = f' title="{escape(title)}"' if title else ""
        return f'<a href="{escape(inline.attr("url"))}"{named}>{_write_inlines(inline.children)}</a>'
    if kind == "image":
        url, alt, name = (inline.attr(key) for key in ("url", "alt", "name"))
        named = f' title="{escape(name)}"' if name and alt else ""
        return f'<img src="{escape(url)}" alt="{escape(alt or name)}"{named}>'
    if kind in _TAGS:
        return f"<{_TAGS[kind]}>{_write_inlines(inline.children)}</{_TAGS[kind]}>"
    return escape(inline.text, quote=False)
