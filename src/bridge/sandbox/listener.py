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
from pathlib import Path
from tempfile import TemporaryFile
from threading import Event, Lock, Thread, current_thread
from typing import IO, Any
from urllib.parse import unquote

from werkzeug.exceptions import UnsupportedMediaType
from werkzeug.wrappers import Request

from bridge.sandbox.blobs import PIECE

HOST = "127.0.0.1"
IN_MEMORY = 1 << 20
"""A body longer than this goes to disk while it is read."""
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
    """What goes back over the connection. A body that is a path is sent from that file.

    Over `trickle_s` the body trickles, `send` is how many bytes of the body are really sent before the connection closes
    (None: all, and it stays open), `dropped` closes without a byte, `late` leaves the request to somebody who has yet to
    handle it. `sent` is called at the end in any case. 204 and 304 never carry a body.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | Path = b""
    trickle_s: float = 0.0
    send: int | None = None
    dropped: bool = False
    late: bool = False
    sent: Callable[[], None] = lambda: None

    @property
    def length(self) -> int:
        """How many bytes the body has."""
        return len(self.body) if isinstance(self.body, bytes) else self.body.stat().st_size

    def open(self) -> IO[bytes]:
        """The body as a stream."""
        return BytesIO(self.body) if isinstance(self.body, bytes) else self.body.open("rb")


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

    def finish(self) -> None:
        """Close the connection; what a peer that was killed will never read is let go."""
        with suppress(ConnectionError):
            super().finish()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the sandbox keeps its own log."""

    def do_GET(self) -> None:
        try:
            body = self._read_body()
        except ValueError:
            self.close_connection = True
            return
        request = SandboxRequest(self._environ(*body))
        try:
            answer = self.server.answer(request, self.server.stopping)
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
            if not answer.late:
                forget(request)

    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    def _read_body(self) -> tuple[IO[bytes], int]:
        """The body, on disk when it is a large one, and its length. Raises ValueError when it breaks off."""
        told = int(self.headers.get("Content-Length") or 0)
        body: IO[bytes] = TemporaryFile() if told > IN_MEMORY else BytesIO()  # noqa: SIM115 - `forget` closes it
        try:
            if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
                self._copy_chunks(body)
            else:
                self._copy(told, body)
        except ValueError:
            body.close()
            raise
        length = body.tell()
        body.seek(0)
        return body, length

    def _copy_chunks(self, target: IO[bytes]) -> None:
        while size := int(self.rfile.readline().split(b";")[0], 16):
            self._copy(size, target)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _copy(self, size: int, target: IO[bytes]) -> None:
        while size:
            piece = self.rfile.read(min(size, PIECE))
            if not piece:
                raise ValueError("the request breaks off")
            target.write(piece)
            size -= len(piece)

    def _environ(self, body: IO[bytes], length: int) -> dict[str, Any]:
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
            "CONTENT_LENGTH": str(length),
            "wsgi.url_scheme": "http",
            "wsgi.input": body,
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
            self.send_header("Content-Length", str(answer.length))
        self.end_headers()
        if bodiless or self.command == "HEAD":
            return
        left = answer.length if answer.send is None else answer.send
        nap_s = answer.trickle_s / _TRICKLE_STEPS
        size = max(1, -(-left // _TRICKLE_STEPS)) if nap_s else PIECE
        with answer.open() as body:
            while left and (piece := body.read(min(size, left))):
                if nap_s:
                    self._nap(nap_s)
                self.wfile.write(piece)
                left -= len(piece)
        if answer.send is not None:
            self.wfile.flush()
            self.close_connection = True
            _hang_up(self.connection)

    def _nap(self, seconds: float) -> None:
        self.wfile.flush()
        if self.server.stopping.wait(seconds):
            raise ConnectionAbortedError("the sandbox stops")


def forget(request: Request) -> None:
    """Let a request's body and files go."""
    request.close()
    request.environ["wsgi.input"].close()


def _hang_up(connection: socket.socket) -> None:
    # A connection the other end closed first is as good as hung up.
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
