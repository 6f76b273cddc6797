"""Where messages arrive in tests: a mail server and an HTTP server with real ports, which take what is sent, or do not."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope


@dataclass
class Mails:
    """A mail server. `answer` is what it says to a text; `dies` lets it take the text and say nothing any more."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    answer: str = "250 taken"
    recipient_answer: str = "250 known"
    dies: bool = False
    password: bytes = b"hush-hush"

    def __post_init__(self) -> None:
        self._controller = Controller(
            self, hostname="127.0.0.1", port=_free_port(), authenticator=self._knows, auth_require_tls=False
        )
        self._controller.start()

    @property
    def url(self) -> str:
        """Its address as the config has it."""
        return f"smtp://127.0.0.1:{self._controller.port}"

    def _knows(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, login: Any) -> AuthResult:
        return AuthResult(success=login.password == self.password, handled=False)

    async def handle_RCPT(self, _server: Any, _session: Any, envelope: Envelope, address: str, _options: Any) -> str:
        if self.recipient_answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.recipient_answer

    async def handle_DATA(self, server: Any, _session: Any, envelope: Envelope) -> str:
        if self.answer.startswith("250"):
            assert isinstance(envelope.content, bytes)
            self.mails.append(message_from_bytes(envelope.content, policy=policy.default))
            self.recipients += envelope.rcpt_tos
        if self.dies:
            server.transport.abort()
        return self.answer

    def subjects(self) -> list[str]:
        """What arrived, by its title."""
        return [str(one["Subject"]) for one in self.mails]

    def close(self) -> None:
        """Nobody listens any more."""
        self._controller.stop()


@dataclass
class Chats:
    """A receiver of apprise's `json://`. `status` is its answer, None for none at all: the connection is closed."""

    status: int | None = 200
    messages: list[dict[str, Any]] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                if receiver.status is None or receiver.status < 300:
                    receiver.messages.append(body)
                    receiver.arrived.set()
                if receiver.status is not None:
                    self.send_response(receiver.status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                self.close_connection = True

            def log_message(self, *_args: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """Its address as apprise writes it, with a secret in it."""
        return f"json://robot:hush-hush@127.0.0.1:{self._server.server_port}/pager"

    def titles(self) -> list[str]:
        """What arrived, by its title."""
        return [str(one["title"]) for one in self.messages]

    def close(self) -> None:
        """Nobody listens any more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
