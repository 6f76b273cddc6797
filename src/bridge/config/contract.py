"""Contract files: read, checked against their shape, linted, and compiled with their calendars into a timeline."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from bridge.config.calendars import Almanac, always_open, zone_at_hand, zone_names
from bridge.config.faults import note_faults
from bridge.config.packs import contract_names, contract_path, names_pack
from bridge.config.pins import Pin, Pins, differences, pins_path, read_pins, write_pins
from bridge.config.reading import read_yaml
from bridge.errors import Place
from bridge.mapping.source import Item, Problems, describe, did_you_mean
from bridge.sla.contract import Contract
from bridge.sla.lint import Finding, find_contradictions, find_gaps, find_wrong_names
from bridge.sla.terms import Terms, Timeline, courses
from bridge.sla.timetable import MOST_YEARS, Timetable

RENEWALS = 5
"""For how many renewals of a contract holidays are taken down ahead."""


def check_contract(item: Item, problems: Problems) -> None:
    """Note everything that is wrong with a contract, as `compile_contract` does, and leave it at that."""
    compile_contract(item, problems)


def compile_contract(
    item: Item, problems: Problems, *, people: Collection[str] = (), path: Path | None = None, digest: str = ""
) -> Terms | None:
    """The contract that `item` holds, with its calendars; None, with the problems noted, if anything is wrong.

    `people` are the roles of the config's people (none: not checked), `path` is where it stands: feeds and pins are
    beside it.
    """
    before = len(problems.found)
    if not item.is_map:
        problems.add(f"a contract must be a group of keys, not {describe(item.value)}", item.place)
        return None
    try:
        contract = Contract.model_validate(item.plain)
    except ValidationError as error:
        note_faults(error, item, Contract, problems)
        return None
    _check_zones(item, problems)
    for finding in find_wrong_names(contract, people):
        _note(finding, item, problems)
    if len(problems.found) > before:
        return None
    pins = read_pins(pins_path(path), problems) if path is not None else Pins()
    almanac = Almanac(_years(contract), path.parent if path is not None else Path(), pins, problems)
    terms = _with_calendars(contract, item, almanac, digest)
    for finding in find_contradictions(terms):
        _note(finding, item, problems)
    return terms if len(problems.found) == before else None


def read_contract(name: str, directory: Path) -> Terms:
    """The contract of this name (or path, from `directory`) alone. Raises the first ConfigurationError."""
    return read_timeline((name,), directory).versions[0]


def read_timeline(names: Sequence[str], directory: Path, *, people: Collection[str] = ()) -> Timeline:
    """The versions of a contract by their names (or paths, from `directory`), beside the config's people. Raises the first
    ConfigurationError."""
    problems = Problems()
    item = Item.of(names[0] if len(names) == 1 else list(names), Place(", ".join(names)))
    timeline = ContractFiles(directory, people, problems).timeline(tuple(names), item)
    if timeline is None or problems.found:
        raise problems.found[0]
    return timeline


def pin_contract(path: Path) -> list[str]:
    """Write down what holiday and zone data say now of the contract at `path`; what that changes, in sentences.

    Raises the first ConfigurationError of the contract.
    """
    problems = Problems()
    item = read_yaml(path, shown=str(path), problems=problems)
    terms = compile_contract(item, problems, path=path) if item is not None else None
    if item is None or terms is None:
        raise problems.found[0]
    before = read_pins(pins_path(path), problems)
    almanac = Almanac(_years(terms.contract), path.parent, Pins(), problems)
    pins: dict[str, Pin] = {}
    for name, written in terms.contract.calendars.items():
        _, pin, _ = almanac.take_down(name, written, item.find(("calendars", name)))
        if pin is not None:
            pins[name] = pin
    names = {terms.contract.timezone, *(written.timezone for written in terms.contract.calendars.values())}
    zones = {name: zone_at_hand(name) for name in sorted(names)}
    write_pins(pins_path(path), Pins(pins, zones))
    said = [f"calendar `{name}`: {_what_changed(before.calendars.get(name), pin)}" for name, pin in pins.items()]
    moved = [name for name, pin in zones.items() if name in before.zones and before.zones[name].data != pin.data]
    return said + [f"zone {name}: now as zone data {zones[name].tzdata} has it" for name in moved]


def _what_changed(before: Pin | None, pin: Pin) -> str:
    if before is None or before.asks != pin.asks:
        return f"{len(pin.days)} holidays of {pin.years[0]} to {pin.years[1]} pinned ({pin.data})"
    return ", ".join(differences(before, pin)) or "nothing changed"


@dataclass(slots=True)
class ContractFiles:
    """Reads contract files, each once. `people` are the roles of the config's people."""

    directory: Path
    people: Collection[str]
    problems: Problems
    read: dict[Path, tuple[Item, Terms | None]] = field(default_factory=dict)

    def timeline(self, names: tuple[str, ...], item: Item) -> Timeline | None:
        """The versions that a route's `contract:` names; None, with the problems noted, if anything is wrong with one."""
        found = [self._load(name, item.find((number,)) if item.is_list else item) for number, name in enumerate(names)]
        versions = [terms for _, terms in filter(None, found) if terms is not None]
        if not names or len(versions) < len(names):
            return None
        items = {id(terms): contract for contract, terms in filter(None, found)}
        timeline = Timeline.of(versions)
        for terms, finding in find_gaps(timeline):
            _note(finding, items[id(terms)], self.problems)
        return timeline

    def _load(self, name: str, item: Item) -> tuple[Item, Terms | None] | None:
        path, shown = contract_path(name, self.directory)
        if path not in self.read:
            if not path.is_file():
                hint = did_you_mean(name, contract_names()) if names_pack(name) else ""
                self.problems.add(f"there is no contract `{name}`", item.place, hint or f"looked for {shown}")
                return None
            contract = read_yaml(path, shown=shown, problems=self.problems)
            if contract is None:
                return None
            digest = sha256(path.read_bytes()).hexdigest()
            terms = compile_contract(contract, self.problems, people=self.people, path=path, digest=digest)
            self.read[path] = (contract, terms)
        return self.read[path]


