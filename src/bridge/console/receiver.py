"""Webhooks in: each delivery is verified over its raw bytes, and only the name of a ticket is taken from it.

The order is what makes it safe: the address, the size, the signature, the time, the repetition; then the first byte is
parsed. Nothing that a delivery says about a ticket is believed, so the worst a forged one could do is to ask for a
reading. Answers name no secret, and never tell more than which of these a delivery failed at.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

import structlog
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bridge.console.door import Door
from bridge.console.replay import Delivered
from bridge.errors import SkippableError
from bridge.model.feed import Hint
from bridge.model.ports import Clock

__all__ = ["MOST_BYTES", "WINDOW", "Door", "Take", "make_app"]

MOST_BYTES = 1024 * 1024
"""Of a body; what is longer is not read to its end."""
WINDOW = timedelta(minutes=5)
"""How far a signed time may be from ours, either way."""
PATIENCE_S = 10.0
"""How long a body may take to arrive: as long as the most patient vendor waits for its answer."""

Take = Callable[[str, tuple[Hint, ...]], None]
"""What is done with a site's hints. Called on the server's thread for every delivery that names a ticket, so it only
stores them and returns at once; if it raises, the delivery is answered with 500 and may come again."""

log = structlog.get_logger(__name__)


Heard = Callable[[str, int], None]
"""Told the site of each delivery, "" if it is none of ours, and the status it was answered with."""


def make_app(
    doors: Mapping[str, Door],
    take: Take,
    clock: Clock,
    *,
    patience_s: float = PATIENCE_S,
    heard: Heard = lambda site, status: None,
    more: Sequence[Route] = (),
) -> Starlette:
    """The web application that hears webhooks, at `POST /hooks/SITE`, or `/hooks/SITE/TOKEN` for a site whose vendor
    signs nothing.

    202 taken, or nothing in it to take; 401 not genuine, or too old; 404 no such site; 408 the body did not arrive;
    409 delivered before; 413 too long. `more` routes are served beside them.
    """
    receiver = _Receiver(doors, take, clock, patience_s, heard)
    routes = [
        Route("/hooks/{site}", receiver.answer, methods=["POST"]),
        Route("/hooks/{site}/{token}", receiver.answer, methods=["POST"]),
        *more,
    ]
    app = Starlette(routes=routes)
    # A redirection would repeat the address, and with it a token, in the answer.
    app.router.redirect_slashes = False
    return app


class _Refusal(Exception):
    def __init__(self, status: int, why: str) -> None:
        super().__init__(why)
        self.status = status
        self.why = why


class _Receiver:
    def __init__(self, doors: Mapping[str, Door], take: Take, clock: Clock, patience_s: float, heard: Heard) -> None:
        self._doors = dict(doors)
        self._take = take
        self._clock = clock
        self._patience_s = patience_s
        self._heard = heard
        self._delivered = {name: Delivered() for name in doors}

    async def answer(self, request: Request) -> Response:
        """Hear one delivery."""
        name = request.path_params["site"]
        known, status = (name if name in self._doors else ""), 500
        try:
            answer = await self._hear(request, name)
            status = answer.status_code
        finally:
            self._heard(known, status)
        return answer

    async def _hear(self, request: Request, name: str) -> Response:
        try:
            door = self._open(name, request.path_params.get("token"))
            body = await _read(request, self._patience_s)
            self._accept(door, self._delivered[name], dict(request.headers), body)
        except _Refusal as refusal:
            # Of an unknown site nothing is logged: its name is a stranger's words.
            if name in self._doors:
                log.warning("webhook.refused", site=name, status=refusal.status, why=refusal.why)
            # What is left of the body is not waited for.
            return PlainTextResponse(refusal.why, refusal.status, {"Connection": "close"})
        return PlainTextResponse("taken", 202)

    def _open(self, name: str, token: str | None) -> Door:
        door = self._doors.get(name)
        if door is None or (token is not None and not door.scheme.in_path):
            raise _Refusal(404, "no such door")
        if door.scheme.in_path and not door.is_opened_by(token or ""):
            raise _Refusal(401, "not genuine")
        return door

    def _accept(self, door: Door, delivered: Delivered, headers: Mapping[str, str], body: bytes) -> None:
        # No await stands in here: of two deliveries at once that bear the same name, one is remembered first.
        now = self._clock.now()
        if not door.is_genuine(headers, body):
            raise _Refusal(401, "not genuine")
        sent_at = door.scheme.sent_at(headers)
        if sent_at is not None and abs(now - sent_at) > WINDOW:
            raise _Refusal(401, "its time is too far from ours")
        names = door.names(headers, body)
        if not delivered.remember(names, now):
            raise _Refusal(409, "delivered before")
        try:
            if hints := _hints(door, headers, body):
                self._take(door.site, hints)
        except BaseException:
            delivered.forget(names)
            raise


def _hints(door: Door, headers: Mapping[str, str], body: bytes) -> tuple[Hint, ...]:
    try:
        return door.parse(headers, body)
    except SkippableError as error:
        log.info("webhook.empty", site=door.site, why=str(error))
        return ()


async def _read(request: Request, patience_s: float) -> bytes:
    """The raw body, of which never more is held than is allowed and what came with the last piece."""
    told = request.headers.get("content-length", "0")
    if not (told.isascii() and told.isdigit()) or int(told[:20]) > MOST_BYTES:
        raise _Refusal(413, "too long")
    body = bytearray()
    try:
        async with asyncio.timeout(patience_s):
            async for piece in request.stream():
                body += piece
                if len(body) > MOST_BYTES:
                    raise _Refusal(413, "too long")
    except TimeoutError:
        raise _Refusal(408, "the body did not arrive") from None
    except ClientDisconnect:
        raise _Refusal(400, "the sender hung up") from None
    return bytes(body)
