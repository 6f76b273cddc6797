"""Files by name: made safe for every product, and stored under a name that tells our copy from any other."""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256

from bridge.model.ticket import Attachment

MOST_CHARACTERS = 120
_FORBIDDEN = re.compile(r'[<>:"/\\|?*!^\[\]{}#%&;$`\'~]')
_SPACES = re.compile(r"[\s_]+")
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)", re.IGNORECASE)


def safe_name(name: str) -> str:
    """A file's name without a path, control characters, letters that turn the reading direction (`fdp.exe` shown as
    `exe.pdf`), or signs that mean something to a shell, a form or a markup; never empty, hidden or endless."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name))[-1]
    shown = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C" or letter in "\t\n")
    clean = _SPACES.sub("_", _FORBIDDEN.sub("_", shown)).strip("_. ")
    if not clean:
        return "file"
    if _DEVICES.match(clean):
        clean = f"file_{clean}"
    stem, ending = split_name(clean)
    return stem[: MOST_CHARACTERS - len(ending)].rstrip("_. ") + ending


def split_name(name: str) -> tuple[str, str]:
    """A name parted into what people call it and its ending with the dot (empty when it has none worth the name)."""
    stem, dot, ending = name.rpartition(".")
    if stem and re.fullmatch(r"[A-Za-z0-9]{1,10}", ending):
        return stem, dot + ending
    return name, ""


def source_key(site: str, file: Attachment) -> str:
    """What names a file of a site for ever, as a short hash. Its address counts, since a site may tell a picture that
    stands in a text with or without an id of its own."""
    return sha256(f"{site}\n{file.url or file.id}".encode()).hexdigest()[:32]


def stored_name(site: str, file: Attachment) -> str:
    """The name our copy of a file bears, the same at every attempt: `report.pdf` becomes `report-1a2b3c4d.pdf`."""
    stem, ending = split_name(safe_name(file.name))
    return f"{stem}-{source_key(site, file)[:8]}{ending}"


def shown_size(size: int) -> str:
    """A size for people."""
    for unit, bytes_in_it in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= bytes_in_it:
            return f"{size / bytes_in_it:.1f} {unit}"
    return f"{size} bytes"
