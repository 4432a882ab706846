"""Reading what a book is made of: samples from exports or, before the first pull, from the files themselves."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from .. import exports, journal, records, sources
from ..errors import DeploybookError, SourceError
from ..model import Data, DataNote, Deployment, Entry, Pulled
from ..times import Window, at_clock

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
            text = f"nothing was pulled from {source.name} yet; run 'deploybook pull'"
            notes.append(DataNote(kind="missing", metric="", text=text))
            continue
        try:
            pulled.append(sources.pull(source, deployment, folder, now=datetime.now(UTC)))
        except SourceError as error:
            notes.append(DataNote(kind="unreadable", metric="", text=str(error)))
    data = exports.combine(Data(), pulled)
    return Data(samples=data.samples, notes=(*data.notes, *notes))


def pull(
    deployment: Deployment,
    folder: Path,
    *,
    now: datetime,
    environ: Mapping[str, str],
    progress: sources.Progress | None = None,
) -> tuple[list[Pulled], list[SourceError]]:
    """What every source gives beyond what is stored, and the errors of those that cannot be asked; nothing is written."""
    held = exports.spans(folder / "exports")
    pulled, failed = [], []
    for source in deployment.sources:
        windows = windows_needed(deployment) if source.kind != "files" else ()
        try:
            one = sources.pull(
                source, deployment, folder, windows=windows, now=now, environ=environ, held=held, progress=progress
            )
            pulled.append(one)
        except SourceError as error:
            failed.append(error)
    return pulled, failed


def names_needed(deployment: Deployment) -> tuple[str, ...]:
    asked = [metric.id for metric in deployment.metrics if metric.kind == "query"]
    return tuple(dict.fromkeys([*asked, *(name for metric in deployment.metrics for name in metric.names), "up"]))


def windows_needed(deployment: Deployment) -> tuple[Window, ...]:
    """The times a network source is asked for: window and baseline with a margin, observation and its baseline day."""
    margin = timedelta(minutes=60)
    whole = Window(start=deployment.window.start - margin, end=deployment.end + deployment.observation)
    day = deployment.baseline_day
    if day is None or deployment.baseline is None:
        return (whole,)
    start = at_clock(day, "00:00", deployment.zone)
    end = max(start + timedelta(hours=25), deployment.baseline.end + margin)
    return (Window(start=min(start, deployment.baseline.start - margin), end=end), whole)


def read_entries(folder: Path, deployment: Deployment) -> tuple[Entry, ...]:
    """The journal, entries of the records and pulled events, in order; equal ones once."""
    from ..findings import joined

    found: list[Entry] = list(records.read_entries(folder, deployment))
    path = folder / "journal.md"
    if path.is_file():
        found.extend(journal.read(path, deployment.zone))
    once = {(entry.at, entry.text): entry for entry in found}  # what stands in both is the journal's
    return joined(once.values(), exports.events(folder / "exports"))


def neighbours(workspace: records.Workspace, deployment: Deployment) -> tuple[Deployment, ...]:
    found = []
    for slug in set(records.slugs(workspace)) - {deployment.slug}:
        with suppress(DeploybookError):  # `check` says what is wrong with it
            found.append(records.read_deployment(workspace, slug))
    return tuple(sorted(found, key=lambda each: each.slug))
