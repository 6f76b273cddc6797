"""`python -m bench.crash`: the daemon killed again and again while people work, now and then with an old database."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from tests.crash.launcher import POINTS
from tests.crash.siege import STORM, Ending, Siege

from bridge.cli.story.script import Fate

PATIENCE_S = 600.0
ANY_TIME = 0.4
"""The share of kills at no named point."""
BORN = 0.2
"""The share of those that come while the daemon is still starting."""
MOST_PASSES = 6
AT_FIRST = ("key", "migrated")
"""Points that are passed only once in the life of a data directory."""


def main() -> None:
    """Besiege the daemon, print what came of it, and exit 1 if anything is wrong."""
    parser = argparse.ArgumentParser(prog="python -m bench.crash", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="how often the daemon is killed")
    parser.add_argument("--seed", type=int, default=1, help="who acts, what fails, when it dies")
    parser.add_argument("--tickets", type=int, default=60, help="how many tickets customers file")
    parser.add_argument("--restore-every", type=int, default=100, help="restarts between two old copies; 0: none")
    parser.add_argument("--keep", type=Path, help="leave the data directory, its log and the requests here")
    parser.add_argument("--json", action="store_true", help="only the result, as JSON")
    chosen = parser.parse_args()
    console = Console(highlight=False, soft_wrap=True, quiet=chosen.json)
    with ExitStack() as rest:
        if chosen.keep is None:
            home = Path(rest.enter_context(tempfile.TemporaryDirectory(prefix="bridge-crash-")))
        else:
            home = chosen.keep
            home.mkdir(parents=True)
        report = besiege(home, chosen, tell=lambda sentence: console.print(sentence, markup=False))
    if chosen.json:
        print(json.dumps(report, ensure_ascii=False, indent=2))
    else:
        _show(console, report)
    sys.exit(1 if is_wrong(report) else 0)


def besiege(home: Path, chosen: argparse.Namespace, *, tell: Callable[[str], None]) -> dict[str, Any]:
    """Kill, restart and restore as often as asked, let both sides come to rest, and judge. The result as plain data."""
    started = time.monotonic()
    with Siege(home, seed=chosen.seed, tickets=chosen.tickets, faults=STORM, pause_s=0.3) as siege:
        for label in AT_FIRST:
            siege.kill_at(label)
        while (number := siege.tally.kills.total()) < chosen.kills:
            _kill_once(siege)
            _restore_now_and_then(siege, chosen.restore_every)
            if number % 20 == 0:
                tell(f"{number} kills, {len(siege.life.script.opened)} tickets, {len(siege.log)} requests …")
        ending = siege.converge(patience_s=PATIENCE_S)
        if chosen.keep is not None:
            lines = (json.dumps(entry, ensure_ascii=False) for entry in siege.log)
            (home / "requests.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return _report(siege, ending, took_s=time.monotonic() - started)


def _kill_once(siege: Siege) -> None:
    dice = siege.dice
    if dice.random() >= ANY_TIME:
        label = dice.choice([label for label in POINTS if label not in AT_FIRST])
        siege.kill_at(label, dice.randint(1, 1 if label == "opening" else MOST_PASSES))
        return
    siege.start()
    if dice.random() < BORN:
        siege.kill_after(dice.uniform(0.0, 2.0), at_work=False)
    else:
        siege.kill_after(dice.uniform(0.0, 4.0))


def _restore_now_and_then(siege: Siege, every: int) -> None:
    """Take a copy in the middle between two restores, so that what was done since stands at the sites and not in it."""
    place = siege.tally.starts % every if every else -1
    if place == every - every // 10 - 1:
        siege.back_up()
    elif place == 0:
        siege.restore()


def is_wrong(report: dict[str, Any]) -> bool:
    """Whether anything was lost, duplicated or leaked, left open, or failed in the daemon."""
    return bool(report["wrong"] or report["complaints"] or not report["settled"])


def _report(siege: Siege, ending: Ending, *, took_s: float) -> dict[str, Any]:
    tally, script, verdict = siege.tally, siege.life.script, ending.verdict
    return {
        "kills": dict(sorted(tally.kills.items())),
        "kills_in_all": tally.kills.total(),
        "never_reached": dict(tally.missed),
        "restarts": tally.starts - 1,
        "restores": tally.restores,
        "faults_played": siege.played,
        "requests": len(siege.log),
        "tickets": len(script.opened),
        "texts": len(script.lines),
        "files": len(siege.life.files),
        "rewritten": sum(1 for line in script.lines if line.fate is not Fate.STANDS),
        **verdict.counts(),
        "settled": ending.settled,
        "operations": ending.status["operations"],
        "wrong": [*verdict.lost, *verdict.duplicated, *verdict.leaked],
        "complaints": list(ending.complaints),
        "seconds": round(took_s, 1),
    }


def _show(console: Console, report: dict[str, Any]) -> None:
    table = Table("killed at", "times")
    for label, number in report["kills"].items():
        table.add_row(label, str(number))
    table.add_row("all", str(report["kills_in_all"]), style="bold")
    console.print(table)
    console.print(
        f"{report['restarts']} restarts and {report['restores']} restored copies; {report['faults_played']} faults in "
        f"{report['requests']} requests; {report['tickets']} tickets, {report['texts']} texts ({report['rewritten']} "
        f"rewritten or blacked out), {report['files']} files; {report['seconds']} s."
    )
    for sentence in (*report["wrong"], *report["complaints"]):
        console.print(f"  {sentence}", style="red", markup=False)
    if not report["settled"]:
        console.print("The two sides did not come to rest in time.", style="red")
    summary = ", ".join(f"{name} {report[name]}" for name in ("lost", "duplicated", "leaked"))
    console.print(summary, style="bold red" if is_wrong(report) else "bold green")


if __name__ == "__main__":
    main()
