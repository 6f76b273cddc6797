"""Whether an issue answers a parsed query, and in which order issues come.

Rules after Atlassian's "JQL fields" page: comparing with a value never matches an empty field (not even `!=`); absolute
dates are read in the account's own time zone at minute granularity; relative ones count back from the present.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bridge.sandbox.jira.jql import Clause, Condition, Every, JqlError, Negation, Query, Some

Row = Mapping[str, Any]
"""What a query can see of an issue: `id`, `key`, `project`, `status` (each a tuple of its accepted spellings in lower
case), `labels` and `fixVersion` (tuples), `updated` and `created` (aware datetimes)."""

_RELATIVE = re.compile(r"^([+-]?)((?:\d+[wdhm]\s*)+)$")
_PART = re.compile(r"(\d+)([wdhm])")
_UNITS = {"w": 10080, "d": 1440, "h": 60, "m": 1}
_FORMATS = ("%Y-%m-%d %H:%M", "%Y/%m/%d %H:%M", "%Y-%m-%d", "%Y/%m/%d")


@dataclass(frozen=True, slots=True)
class Setting:
    """What judging a query needs besides the issue: the present, the account's zone, and what values exist.

    `known(field, value)` says whether such a project, issue, status or version exists; None checks nothing (Jira's
    `validateQuery=false`).
    """

    now: datetime
    zone: str = "UTC"
    known: Callable[[str, str], bool] | None = None


def select(query: Query, rows: Iterable[Row], setting: Setting) -> list[Row]:
    """The rows that answer the query, in its order (newest first when it names none). Raises JqlError."""
    test = compile_condition(query.where, setting) if query.where is not None else (lambda row: True)
    found = [row for row in rows if test(row)]
    order = query.order or (("created", True), ("id", True))
    found.sort(key=lambda row: _number(row["id"][0]))
    for field, descending in reversed(order):
        found.sort(key=lambda row, field=field: _sort_value(field, row), reverse=descending)  # type: ignore[misc]
    return found


def compile_condition(condition: Condition, setting: Setting) -> Callable[[Row], bool]:
    """A test of one row. Raises JqlError for values that do not exist or cannot be read."""
    if isinstance(condition, Every):
        parts = [compile_condition(part, setting) for part in condition.parts]
        return lambda row: all(part(row) for part in parts)
    if isinstance(condition, Some):
        parts = [compile_condition(part, setting) for part in condition.parts]
        return lambda row: any(part(row) for part in parts)
    if isinstance(condition, Negation):
        inner = compile_condition(condition.part, setting)
        return lambda row: not inner(row)
    return _compile_clause(condition, setting)


def _compile_clause(clause: Clause, setting: Setting) -> Callable[[Row], bool]:
    field = clause.field
    if clause.operator in ("is", "is not"):
        wants_empty = clause.operator == "is"
        return lambda row: bool(row[field]) is not wants_empty
    if field in ("updated", "created"):
        return _compile_date(clause, setting)
    if setting.known is not None:
        for value in clause.values:
            if not setting.known(field, value):
                raise JqlError(_unknown(field, value))
    if clause.operator in ("<", "<=", ">", ">="):
        return _compile_size(clause)
    wanted = {value.lower() for value in clause.values}
    if clause.operator in ("=", "in"):
        return lambda row: any(value in wanted for value in row[field])
    return lambda row: bool(row[field]) and not any(value in wanted for value in row[field])


def _compile_size(clause: Clause) -> Callable[[Row], bool]:
    field, bound = clause.field, clause.values[0]
    if field == "id":
        limit = _number(bound)
        return lambda row: _holds(clause.operator, _number(row["id"][0]), limit)
    project, number = _split_key(bound.lower())

    def test(row: Row) -> bool:
        own_project, own_number = _split_key(row["key"][0])
        return own_project == project and _holds(clause.operator, own_number, number)

    return test


def _compile_date(clause: Clause, setting: Setting) -> Callable[[Row], bool]:
    field, operator = clause.field, clause.operator
    bound = read_date(clause.values[0], field, setting)
    if operator in ("=", "!="):
        end = bound + timedelta(minutes=1)
        return lambda row: (bound <= row[field] < end) is (operator == "=")
    return lambda row: _holds(operator, row[field], bound)


def read_date(value: str, field: str, setting: Setting) -> datetime:
    """A date as JQL spells it, in UTC. Raises JqlError."""
    relative = _RELATIVE.match(value.strip())
    if relative:
        minutes = sum(int(count) * _UNITS[unit] for count, unit in _PART.findall(relative.group(2)))
        return setting.now + timedelta(minutes=-minutes if relative.group(1) == "-" else minutes)
    for form in _FORMATS:
        try:
            local = datetime.strptime(value, form).replace(tzinfo=ZoneInfo(setting.zone))
        except ValueError:
            continue
        return local.astimezone(UTC)
    raise JqlError(
        f"Date value '{value}' for field '{field}' is invalid. Valid formats include: 'yyyy/MM/dd HH:mm', "
        "'yyyy-MM-dd HH:mm', 'yyyy/MM/dd', 'yyyy-MM-dd', or a period format e.g. '-5d', '4w 2d'."
    )


def _holds(operator: str, left: Any, right: Any) -> bool:
    if operator == "<":
        return bool(left < right)
    if operator == "<=":
        return bool(left <= right)
    if operator == ">":
        return bool(left > right)
    return bool(left >= right)


def _unknown(field: str, value: str) -> str:
    if field == "key":
        return f"An issue with key '{value}' does not exist for field 'key'."
    if field == "id":
        return f"A value with ID '{value}' does not exist for the field 'id'."
    return f"The value '{value}' does not exist for the field '{field}'."


def _sort_value(field: str, row: Row) -> Any:
    value = row[field]
    if field == "id":
        return _number(value[0])
    if field == "key":
        return _split_key(value[0])
    if isinstance(value, Sequence):
        return value[0] if value else ""
    return value


def _split_key(key: str) -> tuple[str, int]:
    project, _, number = key.rpartition("-")
    return project, _number(number)


def _number(value: str) -> int:
    return int(value) if value.isdigit() else 0
