"""The sandbox around the simulated vendors: ports, log, faults, later work, webhooks, control, state."""

import json
import socket
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

import pytest
import requests

from bridge.sandbox.faults import Fault
from bridge.sandbox.seed import import_tickets, seed
from bridge.sandbox.server import Sandbox, site_class
from bridge.sandbox.site import Refusal, Reply, Site, route


class NoteSite(Site):
    """A vendor that keeps notes."""

    kind = "notes"
    api = "notes"

    def reset(self) -> None:
        self.data = {"notes": []}

    def authenticate(self, request: Any) -> Any:
        if request.headers.get("X-Who") == "nobody":
            raise Refusal(401, {"error": "who are you?"})
        return {"id": 7, "email": request.headers.get("X-Who", "agent@acme.example")}

    @route("GET", "/notes")
    def notes(self, request: Any, actor: Any) -> Any:
        return self.data["notes"]

    @route("GET", "/notes/<int:number>")
    def note(self, request: Any, actor: Any, number: int) -> Any:
        if number >= len(self.data["notes"]):
            raise Refusal(404, {"error": "no such note"})
        return {"text": self.data["notes"][number]}

    @route("POST", "/notes")
    def add(self, request: Any, actor: Any) -> Any:
        self.data["notes"].append(request.get_json()["text"])
        return Reply(201, {"number": len(self.data["notes"]) - 1}, {"X-Kept": "yes"})

    @route("POST", "/search", reads=True)
    def search(self, request: Any, actor: Any) -> Any:
        return [text for text in self.data["notes"] if request.get_json()["part"] in text]

    @route("GET", "/unchanged")
    def unchanged(self, request: Any, actor: Any) -> Any:
        return Reply(304, headers={"ETag": '"1"'})

    @route("POST", "/hook")
    def hook(self, request: Any, actor: Any) -> Any:
        data = request.get_json()
        self.world.later(data.get("in_s", 0), lambda: self.world.deliver(data["url"], {"X-Event": "note"}, b'{"n": 1}'))
        return Reply(202)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox({"first": NoteSite, "second": NoteSite}, seed=1, settings={"first": {"plan": "team"}}) as running:
        yield running


@pytest.fixture
def http() -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.trust_env = False
        yield session


