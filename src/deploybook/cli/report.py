"""`deploybook report`: pull what is missing, run the notebooks, write the pages."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from .common import State, exit_code, open_log, print_json, tell, verb

if TYPE_CHECKING:
    from ..book import Book
    from ..errors import SourceError
    from ..evidence import Log
    from ..records import Workspace


@verb("report")
@click.option(
    "--after", metavar="LENGTH", help="Only the report of this checkpoint, such as 24h; 'window' for the window's."
)
@click.option("--day", metavar="DAY", help="The daily report of this day over all deployments, such as 2025-01-22.")
@click.option("--all", "every", is_flag=True, help="Every deployment of the workspace.")
@click.option(
    "--isolation", type=click.Choice(["fork", "process"]), default="fork", show_default=True, help="How notebooks run."
)
@click.option("--by", metavar="NAME", default="", help="Who makes a published report again, for the evidence log.")
@click.option("--reason", metavar="TEXT", default="", help="Why it is made again.")
@click.option("--no-pull", is_flag=True, help="Use the exports as they are.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
def command(
    state: State,
    after: str | None,
    day: str | None,
    every: bool,
    isolation: str,
    by: str,
    reason: str,
    no_pull: bool,
    as_json: bool,
) -> int:
    """Write the reports of a deployment: its window and every checkpoint that is due, or one of them."""
    from ..records import slugs
    from ..report import make

    workspace, now = state.open(), state.time
    log = open_log(workspace, make_key=True)
    if day:
        return daily(workspace, day, log, now, isolation)
    made = []
    for slug in slugs(workspace) if every else [state.slug(workspace)]:
        if not no_pull:
            pull(workspace, slug, now)
        for book in books(workspace, slug, after, now):
            one = make(book, log=log, now=now, isolation=isolation, by=by, reason=reason)  # type: ignore[arg-type]
            made.append(one)
            if not as_json:
                click.echo(f"{one.path}: {one.verdict.value}, {one.why}")
    if as_json:
        print_json(
            {
                "schema": "deploybook.made/1",
                "reports": [
                    {
                        "deployment": one.deployment,
                        "after": one.after or None,
                        "path": one.path,
                        "verdict": one.verdict.value,
                        "changed": one.changed,
                        "why": one.why,
                    }
                    for one in made
                ],
            }
        )
    codes = [exit_code(one.verdict) for one in made]
    return next((code for code in (1, 3, 5, 4) if code in codes), 0)


def daily(workspace: Workspace, day: str, log: Log, now: datetime, isolation: str) -> int:
    from ..book.day import Day
    from ..report.daily import make

    one = Day.open(day, workspace=workspace.root)
    path, changed = make(one, log=log, now=now, isolation=isolation)  # type: ignore[arg-type]
    click.echo(f"{workspace.shown(path)}: {one.verdict.value}, {'new' if changed else 'nothing new'}")
    return exit_code(one.verdict)


def books(workspace: Workspace, slug: str, after: str | None, now: datetime) -> list[Book]:
    """The window's book and one for each checkpoint that is due and that the data reach; or the one asked for."""
    from ..assess import data_until, reached
    from ..book import Book
    from ..errors import UsageProblem
    from ..times import iso

    window = Book.open(slug, workspace=workspace.root)
    deployment = window.deployment
    if after not in (None, "window"):
        one = Book.open(slug, after, workspace=workspace.root, data=window.data)
        due = deployment.due(one.after) if one.after else deployment.end
        if due > now:
            raise UsageProblem(f"{slug}: +{after} is not due before {iso(due)}")
        return [one]
    if deployment.end > now:
        raise UsageProblem(f"{slug}: the window ends at {iso(deployment.end)}; there is nothing to report yet")
    if after == "window":
        return [window]
    known = min(reached(deployment, data_until(deployment, window.data)), now)
    return [
        window,
        *(
            Book.open(slug, each, workspace=workspace.root, data=window.data)
            for each in deployment.checkpoints.after
            if deployment.due(each) <= known
        ),
    ]


def pull(workspace: Workspace, slug: str, now: datetime) -> list[SourceError]:
    """Pulls what the sources have; a source that cannot be asked is told and given back, the others are read all the same."""
    import os

    from .. import __version__, exports, sources
    from ..book.load import windows_needed
    from ..errors import SourceError
    from ..records import read_deployment

    deployment = read_deployment(workspace, slug)
    folder = workspace.folder(slug)
    held = exports.spans(folder / "exports")
    pulled, failed = [], []
    for source in deployment.sources:
        try:
            windows = windows_needed(deployment) if source.kind != "files" else ()
            pulled.append(
                sources.pull(source, deployment, folder, windows=windows, now=now, environ=os.environ, held=held)
            )
        except SourceError as error:
            failed.append(error)
            tell(str(error))
    exports.store(folder / "exports", pulled, tool=__version__)
    return failed
