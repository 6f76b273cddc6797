"""The commands a newcomer types, as real processes."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import bridge

sys.path.insert(0, str(Path(__file__).parent.parent / "contract"))
import descriptions

ROOT = Path(__file__).parent.parent.parent
needs_descriptions = pytest.mark.skipif(
    not descriptions.are_here(), reason="the vendors' API descriptions are not here (BRIDGE_SPECS)"
)


def call(*arguments: str, cwd: Path, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run `bridge` with nothing of this process's environment but the path."""
    environment = {"PATH": os.environ["PATH"], "COLUMNS": "160", **(variables or {})}
    command = [sys.executable, "-m", "bridge", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)


@contextmanager
def sandbox(folder: Path, *arguments: str) -> Iterator[dict[str, str]]:
    """`bridge sandbox` in another terminal; the variables it says to export."""
    command = [sys.executable, "-m", "bridge", "sandbox", "--port", "0", "--log", str(folder / "log.jsonl"), *arguments]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    variables = {}
    for line in process.stdout:
        match = re.match(r"export (\w+)=(\S+)", line)
        if match:
            variables[match[1]] = match[2]
        if line.startswith("bridge run"):
            break
    try:
        yield variables
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()
        process.stdout.close()


def log_of(folder: Path) -> list[dict[str, Any]]:
    """The sandbox's log so far."""
    return [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_example_config_links_every_ticket_and_a_second_run_asks_each_feed_once(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", tmp_path)
    arguments = ("run", "--once", "--json", "--config", "config.example.yaml")
    with sandbox(tmp_path, "--tickets", "10") as variables:
        first = call(*arguments, cwd=tmp_path, variables=variables)
        assert first.returncode == 0, first.stderr
        assert {name: row["links"] for name, row in json.loads(first.stdout)["routes"].items()} == {
            "acme": 10,
            "globex": 10,
        }
        before = len(log_of(tmp_path))
        second = call(*arguments, cwd=tmp_path, variables=variables)
        assert second.returncode == 0, second.stderr
        later = log_of(tmp_path)[before:]
        assert [entry for entry in later if entry["writes"]] == []
        asked = [(entry["site"], entry["url"].partition("?")[0]) for entry in later]
        # Each start makes sure once that not everybody can read the repository; all else is one request a feed.
        asked.remove(("vendor-github", "/repos/vendor/platform"))
        assert len(asked) == len(set(asked)) == 6, asked
        state = call("status", "--json", "--config", "config.example.yaml", cwd=tmp_path, variables=variables)
        assert json.loads(state.stdout)["links"] == {"acme": 10, "globex": 10}
    if descriptions.are_here():
        assert descriptions.violations(log_of(tmp_path)) == []


@needs_descriptions
def test_every_request_of_the_demo_fits_the_vendors_own_descriptions(tmp_path: Path) -> None:
    done = call("demo", "--json", "--tickets", "12", "--seed", "5", "--log", "log.jsonl", cwd=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert {name: report[name] for name in ("lost", "duplicated", "leaked")} == {
        "lost": 0,
        "duplicated": 0,
        "leaked": 0,
    }
    assert report["faults_played"] > 0
    entries = log_of(tmp_path)
    assert {entry["api"] for entry in entries} == {"zendesk", "jira", "github"}
    assert descriptions.violations(entries) == []


@needs_descriptions
def test_the_descriptions_refuse_a_request_no_vendor_would_take() -> None:
    entry = {"api": "jira", "method": "POST", "url": "/rest/api/3/issue/ACME-1/nonsense", "body": {"a": 1}}
    wrong = {"api": "github", "method": "POST", "url": "/repos/vendor/platform/issues", "body": {"title": ["x"]}}
    assert len(descriptions.violations([entry, wrong])) == 2


def test_version_help_and_unknown_commands(tmp_path: Path) -> None:
    assert call("version", cwd=tmp_path).stdout.strip() == bridge.__version__
    assert json.loads(call("version", "--json", cwd=tmp_path).stdout) == {"version": bridge.__version__}
    assert call("nonsense", cwd=tmp_path).returncode == 2


BROKEN = {
    "missing key": ("sites:\n  desk:\n    connector: zendesk\n", 3),
    "unknown key": ("sitez: {}\n", 1),
    "wrong type": ("sites: [desk]\n", 1),
    "duplicate key": ("language: en\nlanguage: de\n", 2),
    "tab": ("sites:\n\tdesk: {}\n", 2),
    "empty": ("", 1),
    "binary": ("\x00\x01\x02", 1),
}


@pytest.mark.parametrize("name", BROKEN)
def test_check_says_what_is_wrong_with_file_and_line_and_exits_2(tmp_path: Path, name: str) -> None:
    text, line = BROKEN[name]
    (tmp_path / "config.yaml").write_bytes(text.encode())
    done = call("check", cwd=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    first = done.stderr.strip().splitlines()[0]
    assert re.match(rf"config\.yaml:{line}(:\d+)?: ", first), first


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("connector: jira", "connector: jirra"), r"config\.yaml:\d+:\d+: there is no connector `jirra` .*jira"),
        (("env:JIRA_TOKEN", "env:NO_SUCH_TOKEN"), r"config\.yaml:\d+:\d+: .*NO_SUCH_TOKEN"),
        (("contract: standard", "contract: ./broken.yaml"), r"broken\.yaml:\d+:\d+: .*Europe/Nowhere"),
    ],
)
def test_check_names_connector_secret_and_time_zone(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    example = (ROOT / "config.example.yaml").read_text(encoding="utf-8")
    if change[0] not in example:
        example = example.replace("    mode: live\n", f"    mode: live\n    {change[0]}\n", 1)
    (tmp_path / "config.yaml").write_text(example.replace(*change), encoding="utf-8")
    standard = (ROOT / "contracts" / "standard.yaml").read_text(encoding="utf-8")
    (tmp_path / "broken.yaml").write_text(re.sub(r"Europe/\w+", "Europe/Nowhere", standard), encoding="utf-8")
    names = ("ACME_DESK", "GLOBEX_DESK", "JIRA", "GITHUB")
    variables = {f"{name}_URL": "http://127.0.0.1:1" for name in names} | {f"{name}_TOKEN": "x" for name in names}
    done = call("check", cwd=tmp_path, variables=variables)
    assert done.returncode == 2, done.stdout
    assert re.search(said, done.stderr), done.stderr


def test_a_site_that_cannot_be_reached_is_one_sentence_and_exit_1(tmp_path: Path) -> None:
    shutil.copy(ROOT / "config.example.yaml", tmp_path)
    names = ("ACME_DESK", "GLOBEX_DESK", "JIRA", "GITHUB")
    variables = {f"{name}_URL": "http://127.0.0.1:1" for name in names} | {f"{name}_TOKEN": "x" for name in names}
    arguments = ("--log-level", "error", "run", "--once", "--patience", "0", "--config", "config.example.yaml")
    done = call(*arguments, cwd=tmp_path, variables=variables)
    assert done.returncode == 1
    assert "acme-desk" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
