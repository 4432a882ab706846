"""`deploybook note`: a line for the journal, with the time."""

from __future__ import annotations

import click

from ..errors import UsageProblem
from .common import State, verb


@verb("note")
@click.argument("text")
@click.option("--at", metavar="TIME", help="When it happened: 14:03, or with its day; now by default.")
@click.option("--by", metavar="NAME", multiple=True, help="Who; may be given more than once.")
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    help="flag, restart, check, decision, comms, evidence, variance; key for a key moment.",
)
def command(state: State, text: str, at: str | None, by: tuple[str, ...], kinds: tuple[str, ...]) -> int:
    """Append a line to the journal of the deployment."""
    from .. import journal
    from ..records import read_deployment
    from ..times import local_day, parse_instant

    workspace = state.open()
    deployment = read_deployment(workspace, state.slug(workspace))
    now = state.time
    try:
        moment = parse_instant(at, deployment.zone, local_day(now, deployment.zone)) if at else now
        path = workspace.folder(deployment.slug) / "journal.md"
        line = journal.append(path, text, at=moment.replace(microsecond=0), zone=deployment.zone, by=by, tags=kinds)
    except ValueError as error:
        raise UsageProblem(f"note: {error}") from error
    click.echo(f"{workspace.shown(path)}: {line.strip()}")
    return 0
