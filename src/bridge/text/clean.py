"""What never enters the tree: control characters, lone surrogates, addresses that could run something."""

from __future__ import annotations

import re

MOST_LETTERS = 1_000_000
"""A longer source than any vendor keeps is read as plain words, so that no markup in it costs more than its length."""

MAX_DEPTH = 50
"""How deep a tree may nest; what lies deeper is degraded to its words."""

JOINER = "\u2060"
"""Put by writers between two letters that would together call somebody or run something, and taken off by readers.
Nobody sees it, and it breaks no line."""

_UNWANTED = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufdd0-\ufdef\u202d\u202e\ufffe\uffff]"
)
_NEWLINES = re.compile("\r\n?|[\x85\u2028\u2029]")
_SPACES = re.compile(r"\s+")
_SCHEME = re.compile(r"(?:https?://[^/?#\s]|mailto:[^\s])", re.IGNORECASE)
_UNSAFE_IN_URL = re.compile(r"""[\s<>"`|^{}\\\x00-\x20]""")
_LANGUAGE = re.compile(r"[A-Za-z0-9_+#.\-]{1,40}")

ADDRESS = re.compile(r"(?<![A-Za-z0-9])https?://[^\s<>\"`|^{}\\\[\]]*[^\s<>\"`|^{}\\\[\].,:;!?'*_~()]", re.IGNORECASE)
"""A bare web address in running text, without what ends the sentence around it."""


def clean(value: str) -> str:
    """The text without null bytes, control characters, lone surrogates and overrides of the writing direction (marks
    and isolates stay); every kind of line end becomes a newline."""
    if value.isprintable():
        return value
    return _UNWANTED.sub("", _NEWLINES.sub("\n", value))


_RAISED = str.maketrans("0123456789+-=()ni", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱ")
_LOWERED = str.maketrans("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎")


def shift(words: str, *, up: bool) -> str:
    """Words that stand above or below the line, in the letters Unicode has for that: 10⁶ must not become 106. Words
    for which it has none stay as they are."""
    table = _RAISED if up else _LOWERED
    return words.translate(table) if all(ord(letter) in table for letter in words) else words


def fold_spaces(value: str) -> str:
    """Every run of white space (no-break spaces too) as one space."""
    return _SPACES.sub(" ", value)


def safe_url(value: str) -> str:
    """An absolute http, https or mailto address with anything that could end it early percent-encoded; else ""."""
    address = clean(value).strip()
    if not _SCHEME.match(address):
        return ""
    return _UNSAFE_IN_URL.sub(lambda found: "".join(f"%{byte:02X}" for byte in found.group().encode()), address)


def safe_language(value: str) -> str:
    """The name of a programming language as it may stand behind a fence, or ""."""
    name = value.strip()
    return name if _LANGUAGE.fullmatch(name) else ""
