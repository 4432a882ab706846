"""Reading what a book is made of: samples from exports or, before the first pull, from the files themselves."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from .. import exports, journal, records, sources
from ..errors import DeploybookError, SourceError
from ..model import Data, DataNote, Deployment, Entry
from ..times import Window

# Sources that are files beside the deployment: reading them is no network, so that `judge` needs no pull before.
LOCAL = ("files", "replay")


def load(workspace: records.Workspace, deployment: Deployment) -> Data:
    """
    The samples of every metric. Where nothing was pulled yet, files are read in place and nothing is written;
    a source that lives elsewhere gives a note that says what to run.
    """
    folder = workspace.folder(deployment.slug)
    needed = names_needed(deployment)
    if exports.names(folder / "exports"):
        return exports.load(folder / "exports", needed)
    pulled, notes = [], []
    for source in deployment.sources:
        if source.kind not in LOCAL:
            notes.append(
                DataNote(
                    kind="missing", metric="", text=f"nothing was pulled from {source.name} yet; run 'deploybook pull'"
                )
            )
            continue
        try:
            pulled.append(sources.pull(source, deployment, folder, now=datetime.now(UTC)))
        except SourceError as error:
            notes.append(DataNote(kind="unreadable", metric="", text=str(error)))
    data = exports.combine(Data(), pulled)
    return Data(samples=data.samples, notes=(*data.notes, *notes))


def names_needed(deployment: Deployment) -> tuple[str, ...]:
    names = [
        name for metric in deployment.metrics for name in (metric.id if metric.kind == "query" else "", *metric.names)
    ]
    return tuple(dict.fromkeys([*(name for name in names if name), "up"]))


def windows_needed(deployment: Deployment) -> tuple[Window, ...]:
    """The times a network source is asked for: window and baseline with a margin, observation and its baseline day."""
    from datetime import timedelta

    from ..times import localise

    margin = timedelta(minutes=60)
    whole = Window(start=deployment.window.start - margin, end=deployment.end + deployment.observation)
    day = deployment.baseline_day
    if day is None or deployment.baseline is None:
        return (whole,)
    start = localise(day, "00:00", deployment.zone)
    end = max(start + timedelta(hours=25), deployment.baseline.end + margin)
    return (Window(start=min(start, deployment.baseline.start - margin), end=end), whole)


def read_entries(folder: Path, deployment: Deployment) -> tuple[Entry, ...]:
    """The journal, entries of the records and pulled events, in order; equal ones once."""
    found: list[Entry] = list(records.read_entries(folder, deployment))
    path = folder / "journal.md"
    if path.is_file():
        found.extend(journal.read(path, deployment.zone))
    return joined(found)


def joined(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """In order of time; the same moment and text from two origins is one entry, the journal's."""
    kept: dict[tuple[datetime, str], Entry] = {}
    for entry in sorted(entries, key=lambda each: (each.at, each.origin != "journal", each.line)):
        kept.setdefault((entry.at, entry.text), entry)
    return tuple(kept.values())


def neighbours(workspace: records.Workspace, deployment: Deployment) -> tuple[Deployment, ...]:
    found = []
    for slug in records.slugs(workspace):
        if slug == deployment.slug:
            continue
        try:
            found.append(records.read_deployment(workspace, slug))
        except DeploybookError:
            continue  # `check` says what is wrong with it
    return tuple(found)
