"""The control API under `/_sandbox/`, the same on every site's port. Never logged, never faulted.

GET sites, state (`?site=`), log (JSON lines, `?writes=1`, `?site=`), faults, clock, deliveries; POST reset, save, faults,
clock (`{"advance_s": n}` or `{"at": iso}`), settings (`{"site": name, …}`); DELETE faults, log, deliveries.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from werkzeug.exceptions import BadRequest
from werkzeug.wrappers import Request

from bridge.sandbox.faults import Fault
from bridge.sandbox.site import Reply

if TYPE_CHECKING:
    from bridge.sandbox.server import Sandbox

CONTROL = "/_sandbox/"


class Control:
    """Answers control requests. Used under the world's lock."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._handlers: dict[tuple[str, str], Callable[[Request], Any]] = {
            ("GET", "sites"): self._sites,
            ("GET", "state"): self._state,
            ("POST", "reset"): self._reset,
            ("POST", "save"): self._save,
            ("GET", "faults"): self._faults,
            ("POST", "faults"): self._add_faults,
            ("DELETE", "faults"): self._clear_faults,
            ("GET", "log"): self._log,
            ("DELETE", "log"): self._clear_log,
            ("GET", "deliveries"): self._deliveries,
            ("DELETE", "deliveries"): self._clear_deliveries,
            ("GET", "clock"): self._clock,
            ("POST", "clock"): self._set_clock,
            ("POST", "settings"): self._settings,
        }

    def handle(self, request: Request) -> Reply:
        """The answer to one control request: 400 for one that makes no sense, 404 for one unknown."""
        handler = self._handlers.get((request.method, request.path.removeprefix(CONTROL).rstrip("/")))
        if handler is None:
            known = sorted(f"{method} {CONTROL}{name}" for method, name in self._handlers)
            return Reply(404, {"error": "no such control request", "known": known})
        try:
            answer = handler(request)
        except BadRequest as error:
            return Reply(400, {"error": error.description})
        except (ValueError, TypeError, KeyError) as error:
            return Reply(400, {"error": str(error)})
        return answer if isinstance(answer, Reply) else Reply(200, answer)

    def _sites(self, request: Request) -> Any:
        return [
            {"site": name, "kind": site.kind, "api": site.api, "url": site.url}
            for name, site in self._sandbox.sites.items()
        ]

    def _state(self, request: Request) -> Any:
        wanted = request.args.get("site")
        if wanted is None:
            return {name: site.data for name, site in self._sandbox.sites.items()}
        return {wanted: self._site(wanted).data}

    def _reset(self, request: Request) -> Any:
        self._sandbox.reset()
        return {"reset": list(self._sandbox.sites)}

    def _save(self, request: Request) -> Any:
        if self._sandbox.state_file is None:
            raise ValueError("this sandbox was started without a state file")
        self._sandbox.save()
        return {"saved": str(self._sandbox.state_file)}

    def _faults(self, request: Request) -> Any:
        return self._sandbox.faults.describe()

    def _add_faults(self, request: Request) -> Any:
        data = request.get_json()
        for fault in [Fault.from_json(one) for one in (data if isinstance(data, list) else [data])]:
            self._sandbox.faults.add(fault)
        return Reply(201, self._sandbox.faults.describe())

    def _clear_faults(self, request: Request) -> Any:
        self._sandbox.faults.clear()
        return Reply(204)

    def _log(self, request: Request) -> Any:
        entries = self._sandbox.log
        if request.args.get("writes") == "1":
            entries = [entry for entry in entries if entry["writes"]]
        if "site" in request.args:
            entries = [entry for entry in entries if entry["site"] == request.args["site"]]
        lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        return Reply(200, lines.encode(), {"Content-Type": "application/x-ndjson; charset=utf-8"})

    def _clear_log(self, request: Request) -> Any:
        self._sandbox.clear_log()
        return Reply(204)

    def _deliveries(self, request: Request) -> Any:
        return self._sandbox.world.deliveries

    def _clear_deliveries(self, request: Request) -> Any:
        self._sandbox.world.deliveries.clear()
        return Reply(204)

    def _clock(self, request: Request) -> Any:
        return {"now": self._sandbox.world.now().isoformat(), "offset_s": self._sandbox.world.offset.total_seconds()}

    def _set_clock(self, request: Request) -> Any:
        data = request.get_json()
        if "advance_s" in data:
            self._sandbox.world.advance(float(data["advance_s"]))
        else:
            wanted_at = datetime.fromisoformat(data["at"])
            if wanted_at.tzinfo is None:
                wanted_at = wanted_at.replace(tzinfo=UTC)
            self._sandbox.world.advance((wanted_at - self._sandbox.world.now()).total_seconds())
        return self._clock(request)

    def _settings(self, request: Request) -> Any:
        data = dict(request.get_json())
        site = self._site(data.pop("site"))
        site.settings.update(data)
        return site.settings

    def _site(self, name: str) -> Any:
        if name not in self._sandbox.sites:
            raise ValueError(f"no such site: {name!r} (known: {', '.join(self._sandbox.sites)})")
        return self._sandbox.sites[name]
