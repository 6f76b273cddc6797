"""Sizes of files as admins write them: `50 MB`, `1.5 GB`, `800 kB`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

UNITS = {"B": 1, "kB": 1024, "MB": 1024**2, "GB": 1024**3}
PATTERN = r"^([0-9]{1,9}(?:\.[0-9]{1,3})?) ?(B|kB|MB|GB)$"


def parse_size(value: Any) -> int:
    """Bytes. Raises ValueError with a sentence for anything without a unit."""
    if isinstance(value, int) and not isinstance(value, bool) and value == 0:
        return 0
    match = re.fullmatch(PATTERN, value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError("must be a size with its unit, such as `800 kB`, `50 MB` or `1 GB` (or 0 for no files)")
    return int(float(match[1]) * UNITS[match[2]])


Size = Annotated[
    int,
    BeforeValidator(parse_size),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": PATTERN, "examples": ["50 MB", "1 GB"]}, {"const": 0}]}),
]
