"""`bridge exposure`: the page an admin reads before going live."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from bridge.cli.exposure import exposure
from bridge.cli.story.config import SITES, config_text
from bridge.errors import ConfigurationError

terminal = typer.Typer()
"""The command without the options before it, which turn the log to a terminal of their own."""
terminal.command()(exposure)


def page(home: Path, *arguments: str, mode: str = "live", more: str = "") -> str:
    path = home / "config.yaml"
    text = config_text({site: f"https://{site}.example" for site in SITES})
    path.write_text(
        text.replace("mode: live", f"mode: {mode}").replace("open_when", f"{more}open_when", 1), encoding="utf-8"
    )
    command = [*arguments, "--config", str(path)]
    result = CliRunner().invoke(terminal, command, env={"SANDBOX_TOKEN": "x", "COLUMNS": "200"})
    if result.exception is not None:
        raise result.exception
    return result.stdout


def test_every_kind_of_text_stands_there_with_its_readers_and_its_rule(tmp_path: Path) -> None:
    told = json.loads(page(tmp_path, "acme", "--json"))
    kinds = {(row["kind"], row["name"]) for row in told["exposed"]}
    assert {("comment", ""), ("update", "cause"), ("update", "workaround"), ("update", "delivered")} <= kinds
    assert ("field", "state") in kinds
    assert ("field", "summary") not in kinds
    for row in told["exposed"]:
        assert row["rule"].startswith("mappings/")
        assert ":" in row["rule"]
        assert row["direction"] == "to_helpdesk"
        assert row["flows"]
    [comment] = [row for row in told["exposed"] if row["kind"] == "comment"]
    assert comment["audience"] == "customer_team"
    assert "#reply" in comment["what"]


def test_internal_holds_back_all_words_and_says_so(tmp_path: Path) -> None:
    told = json.loads(page(tmp_path, "acme", "--json", mode="internal"))
    flowing = {row["name"] for row in told["exposed"] if row["flows"]}
    assert flowing
    assert flowing <= {"state", "priority", "severity"}
    assert all("held back" in row["effect"] for row in told["exposed"] if not row["flows"])


@pytest.mark.parametrize(("mode", "flows"), [("live", True), ("internal", False), ("observe", False)])
def test_a_field_that_shows_the_issue_is_something_a_customer_may_see(tmp_path: Path, mode: str, flows: bool) -> None:
    told = json.loads(page(tmp_path, "acme", "--json", mode=mode, more="issue_key_field: Vendor issue, "))
    [row] = [row for row in told["exposed"] if row["kind"] == "issue_key"]
    assert (row["what"], row["flows"]) == ("the key of the issue, in field Vendor issue", flows)
    assert "config.yaml:" in row["rule"]


def test_the_page_for_people_fits_and_names_what_is_denied(tmp_path: Path) -> None:
    shown = page(tmp_path, "globex")
    assert "a comment that begins with #reply" in shown
    assert "Everything else stays in the tracker." in shown
    assert shown.count("denies.") == 2


def test_a_route_there_is_not_is_answered_in_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no route acne; the config has acme, globex"):
        page(tmp_path, "acne")
