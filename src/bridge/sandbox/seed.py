"""Tickets for a rehearsal: invented ones, written through the helpdesk's own API, or an account's real export."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any, Protocol, runtime_checkable

import requests

from bridge.sandbox.server import Sandbox
from bridge.sandbox.site import Site

PERIOD = timedelta(days=90)
"""How far back the first invented ticket lies."""
TOKEN = "sandbox"
SECOND_LINE = "Vendor 2nd line"


@dataclass(frozen=True, slots=True)
class _Story:
    """What one kind of ticket says; `{part}` is filled in."""

    subject: str
    body: str
    priority: str
    note: str
    reply: str


_PARTS = (
    "invoice run",
    "customer import",
    "mail gateway",
    "label printing",
    "monthly report",
    "stock view",
    "web shop",
)
_STORIES = (
    _Story(
        "{part} stopped with an error",
        "Since this morning the {part} stops after about two minutes with error 5012. We restarted it twice.\n\n"
        "1. Open the {part}\n2. Choose the whole month\n3. Start\n\nNobody here can go on without it.",
        "urgent",
        "Reproduced with their data. The log shows a lock that is never let go.",
        "It happened again just now, at the same place.",
    ),
    _Story(
        "{part} is slow since the update",
        "Before the update the {part} took about 10 seconds, now it takes several minutes. Is that known?",
        "high",
        "All three of their test accounts are affected, so it is not the network.",
        "In the evening it is a little faster, if that helps.",
    ),
    _Story(
        "Wrong figures in the {part}",
        "The totals in the {part} do not match what we booked. Example: 1,204.50 expected, 1,204.05 shown.\n"
        "This concerns everything since the first of the month.",
        "high",
        "Looks like rounding, needs the vendor.",
        "We found a second example: 88.10 expected, 88.01 shown.",
    ),
    _Story(
        "Question about the {part}",
        "How can a second person be given access to the {part}? We did not find it in the manual.",
        "normal",
        "Answered before for another colleague, but their edition differs.",
        "Thank you, we will try that.",
    ),
    _Story(
        "Typo on the page of the {part}",
        'On the first page of the {part} it says "recieve". Not urgent at all.',
        "low",
        "Passed on.",
        "No hurry.",
    ),
    _Story(
        "Umlauts broken in the {part}",
        "Names like Müller or Łukasz are shown as M?ller and ?ukasz in the {part}, but only when exported as CSV.",
        "normal",
        "Only when opened by double click; the file itself says UTF-8.",
        "With another program it looks the same.",
    ),
)


@runtime_checkable
class TakesTickets(Protocol):
    """A site that exported tickets can be loaded into."""

    def import_ticket(self, exported: Mapping[str, Any], /) -> Any:
        """Load one ticket as the export shows it."""


def seed(sandbox: Sandbox, *, tickets: int, seed: int, solved_share: float = 0.0) -> None:
    """Fill every helpdesk site with `tickets` invented tickets of the last 90 days, the same for the same `seed`.

    Written by HTTP as the account's own people would: an end user asks, an agent hands over to the vendor's group and
    leaves a note, some users write again, and `solved_share` of the tickets (0 to 1) are solved again. Meanwhile the
    sandbox's clock stands in the past, so seed before anything else is connected. Raises requests.HTTPError when a
    site refuses.
    """
    for site in sandbox.sites.values():
        if site.api == "zendesk":
            _seed_site(sandbox, site, Random(f"{seed} {site.name}"), tickets, solved_share)


def import_tickets(sandbox: Sandbox, site: str, file: Path) -> int:
    """Load a helpdesk's real export into a site: how many tickets it held.

    `file` holds a page of the incremental export (`{"tickets": […], "users": […]}`), a list of pages or of tickets, or
    one page or ticket a line. Raises ValueError for anything else, and for a site that takes no tickets.
    """
    target = sandbox.sites[site]
    if not isinstance(target, TakesTickets):
        raise ValueError(f"{site} is a {target.kind}: tickets can be loaded into a helpdesk only")
    loaded = 0
    with sandbox.world.lock:
        for ticket in _read_export(file):
            target.import_ticket(ticket)
            loaded += 1
    return loaded


def _read_export(file: Path) -> Iterator[Mapping[str, Any]]:
    text = file.read_text(encoding="utf-8")
    try:
        held = json.loads(text)
    except ValueError:
        try:
            held = [json.loads(line) for line in text.splitlines() if line.strip()]
        except ValueError as error:
            raise ValueError(f"{file} is neither JSON nor JSON lines: {error}") from error
    for part in held if isinstance(held, list) else [held]:
        if not isinstance(part, dict) or not ({"tickets", "id"} & set(part)):
            raise ValueError(f"{file} holds something that is neither a page of tickets nor a ticket")
        people = {user["id"]: user for user in part.get("users", ())}
        for ticket in part.get("tickets", [part]):
            named = [ticket.get(role) for role in ("requester_id", "submitter_id", "assignee_id")]
            users = [people[ident] for ident in dict.fromkeys(named) if ident in people]
            yield {**ticket, "users": users} if users else ticket


def _seed_site(sandbox: Sandbox, site: Site, dice: Random, tickets: int, solved_share: float) -> None:
    world = sandbox.world
    with world.lock:
        people = [user for user in site.data["users"].values() if user["email"]]
        users = [user["email"] for user in people if user["role"] == "end-user"]
        staff = _of_same_domain([user["email"] for user in people if user["role"] == "agent"], users)
        groups = {group["name"]: group["id"] for group in site.data["groups"].values()}
        now = world.offset
    group = groups.get(SECOND_LINE, next(iter(groups.values())))
    with requests.Session() as session:
        session.trust_env = False
        desk = _Desk(session, site.url)
        steps = [
            step
            for number in range(tickets)
            for step in _plan(desk, dice, number / tickets, (users, staff), group, solved_share)
        ]
        try:
            for age_s, act in sorted(steps, key=lambda step: -step[0]):
                with world.lock:
                    world.offset = now - timedelta(seconds=age_s)
                act()
        finally:
            with world.lock:
                world.offset = now


def _of_same_domain(staff: Sequence[str], users: Sequence[str]) -> list[str]:
    # The account bridge itself uses is an agent too, and must not be taken for the customer's.
    domains = {user.rpartition("@")[2] for user in users}
    return [agent for agent in staff if agent.rpartition("@")[2] in domains] or list(staff)


class _Desk:
    """The helpdesk's API, spoken by one of its people at a time."""

    def __init__(self, session: requests.Session, url: str) -> None:
        self._session = session
        self._url = url

    def send(self, who: str, method: str, path: str, body: Mapping[str, Any]) -> Any:
        """One request by `who`; its answer."""
        answer = self._session.request(
            method, f"{self._url}/api/v2/{path}", json=body, auth=(f"{who}/token", TOKEN), timeout=30
        )
        answer.raise_for_status()
        return answer.json()


