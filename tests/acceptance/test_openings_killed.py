"""A bridge that is killed between any two steps while it makes a ticket for an issue: there is one in the end."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from bridge.cli.config_option import connectors
from bridge.cli.story.config import config_text
from bridge.config import Config, load_config

from .stage import Stage, ground

OPENS = """, open_when: {labels: {any: [tell-customer]}},
      new_ticket: {requester: user@globex-desk.example, message: {field: description},
      audience: customer_user}}"""
MOST_STEPS = 200
STRIDE = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 13


@cache
def opening() -> Config:
    """The demo's config, in which labelled issues of the repository begin cases."""
    text = config_text(ground().sandbox.urls).replace("deadline: 2s", "deadline: 20s")
    with TemporaryDirectory() as home:
        path = Path(home) / "config.yaml"
        path.write_text(text.replace("vendor/platform}", f"vendor/platform{OPENS}"), encoding="utf-8")
        return load_config(path, environ={"SANDBOX_TOKEN": "sandbox"}, connectors=connectors())


def is_killed_and_right(home: Path, steps: int, *, loses_reply: bool, is_restored: bool) -> bool:
    """Play the story with a kill after so many steps. False if the story was over by then."""
    home.mkdir()
    stage = Stage(home)
    try:
        store = opening().store.model_copy(update={"directory": home / "data"})
        stage.config = opening().model_copy(update={"store": store})
        stage.copy_ledger()
        stage.start()
        stage.pass_time(5)
        number = stage.github.file("Search is slow", "It will be slow tonight.", labels=["tell-customer"])
        if loses_reply:
            stage.fault(site="globex-desk", kind="drop_after", method="POST", writes_only=True, count=1)
        stage.killer.left = steps
        for _look in range(3):
            stage.poll("vendor-github")
            stage.work()
            stage.poll("globex-desk")
        was_killed = not stage.killer.left
        stage.calm()
        if is_restored:
            stage.restore_ledger()
        stage.come_to_rest()
        [case] = stage.desks["globex-desk"].cases()
        stage.desks["globex-desk"].reply(case.ticket, "For how long?")
        stage.github.comment(number, "#reply Until six.")
        stage.come_to_rest()
        [case] = stage.desks["globex-desk"].cases()
        [issue] = stage.github.cases()
        assert len(case.said) == 3
        assert sum("For how long?" in said.words for said in issue.said) == 1
        return was_killed
    finally:
        stage.close()


def test_wherever_it_is_killed_there_is_one_ticket_also_after_a_lost_reply_and_on_an_old_ledger(
    tmp_path: Path,
) -> None:
    for steps in range(1, MOST_STEPS, STRIDE):
        home = tmp_path / str(steps)
        if not is_killed_and_right(home, steps, loses_reply=steps % 2 == 0, is_restored=steps % 3 == 0):
            break
    assert 20 < steps < MOST_STEPS - STRIDE
