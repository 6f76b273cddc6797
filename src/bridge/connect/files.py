"""Files on their way: read from one site piece by piece, written to another, never whole in memory.

A file is read only from the site itself, with its login, or from one of the vendor's content hosts that are listed for
it, without one. A redirect is followed by hand and judged by the same rule each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from http.client import HTTPException
from urllib.parse import urljoin, urlsplit

import requests
from urllib3.exceptions import HTTPError

from bridge.connect.content import is_listed
from bridge.connect.outcome import Dialect
from bridge.connect.transport import describe
from bridge.connect.wire import Wire
from bridge.errors import MissingError, PermanentError, TemporaryError
from bridge.model.ticket import Attachment

PIECE = 1 << 16
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_AS_IT_IS = {"Accept": "*/*", "Accept-Encoding": "identity"}
"""Without an encoding the length that is told is the file's own."""

Get = Callable[[str], requests.Response]
"""Sends a GET with the site's login: streams, follows nothing."""


@dataclass(slots=True)
class FileStream:
    """One file being read. `size` is what its site says of it now, None if it does not; `chunks` may be read once and
    raise TemporaryError when the file does not arrive whole."""

    size: int | None
    chunks: Iterator[bytes]


class FileReader:
    """Opens the files of one site. `hosts` are the vendor's content hosts."""

    def __init__(self, wire: Wire, dialect: Dialect, hosts: frozenset[str]) -> None:
        self._wire = wire
        self._hosts = tuple(sorted(hosts))
        self._bare = wire.content_session(dialect, self._hosts)

    @contextmanager
    def open(self, file: Attachment, get: Get, url: str = "") -> Iterator[FileStream]:
        """Read a file from `url` (its own by default). Raises TemporaryError, PermanentError and its kinds."""
        response = self._follow(file, url or file.url, get)
        try:
            told = response.headers.get("Content-Length", "")
            yield FileStream(int(told) if told.isdigit() else None, self._chunks(file, response))
        finally:
            response.close()

    def close(self) -> None:
        """Let connections go."""
        self._bare.close()

    def _follow(self, file: Attachment, url: str, get: Get) -> requests.Response:
        for _step in range(_MOST_REDIRECTS + 1):
            own = self._is_own(url)
            if not own and not is_listed(urlsplit(url).hostname or "", self._hosts):
                raise self._strange(file, url)
            accept = _REDIRECTS if own else ()
            with self._wire.call(endpoint="file", headers=_AS_IT_IS, accept=accept, carries=file.size, streams=True):
                response = get(url) if own else self._bare.get(url, stream=True, allow_redirects=False)
            if response.status_code not in _REDIRECTS:
                return response
            response.close()
            url = urljoin(url, response.headers.get("Location", ""))
        raise PermanentError(f"{self._wire.site} redirects {file.name!r} in circles", site=self._wire.site)

    def _is_own(self, url: str) -> bool:
        asked, own = urlsplit(url), urlsplit(self._wire.url)
        return (asked.scheme, asked.netloc.lower()) == (own.scheme, own.netloc.lower())

    def _strange(self, file: Attachment, url: str) -> PermanentError:
        site, host = self._wire.site, urlsplit(url).hostname
        if not host:
            return MissingError(f"{site} tells no address of {file.name!r}", site=site)
        return PermanentError(
            f"{site}: {file.name!r} lies on {host}, which is neither the site nor among its content hosts; nothing is "
            "fetched there (a host that belongs to the vendor can be added under content_hosts)",
            site=site,
        )

    def _chunks(self, file: Attachment, response: requests.Response) -> Iterator[bytes]:
        try:
            yield from response.iter_content(PIECE)
        except (requests.RequestException, HTTPError, HTTPException, OSError) as error:
            site = self._wire.site
            why = describe(error, not isinstance(error, TimeoutError), self._wire.deadline_s)
            raise TemporaryError(f"{site} did not send {file.name!r} whole: {why}", site=site) from None


class Body:
    """A request's body of known length: a file's pieces, with bytes before and behind them.

    Raises PermanentError, before its last byte is given out, when the file is longer or shorter than it was said to be:
    the site then has half a request, which it refuses. `digest` is the file's SHA-256 once all was read.
    """

    def __init__(self, chunks: Iterator[bytes], size: int, *, before: bytes = b"", behind: bytes = b"") -> None:
        self._chunks = chunks
        self._size = size
        self._length = len(before) + size + len(behind)
        self._held = bytearray(before)
        self._behind = behind
        self._hash = sha256()
        self._read = 0
        self._ended = False

    @property
    def digest(self) -> str:
        """The SHA-256 of what was read of the file, in hex."""
        return self._hash.hexdigest()

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while piece := self.read(PIECE):
            yield piece

    def read(self, size: int = -1) -> bytes:
        """The next `size` bytes or fewer, all that is left when negative. Gives the last only once the end is known."""
        while not self._ended and (size < 0 or len(self._held) <= size):
            self._fill()
        taken = bytes(self._held if size < 0 else self._held[:size])
        del self._held[: len(taken)]
        return taken

    def _fill(self) -> None:
        piece = next(self._chunks, None)
        if piece is None:
            self._ended = True
            if self._read != self._size:
                raise PermanentError(f"the file ends after {self._read} bytes of {self._size}: it is changing")
            self._held += self._behind
            return
        self._read += len(piece)
        if self._read > self._size:
            raise PermanentError(f"the file is longer than its {self._size} bytes: it is changing")
        self._hash.update(piece)
        self._held += piece
