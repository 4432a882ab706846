"""`deploybook pull`: from the sources into exports/, once and for all."""

from __future__ import annotations

import os
import sys

import click

from .. import __version__, exports
from ..model import DataNote
from ..sections.text import plain
from ..wording import plural
from .common import State, json_option, print_document, tell, verb


@verb("pull")
@click.option("--dry-run", is_flag=True, help="Read the sources, say what would be stored, store nothing.")
@json_option
def command(state: State, dry_run: bool, as_json: bool) -> int:
    """Bring the metrics from their sources into exports/. What is there already is never changed."""
    from ..book.credentials import guard
    from ..book.load import pull

    workspace, deployment = state.chosen()
    folder = workspace.folder(deployment.slug)
    pulled, unasked = pull(
        deployment, folder, now=state.time, environ=os.environ, progress=None if as_json else progress
    )
    failures = [*map(str, unasked), *(one.failure for one in pulled if one.failure)]
    notes = [note for result in pulled for note in result.notes]
    said = dict.fromkeys([*failures, *map(line_of, notes)])  # a server warns with each answer
    for line in said:
        tell(line)
    check = guard(workspace.root, os.environ)
    stored = exports.StoreResult()
    if not dry_run:
        stored = exports.store(folder / "exports", pulled, tool=__version__, check=check)
        notes = list(stored.notes)  # now also of what an earlier pull stored otherwise
    for line in dict.fromkeys(line for note in notes if (line := line_of(note)) not in said):
        tell(line)
    names = sorted({samples.name for result in pulled for samples in result.samples})
    if as_json:
        told = [{name: getattr(note, name) for name in ("kind", "metric", "place", "text")} for note in notes]
        there = {"written": list(stored.written), "kept": list(stored.kept)}
        print_document("pull", deployment=deployment.slug, metrics=names, **there, notes=told, failed=failures)
    else:
        new = f"would store {len(names)}" if dry_run else f"stored {len(stored.written)}"
        read = plural(len(names), "metric")
        click.echo(f"{deployment.slug}: {read} read, {new} new, {len(stored.kept)} there before")
    return 1 if failures else 0


def line_of(note: DataNote) -> str:
    """On one line, whatever a file or a server put into it."""
    return plain(f"{note.place}: {note.text}" if note.place and not note.text.startswith(note.place) else note.text)


def progress(what: str, samples: int, size: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{what}: {samples:,} samples, {size / 1e6:.1f} MB\033[K", nl=False, err=True)
