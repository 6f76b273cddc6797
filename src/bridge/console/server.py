"""A web server in a thread of its own."""

from __future__ import annotations

import socket
from threading import Event, Thread
from types import TracebackType
from typing import Self

from starlette.types import ASGIApp
from uvicorn import Config, Server

START_S = 30.0
STOP_S = 5
"""How long answers under way may take once the server stops."""
MOST_AT_ONCE = 200
"""Connections and requests; more are answered with 503."""


class WebhookServer:
    """Serves an application over plain HTTP on `host` and `port` (0: any free one), beside whatever else the process
    does. It takes no signals: who started it stops it. Addresses hold secrets, so no request is logged.

    For use behind a proxy that speaks TLS, or on loopback.
    """

    def __init__(self, app: ASGIApp, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self._host = host
        self._wanted_port = port
        self._app = app
        self._server: _Server | None = None
        self._thread: Thread | None = None
        self._port = 0

    @property
    def port(self) -> int:
        """The port it listens on; 0 while it does not."""
        return self._port

    @property
    def url(self) -> str:
        """Where it is reached from this machine."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    def start(self) -> None:
        """Listen, and answer from now on. Raises OSError when the address is taken or not this machine's."""
        if self._thread is not None:
            raise RuntimeError("the webhook server runs already")
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        listener = socket.create_server((self._host, self._wanted_port), family=family)
        self._port = listener.getsockname()[1]
        self._server = _Server(_config(self._app))
        self._thread = Thread(target=self._server.serve_until_told, args=(listener,), name="webhooks", daemon=True)
        self._thread.start()
        if not self._server.ready.wait(START_S) or not self._server.started:
            self.stop()
            raise OSError("the webhook server did not come up")

    def stop(self) -> None:
        """Finish the answers under way and close the port. Does nothing if it does not run."""
        server, thread = self._server, self._thread
        self._server, self._thread, self._port = None, None, 0
        if server is not None and thread is not None:
            server.should_exit = True
            thread.join()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


class _Server(Server):
    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.ready = Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self.ready.set()

    def serve_until_told(self, listener: socket.socket) -> None:
        try:
            self.run(sockets=[listener])
        finally:
            listener.close()
            self.ready.set()


def _config(app: ASGIApp) -> Config:
    return Config(
        app,
        loop="asyncio",
        http="h11",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=MOST_AT_ONCE,
        timeout_graceful_shutdown=STOP_S,
    )