def _plan(
    desk: _Desk,
    dice: Random,
    place: float,
    people: tuple[Sequence[str], Sequence[str]],
    group: int,
    solved_share: float,
) -> list[tuple[float, Callable[[], None]]]:
    """The steps of one ticket's life, each with how many seconds ago it was taken."""
    user, agent = dice.choice(people[0]), dice.choice(people[1])
    story, part = dice.choice(_STORIES), dice.choice(_PARTS)
    subject = story.subject.format(part=part)
    asked = {"subject": subject[0].upper() + subject[1:], "comment": {"body": story.body.format(part=part)}}
    age_s = max(60.0, PERIOD.total_seconds() * (1 - place) - dice.uniform(0, 3600))
    ids: list[int] = []

    def ask() -> None:
        ids.append(desk.send(user, "POST", "requests.json", {"request": asked})["request"]["id"])

    def hand_over() -> None:
        change = {"group_id": group, "status": "open", "priority": story.priority}
        note = {"body": story.note, "public": False}
        desk.send(agent, "PUT", f"tickets/{ids[0]}.json", {"ticket": {**change, "comment": note}})

    def write_again() -> None:
        desk.send(user, "PUT", f"requests/{ids[0]}.json", {"request": {"comment": {"body": story.reply}}})

    def solve() -> None:
        done = {"status": "solved", "comment": {"body": "This is solved now.", "public": True}}
        desk.send(agent, "PUT", f"tickets/{ids[0]}.json", {"ticket": done})

    steps = [(age_s, ask), (age_s * dice.uniform(0.9, 0.99), hand_over)]
    if dice.random() < 0.5:
        steps.append((age_s * dice.uniform(0.5, 0.85), write_again))
    if dice.random() < solved_share:
        steps.append((age_s * dice.uniform(0.1, 0.45), solve))
    return steps
