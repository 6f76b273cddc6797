"""The request log: what reached the simulated sites, in the order it was handled."""

from __future__ import annotations

import json
from pathlib import Path
from typing import IO, Any

from werkzeug.wrappers import Request

READABLE = 1 << 20
"""A longer body is nothing to read, and is not held in memory for it."""


class RequestLog:
    """Entries as plain dicts, and as JSON lines in a file where one is given. Used under the world's lock."""

    def __init__(self, file: Path | None = None) -> None:
        self.entries: list[dict[str, Any]] = []
        self._file = file
        self._open: IO[str] | None = None

    def append(self, entry: dict[str, Any]) -> None:
        """Note one request."""
        self.entries.append(entry)
        if self._file is None:
            return
        if self._open is None:
            self._open = self._file.open("a", encoding="utf-8")
        self._open.write(json.dumps(entry, ensure_ascii=False) + "\n")
        self._open.flush()

    def clear(self) -> None:
        """Forget the entries; the file keeps its lines."""
        self.entries.clear()

    def close(self) -> None:
        """Let the file go."""
        if self._open is not None:
            self._open.close()
            self._open = None


def body_for_log(request: Request) -> Any:
    """A request's body as the log shows it: parsed JSON, None when empty, `{"bytes": n}` for anything else."""
    size = request.content_length or 0
    if request.mimetype == "multipart/form-data" or size > READABLE:
        return {"bytes": size}
    body = request.get_data()
    if not body:
        return None
    try:
        return json.loads(body)
    except ValueError:
        return {"bytes": len(body)}
