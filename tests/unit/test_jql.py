"""Jira's query language as the sandbox serves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bridge.sandbox.jira.jql import JqlError, parse
from bridge.sandbox.jira.jql_match import Row, Setting, select

NOW = datetime(2026, 3, 2, 12, 0, 30, tzinfo=UTC)


def issue(number: int, *, project: str = "acme", minutes_old: float = 5, **more: Any) -> Row:
    at = NOW - timedelta(minutes=minutes_old)
    row = {
        "id": (str(10000 + number),),
        "key": (f"{project}-{number}",),
        "project": (project, "10000" if project == "acme" else "10001"),
        "status": ("to do", "1"),
        "labels": (),
        "fixVersion": (),
        "updated": at,
        "created": at,
    }
    return {**row, **more}


ROWS = [
    issue(1, minutes_old=5, labels=("red", "bridge-1")),
    issue(2, minutes_old=50, labels=("blue",), status=("done", "5")),
    issue(3, minutes_old=500, fixVersion=("1.0", "10100")),
    issue(4, project="core", minutes_old=5000),
    issue(10, minutes_old=5),
]


def keys(jql: str, *, zone: str = "UTC") -> list[str]:
    def known(field: str, value: str) -> bool:
        return value.lower() not in ("nowhere", "acme-99")

    return [row["key"][0] for row in select(parse(jql), ROWS, Setting(NOW, zone, known))]


@pytest.mark.parametrize(
    ("jql", "expected"),
    [
        ("project = ACME ORDER BY key", ["acme-1", "acme-2", "acme-3", "acme-10"]),
        ("project in (ACME, CORE) and updated >= -60m order by updated asc, key desc", ["acme-2", "acme-10", "acme-1"]),
        ('project in ("10001") ORDER BY id', ["core-4"]),
        ("key in (ACME-1, core-4) ORDER BY id", ["acme-1", "core-4"]),
        ("id in (10001, '10002') ORDER BY id", ["acme-1", "acme-2"]),
        ("project = ACME AND key > ACME-2 ORDER BY key ASC", ["acme-3", "acme-10"]),
        ("labels = red", ["acme-1"]),
        ("labels != red", ["acme-2"]),
        ("labels not in (red, blue)", []),
        ("labels is empty ORDER BY key", ["acme-3", "acme-10", "core-4"]),
        ("labels is not EMPTY ORDER BY key DESC", ["acme-2", "acme-1"]),
        ("NOT labels = red AND project = ACME ORDER BY key", ["acme-2", "acme-3", "acme-10"]),
        ('status = "To Do" AND (labels = red OR fixVersion = 1.0) ORDER BY key', ["acme-1", "acme-3"]),
        ("fixVersion in (10100)", ["acme-3"]),
        ("status = Done OR key = CORE-4 AND labels is empty ORDER BY key", ["acme-2", "core-4"]),
        ("updated < -1d", ["core-4"]),
        ("created >= -3d and created <= '-60m' ORDER BY created", ["acme-3"]),
    ],
)
def test_a_query_finds_the_issues_that_answer_it_in_its_order(jql: str, expected: list[str]) -> None:
    found = keys(jql)
    if "order" not in jql.lower():
        found, expected = sorted(found), sorted(expected)
    assert found == expected


def test_without_an_order_the_newest_comes_first() -> None:
    assert keys("project = ACME") == ["acme-10", "acme-1", "acme-2", "acme-3"]


def test_an_absolute_date_is_read_in_the_zone_of_the_account() -> None:
    assert keys('updated >= "2026-03-02 11:50" ORDER BY key') == ["acme-1", "acme-10"]
    assert keys('updated >= "2026-03-02 12:50" ORDER BY key', zone="Europe/Berlin") == ["acme-1", "acme-10"]
    assert keys('updated >= "2026-03-02 11:50" ORDER BY key', zone="America/New_York") == []


def test_an_absolute_date_counts_in_whole_minutes() -> None:
    assert keys('updated = "2026-03-02 11:55" ORDER BY key') == ["acme-1", "acme-10"]
    with pytest.raises(JqlError, match="is invalid"):
        keys('updated >= "2026-03-02 11:55:30"')


@pytest.mark.parametrize(
    ("jql", "message"),
    [
        ("assignee = someone", "Field 'assignee' does not exist"),
        ("project ~ ACME", "operator '~' is not supported"),
        ("labels > red", "operator '>' is not supported"),
        ("project = nowhere", "The value 'nowhere' does not exist for the field 'project'"),
        ("key = ACME-99", "An issue with key 'ACME-99' does not exist"),
        ("project = ACME AND", "before the end of the query"),
        ("project = ACME labels = red", "Expecting either 'OR' or 'AND'"),
        ("(project = ACME", "Expecting '\\)'"),
        ("project in ACME", "Expecting '\\('"),
        ("project = ACME ORDER BY rank", "Not able to sort"),
        ("status was Done", "'was' is not served"),
        ("updated >= startOfDay()", "Unable to find JQL function"),
        ("updated >= yesterday", "is invalid"),
        ("labels = a@b", "reserved JQL character"),
        ('labels = "open', "reserved JQL character"),
        ("project = and", "Expecting a value"),
        ("labels is red", "Expecting 'EMPTY'"),
    ],
)
def test_what_is_not_served_is_refused_with_a_message(jql: str, message: str) -> None:
    with pytest.raises(JqlError, match=message):
        keys(jql)


def test_an_empty_query_restricts_nothing() -> None:
    assert parse("").where is None
    assert parse("ORDER BY updated").where is None
    assert len(keys("")) == len(ROWS)
