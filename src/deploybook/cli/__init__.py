"""
The command: parse, call, print, exit code. No logic lives here, and nothing heavy is imported before a verb runs.

A new verb: one module here with a click command of the same name, one line in VERBS.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

from .. import __version__
from ..errors import DeploybookError
from .common import State, place_options

__all__ = ["VERBS", "main"]

# In the order in which a deployment meets them.
VERBS = {
    "init": "Make a workspace that works at once.",
    "new": "Write the ten lines of a new deployment.",
    "check": "Read every hand-written file and say what is wrong or assumed.",
    "pull": "Bring the metrics from their sources into exports/.",
    "judge": "Judge the window and every checkpoint for which there is data.",
    "report": "Run the notebooks and write the reports.",
    "status": "Show what is due, done, missed and next.",
    "run": "Do all that is due: pull, judge, report, publish, tell.",
    "draft": "Draft a status mail, a broadcast or a recap; send it.",
    "close": "Record how a deployment ended.",
    "schedule": "Print what cron, systemd, GitHub or Kubernetes need.",
    "publish": "Build the site around the reports.",
    "serve": "Show the built site on this machine.",
    "note": "Append a line to the journal.",
    "attach": "Keep a file as evidence of the deployment.",
    "verify": "Check the evidence log, its artifacts and the pages.",
    "key": "Print what an auditor takes from the ticket; rotate the key.",
    "prune": "Remove old exports by rule, on record.",
    "pack": "Pack one change, or all of a period, for an auditor.",
    "compare": "Show what differs between two reports.",
}


class Verbs(click.Group):
    """Loads a verb's module when it is called; --help reads only the table above."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(VERBS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in VERBS:
            return None
        command: click.Command = import_module(f".{name}", __package__).command
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches

            near = get_close_matches(args[0], VERBS, 1)
            if near:
                raise click.UsageError(f"{error.message} Did you mean '{near[0]}'?", ctx) from error
            raise


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@place_options
@click.version_option(__version__, prog_name="deploybook")
@click.pass_context
def cli(ctx: click.Context, /, **place: Any) -> None:
    """The runbook says what to do, the deploybook shows what happened.

    Exit codes: 0 done, verdict pass or warn; 1 our own failure; 2 usage, or mistakes in hand-written files;
    3 verdict fail; 4 inconclusive, or asked before it is due; 5 no data; 6 evidence does not verify.
    """
    ctx.obj = State(**place)


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the command and exits with its code; a problem is printed once, without a traceback."""
    gc.set_threshold(10_000)  # at Python's 700 the collector takes a tenth of a command, which soon ends
    try:
        code = cli.main(
            args=list(arguments) if arguments is not None else None, prog_name="deploybook", standalone_mode=False
        )
    except DeploybookError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    except click.exceptions.Abort:
        click.echo("stopped", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(141)
    except OSError as error:
        place = f"{error.filename}: " if error.filename else ""
        click.echo(f"{place}{error.strerror or error}; what was there before is kept, mend it and call again", err=True)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