def _with_calendars(contract: Contract, item: Item, almanac: Almanac, digest: str) -> Terms:
    tables, remarks = {}, []
    for name, written in contract.calendars.items():
        data, tzdata, moved = almanac.zone(written.timezone)
        version, _, remark = almanac.take_down(name, written, item.find(("calendars", name)), tzdata)
        tables[name] = Timetable(version, data)
        remarks += [f"calendar `{name}`: {one}" for one in (moved, remark) if one]
    calendars = courses(tables, always_open())
    return Terms(contract, calendars, almanac.zone(contract.timezone)[0], digest, tuple(remarks))


def _years(contract: Contract) -> range:
    """For which years holidays are taken down: as far ahead as a clock can look, and some renewals more."""
    period = contract.period
    last = max(period.from_, period.to or period.from_, period.terminated or period.from_)
    ahead = MOST_YEARS + (RENEWALS if period.renewal == "yearly" else 0)
    return range(period.from_.year - 1, last.year + ahead + 1)


def _check_zones(item: Item, problems: Problems) -> None:
    paths = [("calendars", name, "timezone") for name in item.find(("calendars",)).value or ()]
    for path in (*paths, ("period", "timezone"), ("language", "timezone")):
        parent = item.find(path[:-1])
        here = parent.get("timezone")
        if here is not None and here.value not in zone_names():
            hint = did_you_mean(str(here.value), zone_names()) or "write an IANA name such as Europe/Berlin"
            problems.add(f"`{here.value}` is not a time zone", here.place, hint)


def _note(finding: Finding, item: Item, problems: Problems) -> None:
    problems.add(finding.message, item.find(finding.path).place, finding.suggestion)
