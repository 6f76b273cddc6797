"""How people are told something outside of any ticket: one message over one channel, and what is known when that fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from bridge.errors import BridgeError


class ChannelError(BridgeError):
    """A message did not leave, or nobody knows. The message says why in a few words that hold no secret and no address.

    `certain`: it surely was not accepted. `lasting`: it was refused, and will be until somebody mends something.
    """

    def __init__(self, message: str, *, certain: bool = True, lasting: bool = False) -> None:
        super().__init__(message)
        self.certain = certain
        self.lasting = lasting


@dataclass(frozen=True, slots=True)
class Message:
    """What is said. `key` names it for ever: the same key is the same message, should it be sent twice."""

    key: str
    title: str
    body: str


class Channel(Protocol):
    """One way to one person."""

    @property
    def folds(self) -> bool:
        """Whether whoever receives a message twice can tell by its key, so that it may be sent again when in doubt."""

    def send(self, message: Message) -> None:
        """Send it. Raises ChannelError."""


def has_control(text: str) -> bool:
    """Whether a text holds signs that end a header or an address."""
    return any(ord(sign) < 32 or ord(sign) == 127 for sign in text)
