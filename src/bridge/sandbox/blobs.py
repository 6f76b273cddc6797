"""What is too large for a state of plain JSON: the bytes of files, on disk, by name."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO
from uuid import uuid4

PIECE = 1 << 16


class Blobs:
    """A folder of files: `folder`, or one of its own that goes when it is closed. Used under the world's lock."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._own: TemporaryDirectory[str] | None = None

    def keep(self, source: IO[bytes]) -> tuple[str, int]:
        """Copy a stream to its end: the blob's name, and how many bytes it has."""
        name = uuid4().hex
        path = self.path(name)
        with path.open("wb") as target:
            shutil.copyfileobj(source, target, PIECE)
        return name, path.stat().st_size

    def path(self, name: str) -> Path:
        """Where a blob is."""
        if self._folder is None:
            self._own = TemporaryDirectory(prefix="bridge-sandbox-")
            self._folder = Path(self._own.name)
        self._folder.mkdir(parents=True, exist_ok=True)
        return self._folder / name

    def drop(self, name: str) -> None:
        """Forget a blob."""
        self.path(name).unlink(missing_ok=True)

    def close(self) -> None:
        """Remove a folder of our own."""
        if self._own is not None:
            self._own.cleanup()
            self._own = self._folder = None
