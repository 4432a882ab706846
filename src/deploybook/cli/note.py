"""`deploybook note`: a line for the journal, with the time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

import click

from .. import journal
from ..model import Deployment
from ..times import CLOCK, local_day, parse_instant
from ..wording import day_text
from .common import State, read_as, verb


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
    workspace, deployment = state.chosen()
    path = workspace.folder(deployment.slug) / "journal.md"
    with read_as("note"):
        moment = (moment_of(at, deployment, state.time) if at else state.time).replace(microsecond=0)
        line = journal.append(path, text, at=moment, zone=deployment.zone, by=by, tags=kinds)
    day = day_text(moment.astimezone(deployment.zone).date(), year=True)
    click.echo(f"{workspace.shown(path)}, {day}: {line.strip()}")
    return 0


def moment_of(text: str, deployment: Deployment, now: datetime) -> datetime:
    """A time without its day is the last such one; after the watch it is on the day of the deployment."""
    day = local_day(now, deployment.zone) if now < deployment.observed.end else deployment.day
    at = parse_instant(text, deployment.zone, day)
    if at > now and re.fullmatch(CLOCK, text.strip()):
        at = parse_instant(text, deployment.zone, day - timedelta(days=1))
    return at
