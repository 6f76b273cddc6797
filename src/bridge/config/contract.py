"""Contracts, as far as the config must be sure of them: they are there, and their calendars stand in real zones."""

from __future__ import annotations

from datetime import date
from functools import cache
from zoneinfo import available_timezones

from bridge.mapping.source import Item, Problems, describe, did_you_mean

NEEDED = ("customer", "period", "calendars")


def check_contract(item: Item, problems: Problems) -> None:
    """Note what a contract lacks: its customer, its period, its calendars, and a zone in each of them."""
    if not item.is_map:
        problems.add(f"a contract must be a group of keys, not {describe(item.value)}", item.place)
        return
    for key in NEEDED:
        if key not in item.value:
            problems.add(f"the contract lacks the key `{key}`", item.place, f"add `{key}:`")
    if customer := item.get("customer"):
        problems.text(customer, "`customer`")
    _check_period(item.get("period"), problems)
    _check_calendars(item.get("calendars"), problems)
    language = item.get("language")
    if language and language.is_map and (zone := language.get("timezone")):
        check_timezone(zone, "language", problems)


def check_timezone(item: Item, calendar: str, problems: Problems) -> None:
    """Note a time zone that the IANA database does not know."""
    name = problems.text(item, f"`timezone` of `{calendar}`")
    if name and name not in _zones():
        hint = did_you_mean(name, _zones()) or "write an IANA name such as Europe/Berlin"
        problems.add(f"`{name}` is not a time zone", item.place, hint)


@cache
def _zones() -> frozenset[str]:
    return frozenset(name for name in available_timezones() if "/" in name or name == "UTC")


def _check_period(item: Item | None, problems: Problems) -> None:
    if item is None:
        return
    if not item.is_map:
        problems.add(f"`period` must be a group of keys, not {describe(item.value)}", item.place)
        return
    days = []
    for key in ("from", "to"):
        day = item.get(key)
        if day is None:
            problems.add(f"`period` lacks the key `{key}`", item.place, f"add `{key}: 2026-01-01`")
        elif not isinstance(day.value, date):
            problems.add(f"`{key}` of `period` must be a date such as 2026-01-01, not {describe(day.value)}", day.place)
        else:
            days.append(day)
    if len(days) == 2 and days[1].value < days[0].value:
        problems.add("the contract's period ends before it begins", days[1].place)


def _check_calendars(item: Item | None, problems: Problems) -> None:
    if item is None:
        return
    if not item.is_map or not item.value:
        problems.add(f"`calendars` must name at least one calendar, not {describe(item.value)}", item.place)
        return
    for name, calendar in item.value.items():
        found = calendar.get("timezone") if calendar.is_map else None
        if found is None:
            problems.add(f"the calendar `{name}` lacks the key `timezone`", calendar.place, "add `timezone:`")
        else:
            check_timezone(found, f"calendars.{name}", problems)
