"""`deploybook check`: every hand-written file read, every mistake said with its place, every default that was used."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import click

from .. import records
from ..book.check import check_deployment, check_workspace
from ..duty.rehearsal import in_file, unreached, unwritten
from ..errors import DeploybookError, FileProblems, Problem, UsageProblem
from ..notify import channels_of
from .common import State, json_option, print_document, tell, verb


@verb("check")
@click.option(
    "--live",
    "is_live",
    is_flag=True,
    help="Then ask the sources what one deployment would find, secure its baseline, and check stored figures.",
)
@json_option
def command(state: State, is_live: bool, as_json: bool) -> int:
    """Read every hand-written file without running anything; say what is wrong and what was assumed."""
    workspace = state.open()
    slugs = [state.slug(workspace)] if state.deployment else list(records.slugs(workspace))
    wrong, hints = wrong_messages(workspace, slugs)
    problems = [*check_workspace(workspace), *wrong]
    assumed: dict[str, tuple[str, ...]] = {}
    for slug in slugs:
        found = check_deployment(workspace, slug)
        problems += found.problems
        hints += found.hints
        assumed[slug] = found.assumed
    problems = sorted(set(problems))
    if is_live and not problems:
        from .live import live

        return live(state, as_json)
    if as_json:
        lines = [
            {"path": each.path, "line": each.line, "where": list(each.where), "text": each.text} for each in problems
        ]
        print_document("check", problems=lines, hints=list(map(str, hints)), assumed=assumed)
        return 2 if problems else 0
    if problems:
        raise FileProblems(problems)
    for hint in hints:
        tell(str(hint))
    for slug, used in assumed.items():
        click.echo(f"{slug}: no mistakes")
        for line in used:
            click.echo(f"  assumed: {line}")
    if not slugs:
        click.echo("no deployment yet; 'deploybook new SLUG' makes one")
    return 0


def wrong_messages(workspace: records.Workspace, slugs: Sequence[str]) -> tuple[list[Problem], list[Problem]]:
    """Mistakes of the channels and of every message as it would be written; hints, what this machine lacks to send."""
    try:
        settings = records.read_settings(workspace)
        channels_of(settings.channels)
    except FileProblems:
        return [], []  # told already
    except UsageProblem as problem:
        _, where, text = str(problem).split(": ", 2)
        return [in_file(workspace, "deploybook.yml", tuple(where.split(" > ")), text)], []
    wrong: list[Problem] = []
    for slug in slugs:
        with suppress(DeploybookError):  # of the deployment's files, which is told beside it
            wrong += unwritten(workspace, settings, records.read_deployment(workspace, slug))
    return wrong, list(unreached(workspace, settings))
