"""YAML files read as items that know their line and column. Strict YAML 1.2; whatever is odd is refused in a sentence.

Refused: files that are empty, not text, or too large; tabs as indentation; duplicate keys; tags and merge keys; aliases
that multiply (a small file must not unfold into a huge one) or hold themselves.
"""

from __future__ import annotations

import re
import warnings
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, ReusedAnchorWarning, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode
from ruamel.yaml.reader import ReaderError

from bridge.errors import ConfigurationError, Place
from bridge.mapping.source import Item, Problems

MOST_BYTES = 1_000_000
MOST_VALUES = 20_000
MOST_DEPTH = 40

TAG = "tag:yaml.org,2002:"
TAGS = ("null", "bool", "int", "float", "timestamp", "str", "map", "seq", "merge", "value")


def read_yaml(path: Path, *, shown: str, problems: Problems) -> Item | None:
    """The file's content. None, with the problem noted, if it cannot be read. `shown` is its name for people."""
    here = Place(shown, 1)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        problems.add("there is no such file", here)
        return None
    except OSError as error:
        problems.add(f"the file cannot be read: {(error.strerror or 'unknown reason').lower()}", here)
        return None
    text = _decode(data, here, problems)
    return None if text is None else parse_yaml(text, shown=shown, problems=problems)


def parse_yaml(text: str, *, shown: str, problems: Problems) -> Item | None:
    """The content of a YAML text; None, with the problem noted, if it has none or is wrong."""
    here = Place(shown, 1)
    if len(text) > MOST_BYTES:
        problems.add(f"the file is larger than {MOST_BYTES // 1_000_000} MB; this is not a file bridge reads", here)
        return None
    directive = re.search(r"^%", text, re.MULTILINE)
    if directive:
        line = text.count("\n", 0, directive.start()) + 1
        problems.add("a line that begins with `%` is not taken: every file is YAML 1.2", Place(shown, line, 1))
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ReusedAnchorWarning)  # naming an anchor again is lawful YAML
            root = YAML(typ="safe", pure=True).compose(text)
    except MarkedYAMLError as error:
        problems.found.append(_explain(error, shown))
        return None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.add("the file holds a character that no text file has; is it a binary file?", Place(shown, line))
        return None
    except YAMLError as error:
        problems.add(f"this is not YAML: {error}", here)
        return None
    except RecursionError:
        problems.add("the file is nested too deeply to be read", here)
        return None
    if root is None:
        problems.add("the file is empty", here)
        return None
    unfolding = _Unfolding(shown, problems)
    try:
        return unfolding.item(root, ())
    except ConfigurationError as error:
        problems.found.append(error)
        return None


def _decode(data: bytes, here: Place, problems: Problems) -> str | None:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.add("the file is saved as UTF-16", here, "save it as UTF-8")
        return None
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        problems.add("this is a binary file, not YAML", Place(here.file, line))
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        problems.add("the file is not UTF-8 text", Place(here.file, line), "save it as UTF-8; or is it a binary file?")
        return None


def _explain(error: MarkedYAMLError, shown: str) -> ConfigurationError:
    mark = error.problem_mark or error.context_mark
    place = Place(shown, mark.line + 1, mark.column + 1) if mark else Place(shown, 1)
    problem = str(error.problem or error.context or "it cannot be read")
    if "'\\t'" in problem:
        return ConfigurationError("a tab stands where YAML takes spaces only", place, "indent with two spaces")
    if "another document" in problem:
        return ConfigurationError("a second document begins here; a file holds one", place, "remove the line `---`")
    if "undefined alias" in problem:
        return ConfigurationError(f"{problem.removeprefix('found ')}: no anchor of that name stands above", place)
    if "mapping values are not allowed" in problem:
        problem = "a second `: ` on this line is not allowed"
        return ConfigurationError(f"this is not YAML: {problem}", place, "quote the text, or begin a new line")
    where = f" {error.context}" if error.context and error.context != "while scanning for the next token" else ""
    begun = error.context_mark
    since = f" that began at line {begun.line + 1}" if where and begun and mark and begun.line != mark.line else ""
    return ConfigurationError(f"this is not YAML: {problem}{where}{since}", place)


class _Unfolding:
    """One pass over the composed nodes. Aliases are unfolded, and counted."""

    def __init__(self, shown: str, problems: Problems) -> None:
        self.shown = shown
        self.problems = problems
        self.count = 0
        self.open: set[int] = set()

    def item(self, node: Node, path: tuple[str, ...]) -> Item:
        place = self._place(node, path)
        self.count += 1
        if self.count > MOST_VALUES:
            raise ConfigurationError(f"the file unfolds to more than {MOST_VALUES} values", place, "use fewer aliases")
        if id(node) in self.open:
            raise ConfigurationError("an alias stands inside of what it names", place)
        if len(path) > MOST_DEPTH:
            raise ConfigurationError("the file is nested too deeply to be read", place)
        if str(node.tag).removeprefix(TAG) not in TAGS:
            self.problems.add(f"the tag `{node.tag}` is not taken", place, "write the plain value")
        if isinstance(node, ScalarNode):
            return Item(self._scalar(node, place), place)
        self.open.add(id(node))
        item = self._map(node, place, path) if isinstance(node, MappingNode) else self._list(node, place, path)
        self.open.discard(id(node))
        return item

    def _map(self, node: MappingNode, place: Place, path: tuple[str, ...]) -> Item:
        items: dict[str, Item] = {}
        places: dict[str, Place] = {}
        for key, value in node.value:
            here = self._place(key, path)
            if not isinstance(key, ScalarNode):
                self.problems.add("a key must be a plain word", here)
                continue
            name = str(key.value)
            if key.tag == f"{TAG}merge":
                self.problems.add("merge keys (`<<`) are not part of YAML 1.2", here, "write the keys out")
                continue
            if name in items:
                first = places[name].line
                self.problems.add(f"the key `{name}` stands here twice, first in line {first}", here, "keep one")
                continue
            places[name] = here
            items[name] = self.item(value, (*path, name))
        return Item(MappingProxyType(items), place, MappingProxyType(places))

    def _list(self, node: Node, place: Place, path: tuple[str, ...]) -> Item:
        members = tuple(self.item(each, (*path, str(index))) for index, each in enumerate(node.value))
        return Item(members, place)

    def _place(self, node: Node, path: tuple[str, ...]) -> Place:
        return Place(self.shown, node.start_mark.line + 1, node.start_mark.column + 1, ".".join(path))

    def _scalar(self, node: ScalarNode, place: Place) -> Any:
        text, tag = str(node.value), str(node.tag)
        kind = tag.removeprefix(TAG)
        if kind == "null":
            return None
        if kind == "bool":
            return text.lower() == "true"
        if kind == "int" and re.fullmatch(r"[-+]?[0-9]{1,18}", text):
            return int(text)
        if kind == "float" and re.fullmatch(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]{1,3})?|[-+]?[0-9]+\.", text):
            return float(text)
        if kind == "timestamp" and re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return self._date(text, place)
        return text

    def _date(self, text: str, place: Place) -> date | str:
        try:
            return date.fromisoformat(text)
        except ValueError:
            self.problems.add(f"there is no such day as {text}", place)
            return text
