"""Bringing back reports that the evidence log holds and reports/ does not: in a fresh clone, in CI, after a loss."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from ..evidence import Entry, Log
from ..model import Deployment
from ..records import Workspace
from . import page
from .keep import folder_of

EXECUTED = "executed.ipynb"


def restore(workspace: Workspace, deployments: Iterable[Deployment], log: Log) -> tuple[str, ...]:
    """
    Writes the newest version of each report whose page facts are missing, byte by byte as it was recorded; what is
    there stays. Gives their paths without ending. Raises EvidenceBroken where an artifact is not what the log says.
    """
    folders = {each.slug: folder_of(workspace, each) for each in deployments}
    restored = []
    for entry in newest(log):
        scope = str(entry.predicate["scope"])
        year, month = scope.removeprefix("daily-").split("-")[:2] if entry.deployment == "daily" else ("", "")
        folder = workspace.root / "reports" / year / month / "daily" if year else folders.get(entry.deployment)
        if folder is None:
            continue  # the deployment itself is not here any more
        files = {folder / name: path for name, path in entry.paths.items() if name != EXECUTED and plain(name)}
        said = [file for file in files if file.name.endswith(".page.json")]
        if any(file.is_file() for file in said) or not all((log.path / path).is_file() for path in files.values()):
            continue  # it is there; or its bytes were removed by rule
        page.write({file: log.read(entry, file.name).decode() for file in files})
        restored += [workspace.shown(file).removesuffix(".page.json") for file in said]
    return tuple(restored)


def newest(log: Log) -> list[Entry]:
    """The last run of each report that went well, of windows that still hold."""
    found: dict[tuple[str, str], Entry] = {}
    for entry in log.entries("outcome", "run"):
        said = entry.predicate
        if entry.kind == "outcome" and said.get("outcome") == "postponed":
            found = {key: run for key, run in found.items() if key[0] != entry.deployment}
        elif entry.kind == "run" and said.get("scope") and said.get("result") == "completed":
            found[entry.deployment, str(said["scope"])] = entry
    return list(found.values())


def plain(name: str) -> bool:
    """A file name and nothing else: a log can come from elsewhere."""
    return Path(name).name == name and not name.startswith(".")
