"""The sandbox: simulated sites behind real ports, with a request log, faults, a control API and state in a file."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import datetime
from email.utils import format_datetime
from importlib import import_module
from pathlib import Path
from threading import Event
from types import TracebackType
from typing import Any, Self

from werkzeug.wrappers import Request

from bridge.sandbox.control import CONTROL, Control
from bridge.sandbox.faults import Fault, Faults
from bridge.sandbox.listener import HOST, Answer, Listener, forget
from bridge.sandbox.log import RequestLog, body_for_log
from bridge.sandbox.site import Reply, Site
from bridge.sandbox.state import load_state, save_state
from bridge.sandbox.world import World

KINDS = {
    "zendesk": ("bridge.sandbox.zendesk", "ZendeskSite"),
    "jira-cloud": ("bridge.sandbox.jira", "JiraCloudSite"),
    "jira-datacenter": ("bridge.sandbox.jira", "JiraDataCenterSite"),
    "github": ("bridge.sandbox.github", "GitHubSite"),
}
"""Where each kind of site lives. Imported only when asked for."""


SPARE = "X-Sandbox-Spare"
"""A request with this header meets no fault: people who act in a story beside the program that is put to the test."""


def site_class(kind: str) -> type[Site]:
    """The class behind a kind. Raises ValueError for an unknown one."""
    if kind not in KINDS:
        raise ValueError(f"no such kind of site: {kind!r} (known: {', '.join(KINDS)})")
    module, name = KINDS[kind]
    found: type[Site] = getattr(import_module(module), name)
    return found


class Sandbox:
    """Simulated sites, one loopback port each. Use it as a context, or `start` and `stop` it.

    The bytes of files lie beside the state file, in `STATE.files`, or in a folder that goes with the sandbox.
    `sites` maps names to kinds (or to Site classes); `settings` are handed to the sites by name. With `base_port` the
    sites take that port and the following ones, else any free ones. `state_file` is read at the start if it exists and
    written at the stop; `log_file` receives the request log as JSON lines. `present` is a clock other than the machine's.
    """

    def __init__(
        self,
        sites: Mapping[str, str | type[Site]],
        *,
        seed: int = 0,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        state_file: Path | None = None,
        log_file: Path | None = None,
        base_port: int = 0,
        present: Callable[[], datetime] | None = None,
    ) -> None:
        files = None if state_file is None else state_file.with_name(state_file.name + ".files")
        self.world = (
            World(seed=seed, blobs=files) if present is None else World(seed=seed, blobs=files, present=present)
        )
        self.faults = Faults(self.world.random)
        self.requests = RequestLog(log_file)
        self.state_file = state_file
        self.sites: dict[str, Site] = {}
        self.urls: dict[str, str] = {}
        self._base_port = base_port
        self._listeners: list[Listener] = []
        for name, kind in sites.items():
            made = site_class(kind) if isinstance(kind, str) else kind
            self.sites[name] = made(name, self.world, **dict((settings or {}).get(name, {})))

    @property
    def log(self) -> list[dict[str, Any]]:
        """The requests handled so far: `at`, `site`, `api`, `method`, `url` (path and query as received), `body`
        (parsed JSON, None, or `{"bytes": n}`), `status` (0: connection dropped), `writes`, `actor`, `fault`."""
        return self.requests.entries

    def clear_log(self) -> None:
        """Forget the requests handled so far."""
        with self.world.lock:
            self.requests.clear()

    def start(self) -> None:
        """Open the ports and begin to answer.

        Raises OSError when a port is taken, ValueError when the state file is not of these sites.
        """
        control = Control(self)
        try:
            for number, (name, site) in enumerate(self.sites.items()):
                port = self._base_port + number if self._base_port else 0
                listener = Listener(port, self._answerer(site, control))
                self._listeners.append(listener)
                self.urls[name] = site.url = f"http://{HOST}:{listener.port}"
            if self.state_file is not None:
                load_state(self, self.state_file)
        except (OSError, ValueError):
            for listener in self._listeners:
                listener.server_close()
            self._listeners = []
            raise
        for listener in self._listeners:
            listener.start()

    def stop(self) -> None:
        """Close the ports, drop what was still to come, and save the state where a file was given."""
        with ExitStack() as rest:
            rest.callback(self.requests.close)
            rest.callback(self.save)
            rest.callback(self.world.close)
            for listener in self._listeners:
                rest.callback(listener.stop)
            self._listeners = []

    def save(self) -> None:
        """Write the state file, if there is one."""
        if self.state_file is not None:
            with self.world.lock:
                save_state(self, self.state_file)

    def reset(self) -> None:
        """Put every site into its first state, end all faults, forget the log."""
        with self.world.lock:
            for site in self.sites.values():
                site.reset()
            self.faults.clear()
            self.requests.clear()
            self.world.deliveries.clear()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _answerer(self, site: Site, control: Control) -> Callable[[Request, Event], Answer]:
        def answer(request: Request, stopping: Event) -> Answer:
            if request.path.startswith(CONTROL):
                with self.world.lock:
                    return self._answer_with(control.handle(request))
            return self._answer(site, request, stopping)

        return answer

    def _answer(self, site: Site, request: Request, stopping: Event) -> Answer:
        if request.mimetype == "multipart/form-data":
            # Forms are taken apart before the lock: a large one takes its time.
            _ = request.files
        with self.world.lock:
            writes = not site.only_reads(request)
            spared = SPARE in request.headers
            latency_s, fault = (
                (0.0, None)
                if spared
                else self.faults.take(site=site.name, method=request.method, path=request.path, writes=writes)
            )
        if latency_s:
            stopping.wait(latency_s)
        kind = fault.kind if fault else "latency" if latency_s else ""
        with self.world.lock:
            note = _Note(self, site, request, writes, kind)
            if fault is None:
                return note.handled(*self._handle(site, request))
            if fault.kind == "status":
                return note.handled(self._answer_with(_fault_reply(fault)), lambda: None)
            if fault.kind == "late_write":
                self.world.later(fault.delay_s, lambda: self._handle_late(site, request))
            if fault.kind in ("drop_before", "late_write"):
                return note.dropped(lambda: None, late=fault.kind == "late_write")
            answer, sent = self._handle(site, request)
            if fault.kind == "drop_after":
                return note.dropped(sent)
            return note.handled(_spoil(answer, fault), sent)

    def _handle(self, site: Site, request: Request) -> tuple[Answer, Callable[[], None]]:
        self.world.begin_request()
        try:
            reply, _ = site.handle(request)
        finally:
            sent = self.world.end_request()
        return self._answer_with(reply), sent

    def _handle_late(self, site: Site, request: Request) -> None:
        _, sent = self._handle(site, request)
        sent()
        forget(request)

    def _answer_with(self, reply: Reply) -> Answer:
        headers = {"Date": format_datetime(self.world.now(), usegmt=True)}
        body: bytes | Path
        if isinstance(reply.body, bytes | Path):
            body = reply.body
            headers["Content-Type"] = "application/octet-stream"
        elif reply.body is None:
            body = b""
        else:
            body = json.dumps(reply.body, ensure_ascii=False).encode()
            headers["Content-Type"] = "application/json; charset=utf-8"
        return Answer(reply.status, {**headers, **reply.headers}, body)


class _Note:
    """One request on its way into the log."""

    def __init__(self, sandbox: Sandbox, site: Site, request: Request, writes: bool, fault: str) -> None:
        self._sandbox = sandbox
        self._request = request
        self._entry: dict[str, Any] = {
            "at": sandbox.world.now().isoformat(),
            "site": site.name,
            "api": site.api,
            "method": request.method,
            "url": request.environ["RAW_URI"],
            "body": body_for_log(request),
            "status": 0,
            "writes": writes,
            "actor": "",
            "fault": fault,
        }

    def handled(self, answer: Answer, sent: Callable[[], None]) -> Answer:
        """Log the request with the status it gets."""
        self._entry["actor"] = self._request.environ.get("sandbox.actor", "")
        self._entry["status"] = answer.status
        self._sandbox.requests.append(self._entry)
        answer.sent = sent
        return answer

    def dropped(self, sent: Callable[[], None], *, late: bool = False) -> Answer:
        """Log the request as one that got no answer."""
        self._entry["actor"] = self._request.environ.get("sandbox.actor", "")
        self._sandbox.requests.append(self._entry)
        return Answer(dropped=True, late=late, sent=sent)


def _fault_reply(fault: Fault) -> Reply:
    headers = dict(fault.headers)
    if fault.retry_after_s is not None:
        headers["Retry-After"] = str(round(fault.retry_after_s))
    body = fault.body if fault.body is not None else {"error": f"a fault of the sandbox: status {fault.status}"}
    return Reply(fault.status, body, headers)


def _spoil(answer: Answer, fault: Fault) -> Answer:
    half = answer.length // 2
    if fault.kind == "slow_body":
        answer.trickle_s = fault.delay_s
    elif fault.kind == "truncate":
        whole = answer.body
        answer.body = whole[:half] if isinstance(whole, bytes) else whole.read_bytes()[:half]
    elif fault.kind == "cut":
        answer.send = half
    return answer
