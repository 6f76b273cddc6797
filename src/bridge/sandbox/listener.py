"""HTTP/1.1 on a loopback port with kept-alive connections, and the ways a connection can go wrong.

The development server of werkzeug closes every connection after its answer, and clients that keep connections alive
are what the sandbox is there to test; so this stands on the standard library's server and hands over werkzeug requests.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from threading import Event, Lock, Thread, current_thread
from typing import Any
from urllib.parse import unquote

from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Request

HOST = "127.0.0.1"
_POLL_S = 0.02
_TRICKLE_STEPS = 20


class SandboxRequest(Request):
    """A request whose body is read as JSON whatever its content type says, as the vendors do."""

    @property
    def is_json(self) -> bool:
        """Whether JSON may be looked for: everywhere but in forms."""
        return self.mimetype not in ("multipart/form-data", "application/x-www-form-urlencoded")

    def on_json_loading_failed(self, e: ValueError | None) -> Any:
        """Say what is wrong with the JSON. Raises BadRequest, or UnsupportedMediaType for a form."""
        if e is None:
            raise UnsupportedMediaType
        return super().on_json_loading_failed(e)


@dataclass(slots=True)
class Answer:
    """What goes back over the connection.

    Over `trickle_s` the body trickles, `send` is how many bytes of the body are really sent before the connection closes
    (None: all, and it stays open), `dropped` closes without a byte. `sent` is called at the end in any case. 204 and 304
    never carry a body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    trickle_s: float = 0.0
    send: int | None = None
    dropped: bool = False
    sent: Callable[[], None] = lambda: None


class Listener(ThreadingHTTPServer):
    """One site's port. `answer` turns a request into an answer and may be called by many threads at once."""

    request_queue_size = 256
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, port: int, answer: Callable[[Request, Event], Answer]) -> None:
        self.answer = answer
        self.stopping = Event()
        self._connections: set[Any] = set()
        self._handlers: set[Thread] = set()
        self._guard = Lock()
        super().__init__((HOST, port), _Connection)
        self._accepting = Thread(target=self.serve_forever, args=(_POLL_S,), name=f"sandbox-{self.port}", daemon=True)

    @property
    def port(self) -> int:
        """The port it really listens on."""
        return int(self.server_address[1])

    def start(self) -> None:
        """Begin to accept connections."""
        self._accepting.start()

    def stop(self) -> None:
        """Close the port and every connection, and wait for their threads."""
        self.stopping.set()
        self.shutdown()
        self._accepting.join()
        self.server_close()
        with self._guard:
            connections, handlers = list(self._connections), list(self._handlers)
        for connection in connections:
            _hang_up(connection)
        for handler in handlers:
            handler.join(timeout=10)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve one connection on this thread, in the sight of `stop`."""
        with self._guard:
            self._connections.add(request)
            self._handlers.add(current_thread())
        if self.stopping.is_set():
            _hang_up(request)
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._connections.discard(request)
                self._handlers.discard(current_thread())


class _Connection(BaseHTTPRequestHandler):
    """One connection, for as many requests as the client sends over it."""

    server: Listener
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the sandbox keeps its own log."""

    def do_GET(self) -> None:
        try:
            body = self._read_body()
        except ValueError:
            self.close_connection = True
            return
        try:
            answer = self.server.answer(SandboxRequest(self._environ(body)), self.server.stopping)
        except BaseException as failure:
            text = f"the sandbox itself failed: {type(failure).__name__}: {failure}"
            self._send(Answer(500, {"Content-Type": "text/plain; charset=utf-8"}, text.encode()))
            self.close_connection = True
            raise
        try:
            if answer.dropped:
                self.close_connection = True
                _hang_up(self.connection)
            else:
                self._send(answer)
        finally:
            answer.sent()

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _read_body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", "").lower():
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def _environ(self, body: bytes) -> dict[str, Any]:
        path, _, query = self.path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": self.command,
            "SCRIPT_NAME": "",
            "PATH_INFO": unquote(path, "latin-1"),
            "QUERY_STRING": query,
            "RAW_URI": self.path,
            "SERVER_NAME": HOST,
            "SERVER_PORT": str(self.server.port),
            "SERVER_PROTOCOL": self.request_version,
            "REMOTE_ADDR": self.client_address[0],
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body),
            "wsgi.input_terminated": True,
        }
        for name, value in self.headers.items():
            key = "HTTP_" + name.upper().replace("-", "_")
            environ[key] = f"{environ[key]},{value}" if key in environ else value
        return environ

    def _send(self, answer: Answer) -> None:
        self.send_response_only(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        bodiless = answer.status in (204, 304)
        if not bodiless:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if bodiless or self.command == "HEAD":
            return
        body = answer.body if answer.send is None else answer.body[: answer.send]
        if answer.trickle_s and body:
            self._trickle(body, answer.trickle_s)
        else:
            self.wfile.write(body)
        if answer.send is not None:
            self.wfile.flush()
            self.close_connection = True
            _hang_up(self.connection)

    def _trickle(self, body: bytes, over_s: float) -> None:
        size = -(-len(body) // _TRICKLE_STEPS)
        pieces = [body[start : start + size] for start in range(0, len(body), size)]
        for piece in pieces:
            self.wfile.flush()
            if self.server.stopping.wait(over_s / len(pieces)):
                raise ConnectionAbortedError("the sandbox stops")
            self.wfile.write(piece)


def _hang_up(connection: socket.socket) -> None:
    # A connection the other end closed first is as good as hung up.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
