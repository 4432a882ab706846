"""`deploybook judge`: the table, the reasons, the exit code. It never writes."""

from __future__ import annotations

import click

from .common import State, exit_code, print_json, tell, verb


@verb("judge")
@click.option("--after", metavar="LENGTH", help="Only this checkpoint, such as 24h.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on standard output.")
@click.option("-v", "--verbose", is_flag=True, help="The reason of every metric, also of those that pass.")
def command(state: State, after: str | None, as_json: bool, verbose: bool) -> int:
    """Judge the deployment window and every checkpoint for which there is data."""
    from ..book import Book
    from ..times import iso
    from .table import judgement_table

    workspace, now = state.open(), state.time
    book = Book.open(state.slug(workspace), after, workspace=workspace.root, as_of=None, now=now)
    due = book.deployment.due(book.after) if book.after else book.deployment.end
    if due > now:
        tell(f"{book.deployment.slug}: not due before {iso(due)}; nothing to judge yet")
        return 4
    if as_json:
        print_json(book.document)
    else:
        judgement_table(book.facts, verbose=verbose)
    return exit_code(book.facts.verdict)
