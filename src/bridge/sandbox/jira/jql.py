"""Jira's query language as far as it is served here: text to a tree. What is not served is refused with a message.

Grammar after Atlassian's "JQL operators" and "JQL keywords" pages: `field operator value`, AND binds tighter than OR, NOT
negates what follows it, parentheses group, ORDER BY takes several fields.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


class JqlError(Exception):
    """The query is wrong; the text is what Jira would answer in `errorMessages`."""


@dataclass(frozen=True, slots=True)
class Clause:
    """`field operator values`; the operator in lower case: `=`, `!=`, `in`, `not in`, `is`, `is not`, `<` and so on."""

    field: str
    operator: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold (AND)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds (OR)."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Negation:
    """This does not hold (NOT)."""

    part: Condition


Condition = Clause | Every | Some | Negation


@dataclass(frozen=True, slots=True)
class Query:
    """A parsed query. `where` is None when it restricts nothing; `order` holds (field, descending)."""

    where: Condition | None
    order: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    at: int


_TOKENS = re.compile(
    r"""(?P<space>\s+)
      | (?P<quoted>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')
      | (?P<operator>!=|>=|<=|=|>|<|!~|~)
      | (?P<sign>[(),])
      | (?P<word>[^\s"'=<>!~(),;{}*?|&^%$\#@\[\]/\\`:]+)
      | (?P<bad>.)""",
    re.VERBOSE,
)
_FIELDS = {
    "project": "project",
    "key": "key",
    "issuekey": "key",
    "issue": "key",
    "id": "id",
    "labels": "labels",
    "status": "status",
    "fixversion": "fixVersion",
    "updated": "updated",
    "updateddate": "updated",
    "created": "created",
    "createddate": "created",
}
_LISTS = {"=", "!=", "in", "not in"}
_SIZES = {"=", "!=", ">=", "<=", ">", "<"}
_EMPTY = {"is", "is not"}
_OPERATORS = {
    "project": _LISTS,
    "key": _LISTS | _SIZES,
    "id": _LISTS | _SIZES,
    "labels": _LISTS | _EMPTY,
    "status": _LISTS,
    "fixVersion": _LISTS | _EMPTY,
    "updated": _SIZES | _EMPTY,
    "created": _SIZES | _EMPTY,
}
_ORDERS = {"updated", "created", "key", "id", "project", "status"}
_RESERVED = {"and", "or", "not", "in", "is", "order", "by", "empty", "null", "asc", "desc", "was", "changed"}


def parse(text: str) -> Query:
    """Read a query. Raises JqlError with Jira's message for anything that is not served here."""
    return _Parser(_tokens(text)).query()


def _tokens(text: str) -> list[_Token]:
    tokens = []
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup or "bad"
        if kind == "bad":
            raise JqlError(
                f"Error in the JQL Query: The character '{match.group()}' is a reserved JQL character. You must enclose "
                f"it in a string or use the escape '\\u{ord(match.group()):04x}' instead. "
                f"(line 1, character {match.start() + 1})"
            )
        if kind == "quoted":
            inner = re.sub(r"\\(.)", r"\1", match.group()[1:-1])
            tokens.append(_Token("value", inner, match.start()))
        elif kind != "space":
            tokens.append(_Token(kind, match.group(), match.start()))
    return tokens


class _Parser:
    """Recursive descent over the tokens; one instance reads one query."""

    def __init__(self, tokens: list[_Token]) -> None:
        self.tokens = tokens
        self.place = 0

    def query(self) -> Query:
        """The whole query."""
        where = None
        if self.tokens and not self._is_word("order"):
            where = self._some()
        order = self._order()
        if self.place < len(self.tokens):
            raise self._unexpected("Expecting either 'OR' or 'AND'")
        return Query(where, order)

    def _some(self) -> Condition:
        parts = [self._every()]
        while self._take_word("or"):
            parts.append(self._every())
        return parts[0] if len(parts) == 1 else Some(tuple(parts))

    def _every(self) -> Condition:
        parts = [self._single()]
        while self._take_word("and"):
            parts.append(self._single())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _single(self) -> Condition:
        if self._take_word("not"):
            return Negation(self._single())
        if self._take_sign("("):
            inner = self._some()
            if not self._take_sign(")"):
                raise self._unexpected("Expecting ')'")
            return inner
        return self._clause()

    def _clause(self) -> Clause:
        name = self._next("Expecting a field name")
        if name.kind not in ("word", "value") or (name.kind == "word" and name.text.lower() in _RESERVED):
            self.place -= 1
            raise self._unexpected("Expecting a field name")
        field = _FIELDS.get(name.text.lower())
        if field is None:
            raise JqlError(f"Field '{name.text}' does not exist or you do not have permission to view it.")
        operator = self._operator()
        if operator not in _OPERATORS[field]:
            raise JqlError(f"The operator '{operator}' is not supported by the '{name.text}' field.")
        if operator in _EMPTY:
            if not (self._take_word("empty") or self._take_word("null")):
                raise self._unexpected("Expecting 'EMPTY'")
            return Clause(field, operator, ())
        return Clause(field, operator, self._values(several=operator.endswith("in")))

    def _operator(self) -> str:
        token = self._next("Expecting an operator")
        word = token.text.lower()
        if token.kind == "operator":
            return token.text
        if token.kind == "word" and word == "in":
            return "in"
        if token.kind == "word" and word == "is":
            return "is not" if self._take_word("not") else "is"
        if token.kind == "word" and word == "not" and self._take_word("in"):
            return "not in"
        if token.kind == "word" and word in ("was", "changed"):
            raise JqlError(f"The operator '{word}' is not served by this simulation.")
        self.place -= 1
        raise self._unexpected("Expecting operator but got something else")

    def _values(self, *, several: bool) -> tuple[str, ...]:
        if not several:
            return (self._value(),)
        if not self._take_sign("("):
            raise self._unexpected("Expecting '('")
        values = [self._value()]
        while self._take_sign(","):
            values.append(self._value())
        if not self._take_sign(")"):
            raise self._unexpected("Expecting ')'")
        return tuple(values)

    def _value(self) -> str:
        token = self._next("Expecting a value")
        if token.kind == "value":
            return token.text
        if token.kind != "word" or token.text.lower() in _RESERVED:
            self.place -= 1
            raise self._unexpected("Expecting a value, list or function")
        if self.place < len(self.tokens) and self.tokens[self.place].text == "(":
            raise JqlError(f"Unable to find JQL function '{token.text}()'.")
        return token.text

    def _order(self) -> tuple[tuple[str, bool], ...]:
        if not self._take_word("order"):
            return ()
        if not self._take_word("by"):
            raise self._unexpected("Expecting 'BY'")
        order: list[tuple[str, bool]] = []
        while True:
            token = self._next("Expecting a field name")
            field = _FIELDS.get(token.text.lower(), "")
            if field not in _ORDERS:
                raise JqlError(f"Not able to sort using field '{token.text}'.")
            descending = self._take_word("desc")
            if not descending:
                self._take_word("asc")
            order.append((field, descending))
            if not self._take_sign(","):
                return tuple(order)

    def _next(self, expecting: str) -> _Token:
        if self.place >= len(self.tokens):
            raise self._unexpected(expecting)
        self.place += 1
        return self.tokens[self.place - 1]

    def _is_word(self, word: str) -> bool:
        if self.place >= len(self.tokens):
            return False
        token = self.tokens[self.place]
        return token.kind == "word" and token.text.lower() == word

    def _take_word(self, word: str) -> bool:
        taken = self._is_word(word)
        self.place += taken
        return taken

    def _take_sign(self, sign: str) -> bool:
        if self.place < len(self.tokens) and self.tokens[self.place].kind == "sign":
            taken = self.tokens[self.place].text == sign
            self.place += taken
            return taken
        return False

    def _unexpected(self, expecting: str) -> JqlError:
        if self.place >= len(self.tokens):
            return JqlError(f"Error in the JQL Query: {expecting} before the end of the query.")
        token = self.tokens[self.place]
        return JqlError(
            f"Error in the JQL Query: {expecting} but got '{token.text}'. (line 1, character {token.at + 1})"
        )
