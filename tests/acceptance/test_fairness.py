"""No route waits behind another's backlog, and no site for another that is slow."""

from __future__ import annotations

from .conftest import World, eventually

ROUTE = """\
  route-{number}:
    helpdesk: {{site: acme-desk, mapping: zendesk-default, open_when: {{tags: {{any: [line-{number}]}}}}}}
    tracker: {{site: vendor-jira, mapping: jira-software, project: ACME, type: Bug}}
    mode: live
    undo: 0s
"""
BACKLOG = 12


def ten_routes(text: str) -> str:
    """A config with ten routes between the same two sites, one worker, and nothing else."""
    head, _, rest = text.partition("routes:\n")
    routes = "".join(ROUTE.format(number=number) for number in range(10))
    return f"{head}routes:\n{routes}{rest[rest.index('store:') :]}".replace("workers: 4", "workers: 1")


def file_for(world: World, route: int, summary: str) -> str:
    """A ticket of one route."""
    ticket = world.acme.file(summary, "Please help.", priority=None, group="Support")
    world.acme.change(ticket, tags=[f"line-{route}"])
    return ticket


def test_w21_the_tenth_route_does_not_wait_behind_nine_others(world: World) -> None:
    world.edit = ten_routes
    for route in range(9):
        for number in range(BACKLOG):
            file_for(world, route, f"backlog {route} {number}")
    file_for(world, 9, "the tenth")
    world.converge()
    with world.sandbox.world.lock:
        made = [
            entry["body"]["fields"]["summary"]
            for entry in world.sandbox.log
            if entry["method"] == "POST" and entry["url"].endswith("/rest/api/3/issue")
        ]
    assert len(made) == 9 * BACKLOG + 1
    # Each of the other nine had one short turn at most before it.
    assert made.index("the tenth") <= 9 * 4
    firsts = [next(place for place, summary in enumerate(made) if f"backlog {route} " in summary) for route in range(9)]
    assert max(firsts) <= 9 * 4


def test_a_slow_site_holds_up_neither_the_reading_nor_the_work_of_others(world: World) -> None:
    world.edit = lambda text: text.replace("deadline: 1s", "deadline: 30s").replace("workers: 4", "workers: 2")
    with world.running():
        world.fault(site="vendor-jira", kind="latency", delay_s=3.0)
        slow = [world.file(world.acme, f"Slow {number}") for number in range(12)]
        # Both workers could be busy with these, each for as long as the site takes.
        assert eventually(lambda: bool(world.requests(site="vendor-jira", writes=True)))
        quick = world.file(world.globex, "Search is slow")
        assert eventually(lambda: [case.summary for case in world.github.cases()] == [quick.summary])
        world.github.comment(world.issue(quick).ticket, "#reply We have found it.")
        assert eventually(lambda: len(world.ticket(quick).said) == 2)
        assert len(world.jira.cases("ACME")) < len(slow)
        world.calm()
        assert eventually(lambda: len(world.jira.cases("ACME")) == len(slow))
