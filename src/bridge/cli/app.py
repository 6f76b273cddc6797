"""The entry point: commands gathered, errors turned into one sentence and an exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer
from rich.console import Console
from sqlalchemy.exc import SQLAlchemyError

import bridge
from bridge.cli import (
    acknowledge,
    backfill,
    brakes,
    check,
    contract,
    demo,
    exposure,
    failures,
    links,
    run,
    sandbox,
    sla,
    status,
)
from bridge.errors import BridgeError, ConfigurationError
from bridge.observe import configure_logs

app = typer.Typer(
    name="bridge",
    help="Mirror tickets between a customer's helpdesk and the vendor's tracker, with the contract in between.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(demo.demo)
app.command()(run.run)
app.command()(check.check)
app.command()(status.status)
app.command()(sandbox.sandbox)
app.command()(links.link)
app.command()(links.unlink)
app.command()(links.relink)
app.command()(exposure.exposure)
app.command()(backfill.backfill)
app.add_typer(brakes.app, name="brakes")
app.add_typer(failures.failures)
app.add_typer(contract.app, name="contract")
sla.app.command()(acknowledge.ack)
app.add_typer(sla.app, name="sla")


@app.command()
def version(json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Print bridge's version."""
    typer.echo(f'{{"version": "{bridge.__version__}"}}' if json else bridge.__version__)


@app.callback()
def begin(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and every log line.")] = False,
    log: Annotated[str, typer.Option("--log", help="Form of the log on standard error: console or json.")] = "console",
    log_level: Annotated[str | None, typer.Option("--log-level", help="debug, info, warning or error.")] = None,
) -> None:
    """What every command shares."""
    if log not in ("console", "json"):
        raise ConfigurationError(f"--log takes console or json, not {log}.")
    # The demo plays faults on purpose: their warnings would drown its story, so they are shown when asked for.
    level = log_level or ("error" if context.invoked_subcommand == "demo" else "warning")
    if level.lower() not in ("debug", "info", "warning", "error"):
        raise ConfigurationError(f"--log-level takes debug, info, warning or error, not {log_level}.")
    configure_logs(form="json" if log == "json" else "console", level="debug" if debug else level)


def main() -> None:
    """Run the command line. Exits 0 well, 1 work failed, 2 configuration wrong."""
    try:
        app()
    except ConfigurationError as error:
        _complain(error, 2)
    except BridgeError as error:
        _complain(error, 1)
    except (OSError, SQLAlchemyError) as error:
        _complain(error, 1)


def _complain(error: Exception, code: int) -> None:
    if "--debug" in sys.argv:
        raise error
    message = str(getattr(error, "orig", error)).strip().split("\n")[0]
    Console(stderr=True, highlight=False, soft_wrap=True).print(message, markup=False)
    raise SystemExit(code)
