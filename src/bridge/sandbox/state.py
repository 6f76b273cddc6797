"""A sandbox's state in a file: every site's data and the clock's offset, as one JSON document."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bridge.sandbox.server import Sandbox


def save_state(sandbox: Sandbox, file: Path) -> None:
    """Write the state whole or not at all. Call it under the world's lock."""
    state = {
        "offset_s": sandbox.world.offset.total_seconds(),
        "sites": {name: {"kind": site.kind, "data": site.data} for name, site in sandbox.sites.items()},
    }
    fresh = file.with_name(file.name + ".new")
    fresh.write_text(json.dumps(state, ensure_ascii=False, indent=1), encoding="utf-8")
    os.replace(fresh, file)


def load_state(sandbox: Sandbox, file: Path) -> None:
    """Take over what the file holds of these sites; a file that does not exist yet changes nothing.

    Raises ValueError when a site of that name is of another kind there.
    """
    if not file.exists():
        return
    state = json.loads(file.read_text(encoding="utf-8"))
    with sandbox.world.lock:
        sandbox.world.offset = timedelta(seconds=state.get("offset_s", 0))
        for name, kept in state["sites"].items():
            site = sandbox.sites.get(name)
            if site is None:
                continue
            if kept["kind"] != site.kind:
                raise ValueError(
                    f"{file} holds {name} as {kept['kind']}, not as {site.kind}: remove the file or rename"
                )
            site.data = kept["data"]