class Receiver(BaseHTTPRequestHandler):
    """Answers 204 and keeps what it got."""

    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        Receiver.got.append((dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(204)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[str]:
    Receiver.got.clear()
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def test_every_site_has_its_own_port_and_its_own_state(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes", json={"text": "hello"})
    assert http.get(sandbox.urls["first"] + "/notes").json() == ["hello"]
    assert http.get(sandbox.urls["second"] + "/notes").json() == []
    assert sandbox.urls["first"] == sandbox.sites["first"].url


def test_a_connection_stays_open_for_the_next_request(sandbox):
    host, port = sandbox.urls["first"].removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as line, line.makefile("rb") as answers:
        for _ in range(3):
            line.sendall(b"GET /notes HTTP/1.1\r\nHost: acme\r\n\r\n")
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (header := answers.readline()) != b"\r\n":
                if header.lower().startswith(b"content-length:"):
                    length = int(header.split(b":")[1])
            assert answers.read(length) == b"[]"
    assert len(sandbox.log) == 3


def test_the_log_tells_what_was_asked_by_whom_and_what_came_of_it(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes?a=1", data='{"text": "x"}', headers={"Content-Type": "text/plain"})
    http.post(sandbox.urls["first"] + "/search", json={"part": "x"})
    http.post(sandbox.urls["second"] + "/nowhere", data=b"\x00\x01", headers={"X-Who": "nobody"})
    wrote, searched, lost = sandbox.log
    assert wrote.pop("at")
    assert wrote == {
        "site": "first",
        "api": "notes",
        "method": "POST",
        "url": "/notes?a=1",
        "body": {"text": "x"},
        "status": 201,
        "writes": True,
        "actor": "agent@acme.example",
        "fault": "",
    }
    assert (searched["writes"], searched["status"]) == (False, 200)
    assert (lost["body"], lost["status"], lost["writes"]) == ({"bytes": 2}, 404, True)


def test_json_is_read_whatever_its_content_type_says_and_malformed_json_is_a_400(sandbox, http):
    url = sandbox.urls["first"] + "/notes"
    assert http.post(url, data='{"text": "bare"}').status_code == 201
    assert http.post(url, data='{"text": ', headers={"Content-Type": "application/json"}).status_code == 400
    assert http.get(url).json() == ["bare"]


def test_a_chunked_request_body_is_read_whole(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes", data=iter([b'{"text": ', b'"in parts"}']))
    assert http.get(sandbox.urls["first"] + "/notes").json() == ["in parts"]


def test_a_not_modified_answer_has_no_body_and_keeps_the_connection_usable(sandbox, http):
    answer = http.get(sandbox.urls["first"] + "/unchanged")
    assert (answer.status_code, answer.content, answer.headers["ETag"]) == (304, b"", '"1"')
    assert http.head(sandbox.urls["first"] + "/notes").content == b""
    assert http.get(sandbox.urls["first"] + "/notes").json() == []


def test_answers_carry_the_date_of_the_sandbox_clock(sandbox, http):
    sandbox.world.advance(400 * 86400)
    year = sandbox.world.now().year
    assert str(year) in http.get(sandbox.urls["first"] + "/notes").headers["Date"]


@pytest.mark.parametrize("kind", ["drop_before", "drop_after", "late_write"])
def test_a_dropped_connection_gives_no_answer_and_is_logged_with_status_0(sandbox, http, kind):
    sandbox.faults.add(Fault(kind=kind, method="POST", delay_s=30, count=1))
    with pytest.raises(requests.ConnectionError):
        http.post(sandbox.urls["first"] + "/notes", json={"text": kind})
    assert [(entry["status"], entry["fault"]) for entry in sandbox.log] == [(0, kind)]
    expected_now = {"drop_before": [], "drop_after": [kind], "late_write": []}[kind]
    assert http.get(sandbox.urls["first"] + "/notes").json() == expected_now
    sandbox.world.advance(31)
    sandbox.world.settle()
    expected_later = [] if kind == "drop_before" else [kind]
    assert http.get(sandbox.urls["first"] + "/notes").json() == expected_later


def test_a_status_fault_answers_without_handling_and_only_as_often_as_counted(sandbox, http):
    sandbox.faults.add(Fault(kind="status", status=429, retry_after_s=7, site="first", path="^/notes$", count=1))
    refused = http.post(sandbox.urls["first"] + "/notes", json={"text": "x"})
    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert http.get(sandbox.urls["second"] + "/notes").status_code == 200
    assert http.get(sandbox.urls["first"] + "/notes").json() == []


def test_faults_may_hit_writes_only_and_by_probability_that_the_seed_repeats(http):
    def statuses() -> list[int]:
        with Sandbox({"only": NoteSite}, seed=5) as sandbox:
            sandbox.faults.add(Fault(kind="status", status=500, probability=0.5, writes_only=True))
            url = sandbox.urls["only"]
            assert http.post(url + "/search", json={"part": ""}).status_code == 200
            return [http.post(url + "/notes", json={"text": "x"}).status_code for _ in range(12)]

    first = statuses()
    assert first == statuses()
    assert set(first) == {201, 500}


def test_a_truncated_answer_is_broken_json_under_a_matching_length(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes", json={"text": "a rather long note"})
    sandbox.faults.add(Fault(kind="truncate", count=1))
    answer = http.get(sandbox.urls["first"] + "/notes")
    assert len(answer.content) == int(answer.headers["Content-Length"])
    with pytest.raises(ValueError, match=r"Unterminated|Expecting"):
        answer.json()


def test_a_cut_answer_breaks_off_before_its_length(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes", json={"text": "a rather long note"})
    sandbox.faults.add(Fault(kind="cut", count=1))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        http.get(sandbox.urls["first"] + "/notes")


def test_latency_and_a_trickling_body_change_nothing_in_the_answer(sandbox, http):
    http.post(sandbox.urls["first"] + "/notes", json={"text": "note"})
    sandbox.faults.add(Fault(kind="latency", delay_s=0.01))
    sandbox.faults.add(Fault(kind="slow_body", delay_s=0.02))
    assert http.get(sandbox.urls["first"] + "/notes").json() == ["note"]


def test_stopping_does_not_wait_for_a_trickling_body():
    with Sandbox({"only": NoteSite}) as sandbox:
        sandbox.faults.add(Fault(kind="slow_body", delay_s=3600))
        host, port = sandbox.urls["only"].removeprefix("http://").split(":")
        line = socket.create_connection((host, int(port)))
        line.sendall(b"GET /notes HTTP/1.1\r\nHost: acme\r\n\r\n")
        assert line.recv(12) == b"HTTP/1.1 200"
    with line:
        assert not b"".join(iter(lambda: line.recv(4096), b"")).endswith(b"[]")


def test_an_unknown_kind_of_fault_or_site_is_refused_by_name():
    with pytest.raises(ValueError, match="no such fault: 'gremlin'"):
        Fault(kind="gremlin")
    with pytest.raises(ValueError, match="no such kind of site: 'trello'"):
        site_class("trello")


def test_a_webhook_leaves_after_the_request_was_answered(sandbox, http, receiver):
    http.post(sandbox.urls["first"] + "/hook", json={"url": receiver})
    sandbox.world.settle()
    [(headers, body)] = Receiver.got
    assert (headers["X-Event"], body) == ("note", b'{"n": 1}')
    [delivery] = sandbox.world.deliveries
    assert (delivery["status"], delivery["body"], delivery["error"]) == (204, '{"n": 1}', "")


def test_work_for_later_is_done_when_the_sandbox_clock_gets_there(sandbox, http, receiver):
    http.post(sandbox.urls["first"] + "/hook", json={"url": receiver, "in_s": 3600})
    sandbox.world.settle()
    assert Receiver.got == []
    sandbox.world.advance(3601)
    sandbox.world.settle()
    assert len(Receiver.got) == 1


def test_a_delivery_nobody_takes_is_recorded_with_its_error_and_told_to_the_sender(sandbox):
    told = []
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/hook"
        with sandbox.world.lock:
            sandbox.world.deliver(url, {}, b"{}", answered=told.append)
        sandbox.world.settle()
    assert told == [0]
    assert sandbox.world.deliveries[0]["status"] == 0
    assert "refused" in sandbox.world.deliveries[0]["error"]


def test_the_control_api_shows_and_resets_state_without_being_logged_or_faulted(sandbox, http):
    control = sandbox.urls["second"] + "/_sandbox"
    http.post(sandbox.urls["first"] + "/notes", json={"text": "x"})
    sandbox.faults.add(Fault(kind="drop_before"))
    assert [site["site"] for site in http.get(control + "/sites").json()] == ["first", "second"]
    assert http.get(control + "/state?site=first").json() == {"first": {"notes": ["x"]}}
    assert http.get(control + "/state?site=third").status_code == 400
    assert len(sandbox.log) == 1
    assert http.post(control + "/reset").status_code == 200
    assert http.get(control + "/state").json() == {"first": {"notes": []}, "second": {"notes": []}}
    assert sandbox.log == []
    assert http.get(sandbox.urls["first"] + "/notes").status_code == 200


def test_faults_log_clock_and_settings_are_worked_over_http(sandbox, http):
    url, control = sandbox.urls["first"], sandbox.urls["first"] + "/_sandbox"
    assert http.post(control + "/faults", json={"kind": "status", "status": 500, "count": 1}).status_code == 201
    assert http.post(control + "/faults", json={"kind": "gremlin"}).status_code == 400
    assert http.post(control + "/faults", json={"kind": "status", "colour": "red"}).status_code == 400
    assert http.get(url + "/notes").status_code == 500
    assert http.get(control + "/faults").json()[0]["used"] == 1
    assert http.delete(control + "/faults").status_code == 204
    http.post(url + "/notes", json={"text": "x"})
    [line] = http.get(control + "/log?writes=1").text.splitlines()
    assert json.loads(line)["body"] == {"text": "x"}
    assert http.delete(control + "/log").status_code == 204
    assert http.get(control + "/log").text == ""
    assert http.post(control + "/clock", json={"at": "2031-05-01T09:00:00Z"}).json()["now"].startswith("2031-05-01T09:")
    assert http.get(control + "/clock").json()["offset_s"] > 0
    assert http.post(control + "/settings", json={"site": "first", "limit": 3}).json() == {"plan": "team", "limit": 3}
    assert http.get(control + "/nothing").status_code == 404


def test_state_outlives_a_restart_and_the_log_goes_to_its_file(tmp_path: Path, http):
    state, log = tmp_path / "state.json", tmp_path / "log.jsonl"
    with Sandbox({"only": NoteSite}, state_file=state, log_file=log) as sandbox:
        http.post(sandbox.urls["only"] + "/notes", json={"text": "kept ü"})
        sandbox.world.advance(60)
        assert http.post(sandbox.urls["only"] + "/_sandbox/save").status_code == 200
        assert json.loads(state.read_text(encoding="utf-8"))["sites"]["only"]["data"] == {"notes": ["kept ü"]}
    with Sandbox({"only": NoteSite}, state_file=state, log_file=log) as sandbox:
        assert http.get(sandbox.urls["only"] + "/notes").json() == ["kept ü"]
        assert sandbox.world.offset.total_seconds() == 60
    assert [json.loads(line)["method"] for line in log.read_text(encoding="utf-8").splitlines()] == ["POST", "GET"]


def test_a_base_port_gives_the_sites_that_port_and_the_next():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with Sandbox({"a": NoteSite}, base_port=port) as sandbox:
        assert sandbox.urls["a"] == f"http://127.0.0.1:{port}"
        with pytest.raises(OSError, match="in use"):
            Sandbox({"b": NoteSite}, base_port=port).start()


def test_seeded_tickets_are_a_customers_own_and_lie_in_the_last_90_days():
    def tell(seed_number: int) -> list[dict[str, Any]]:
        with Sandbox({"acme-desk": "zendesk", "tracker": NoteSite}) as sandbox:
            seed(sandbox, tickets=12, seed=seed_number)
            now = sandbox.world.now()
            for ticket in sandbox.sites["acme-desk"].data["tickets"].values():
                created_at = datetime.fromisoformat(ticket["created_at"])
                assert timedelta() <= now - created_at <= timedelta(days=90)
                requester = sandbox.sites["acme-desk"].data["users"][str(ticket["requester_id"])]
                assert requester["role"] == "end-user"
            assert {entry["site"] for entry in sandbox.log} == {"acme-desk"}
            assert {entry["actor"].partition("@")[2] for entry in sandbox.log} == {"acme-desk.example"}
            return [
                {key: ticket[key] for key in ("subject", "status", "priority")}
                for ticket in sandbox.sites["acme-desk"].data["tickets"].values()
            ]

    told = tell(1)
    assert len(told) == 12
    assert told == tell(1)
    assert told != tell(2)
    assert {ticket["status"] for ticket in told} == {"open"}


EXPORTED = {"id": 28, "subject": "test", "description": "as exported", "created_at": "2025-09-18T15:57:42Z"}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"tickets": [EXPORTED], "end_of_stream": True, "after_cursor": "x"}),
        json.dumps([{"tickets": [EXPORTED]}]),
        json.dumps(EXPORTED) + "\n" + json.dumps({**EXPORTED, "id": 29}) + "\n",
    ],
    ids=["one page", "a list of pages", "lines of tickets"],
)
def test_an_export_is_loaded_in_any_of_its_forms(tmp_path, http, text):
    file = tmp_path / "export.json"
    file.write_text(text, encoding="utf-8")
    with Sandbox({"acme-desk": "zendesk"}) as sandbox:
        assert import_tickets(sandbox, "acme-desk", file) == text.count("as exported")
        login = ("agent@acme-desk.example/token", "sandbox")
        ticket = http.get(sandbox.urls["acme-desk"] + "/api/v2/tickets/28.json", auth=login).json()["ticket"]
        assert (ticket["subject"], ticket["created_at"]) == ("test", "2025-09-18T15:57:42Z")


def test_what_is_no_export_is_refused(tmp_path, sandbox):
    file = tmp_path / "export.json"
    file.write_text("{not json", encoding="utf-8")
    with pytest.raises(ValueError, match="helpdesk only"):
        import_tickets(sandbox, "first", file)
    with Sandbox({"acme-desk": "zendesk"}) as desk:
        with pytest.raises(ValueError, match="neither JSON nor JSON lines"):
            import_tickets(desk, "acme-desk", file)
        file.write_text('["a"]', encoding="utf-8")
        with pytest.raises(ValueError, match="neither a page of tickets nor a ticket"):
            import_tickets(desk, "acme-desk", file)
