"""What routes in mode `observe` would have done, as data and for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from bridge.engine.batch import Observation
from bridge.engine.route import Route
from bridge.model import document as rich_text
from bridge.model.operation import Operation, OperationKind
from bridge.model.words import Mode, Side


def observed(routes: Mapping[str, Route], observations: Iterable[Observation]) -> dict[str, Any]:
    """Per observing route: how many links and operations by kind, the texts that would reach the customer with the
    rule that lets them (`file:line`), and why tickets would be left alone."""
    report: dict[str, Any] = {}
    everything = list(observations)
    for name, route in routes.items():
        if route.mode is not Mode.OBSERVE:
            continue
        mine = [one for one in everything if one.route == name]
        operations = [operation for one in mine for operation in one.operations]
        report[name] = {
            "tickets": len(mine),
            "links": sum(1 for operation in operations if operation.kind is OperationKind.CREATE),
            "operations": dict(Counter(_kind(operation) for operation in operations)),
            "texts": [_text(operation) for operation in operations if _reaches_customer(operation)],
            "left_alone": dict(Counter(one.why for one in mine if one.why)),
        }
    return report


def _kind(operation: Operation) -> str:
    name = f" {operation.field_name}" if operation.field_name else ""
    return f"{operation.kind.value}{name} on the {operation.side.value}"


def _reaches_customer(operation: Operation) -> bool:
    return operation.kind in (OperationKind.COMMENT, OperationKind.CREATE) and operation.side is Side.HELPDESK


def _text(operation: Operation) -> dict[str, str]:
    words = rich_text.to_plain(operation.payload["body"])
    ticket = operation.group.partition(":")[2]
    return {
        "ticket": ticket,
        "audience": operation.payload["audience"],
        "rule": operation.reason,
        "text": words,
    }


def print_observed(report: Mapping[str, Any]) -> None:
    """Print the report for people."""
    console = Console(highlight=False, soft_wrap=True)
    for name, row in report.items():
        console.print(f"\nRoute {name} observes; nothing was written anywhere.", style="bold")
        console.print(f"It looked at {row['tickets']} tickets and would create {row['links']} links.")
        table = Table("operation", "how many")
        for kind, number in sorted(row["operations"].items()):
            table.add_row(kind, str(number))
        console.print(table)
        for why, number in row["left_alone"].items():
            console.print(f"{number} left alone: {why}", markup=False)
        console.print(
            f"{len(row['texts'])} texts would reach the customer:"
            if row["texts"]
            else "No text would reach the customer."
        )
        for text in row["texts"]:
            first = text["text"].strip().split("\n", 1)[0][:80]
            console.print(f"  {text['ticket']} to {text['audience']} by {text['rule']}: {first}", markup=False)
