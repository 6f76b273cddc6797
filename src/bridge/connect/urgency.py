"""Whether what a thread does now is wanted by somebody who waits, or could as well be done tonight.

Reading a site's past, sweeping it, trying again what could not be read: background work. It may not take the last part of
any limit, so that live work always finds some. Live work inside background work is live again: what a person did
to a ticket is not slowed down because its own group is being filled up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_IS_BACKGROUND: ContextVar[bool] = ContextVar("bridge_background", default=False)


@contextmanager
def background() -> Iterator[None]:
    """Requests of this thread inside the block leave the reserved share to others."""
    with _set(True):
        yield


@contextmanager
def live() -> Iterator[None]:
    """Requests of this thread inside the block may take everything, wherever the block stands."""
    with _set(False):
        yield


@contextmanager
def _set(value: bool) -> Iterator[None]:
    token = _IS_BACKGROUND.set(value)
    try:
        yield
    finally:
        _IS_BACKGROUND.reset(token)


def is_background() -> bool:
    """Whether this thread is inside `background`, and not inside a `live` within it."""
    return _IS_BACKGROUND.get()
